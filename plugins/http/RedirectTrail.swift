internal import RunnelHTTP
internal import RunnelKit

/// The places a request has been sent to, so that it neither runs in circles nor for ever.
struct RedirectTrail {
    private var visited: Set<String> = []
    private let start: String
    private let limit: Int

    init(start call: HTTPCall, limit: Int) {
        start = call.shown
        self.limit = limit
        visited.insert(Self.place(call))
    }

    /// Notes the next place, or says why it must not be visited.
    mutating func follow(_ call: HTTPCall) throws(StepError) {
        guard visited.insert(Self.place(call)).inserted else {
            throw StepError(
                "redirect-loop", "\(start) was redirected in a circle, back to \(call.url.shown)",
                hint: "some pages do that to whoever keeps no cookies; send the page's `cookie` header if it needs one")
        }
        guard visited.count <= limit + 1 else {
            throw StepError(
                "too-many-redirects",
                "\(start) was redirected more than \(limit) \(limit == 1 ? "time" : "times"), last to \(call.url.shown)",
                hint: "raise `redirects` if that is expected")
        }
    }

    private static func place(_ call: HTTPCall) -> String { "\(call.method) \(call.url.text)" }
}
