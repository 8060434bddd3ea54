import Metrics

/// Why a delivery to a hook was refused, as a label of metrics. Reasons are classes of HTTP statuses, so that neither
/// senders nor plugins can add label values.
enum HookRefusal: String, CaseIterable {
    /// Authentication or authorization failed: 401, 403.
    case unauthorized
    /// A rate limit, or too many queued runs: 429.
    case tooManyRequests = "too-many-requests"
    /// An invalid request, such as a wrong body or method: any other 4xx.
    case invalid
    /// The journal cannot be written, or the server is shutting down: 503.
    case unavailable
    /// The trigger failed: any other status.
    case failed

    private static let metric = "runnel_hook_refusals_total"

    init(status: Int) {
        self =
            switch status {
            case 401, 403: .unauthorized
            case 429: .tooManyRequests
            case 400..<500: .invalid
            case 503: .unavailable
            default: .failed
            }
    }

    /// - Parameter pipeline: Whose hook it is.
    func count(of pipeline: String) { Counter(label: Self.metric, dimensions: labels(pipeline)).increment() }

    /// Creates the series of a pipeline with 0, so that `increase()` sees the first refusal.
    static func prepare(_ pipeline: String, in registry: MetricsRegistry) {
        for refusal in allCases {
            registry.makeCounter(label: metric, dimensions: refusal.labels(pipeline)).increment(by: 0)
        }
    }

    private func labels(_ pipeline: String) -> [(String, String)] { [("pipeline", pipeline), ("reason", rawValue)] }
}
