import Metrics

/// Why a delivery to a hook was refused, as a label of metrics: a class of HTTP statuses, so that neither a sender nor a
/// plugin can make up labels.
enum HookRefusal: String, CaseIterable {
    /// The sender has not proved that it may call: 401, 403.
    case unauthorized
    /// The hook is called too often, or too many runs are queued: 429.
    case tooManyRequests = "too-many-requests"
    /// The delivery itself is wrong, such as its body or method: any other 4xx.
    case invalid
    /// Runs cannot be stored now, or the server is shutting down: 503.
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

    /// Makes the series of a pipeline with a hook, so that its first refusal is an increase.
    static func prepare(_ pipeline: String, in registry: MetricsRegistry) {
        for refusal in allCases {
            registry.makeCounter(label: metric, dimensions: refusal.labels(pipeline)).increment(by: 0)
        }
    }

    private func labels(_ pipeline: String) -> [(String, String)] { [("pipeline", pipeline), ("reason", rawValue)] }
}
