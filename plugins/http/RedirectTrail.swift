internal import NIOHTTP1
internal import RunnelHTTP
internal import RunnelKit

/// The URLs a request was redirected to, to detect loops and limit their number.
struct RedirectTrail {
    private var visited: Set<String> = []
    private let start: String
    private let limit: Int

    init(start call: HTTPCall, limit: Int) {
        start = call.shown
        self.limit = limit
        visited.insert(Self.place(call))
    }

    /// Records the next URL; throws if it must not be followed.
    mutating func follow(_ call: HTTPCall) throws(StepError) {
        guard visited.insert(Self.place(call)).inserted else {
            throw StepError(
                HTTPErrorCode.redirectLoop, "\(start) was redirected in a loop, back to \(call.url.shown)",
                hint: "some pages do that to clients without cookies; send the page's `cookie` header if it needs one")
        }
        guard visited.count <= limit + 1 else {
            throw StepError(
                HTTPErrorCode.tooManyRedirects,
                "\(start) was redirected more than \(limit) \(limit == 1 ? "time" : "times"), last to \(call.url.shown)",
                hint: "raise `redirects` if that is expected")
        }
    }

    private static func place(_ call: HTTPCall) -> String { "\(call.method) \(call.url.text)" }
}

/// A redirect: the follow-up request after a 3xx response (RFC 9110, section 15.4, and the Fetch standard, section
/// 4.4).
struct Redirect {
    let call: HTTPCall
    /// Whether the target has another origin (scheme, host or port), so that credentials were dropped.
    let isCrossOrigin: Bool

    /// nil if the response is not a redirect.
    /// - Parameter holdsSecret: Whether a header value holds a secret of the project.
    init?(of call: HTTPCall, to reply: HTTPReply, holdsSecret: (String) -> Bool = { _ in false }) throws(StepError) {
        guard let location = Self.location(in: reply) else { return nil }
        var next = call
        do {
            next.url = try call.url.resolving(location)
        } catch {
            throw StepError(
                HTTPErrorCode.badRedirect, "\(call.shown) redirects to an invalid URL: \(error.message)",
                hint: "the server is at fault; fetch the page's final URL if you know it")
        }
        let becomesGet =
            switch reply.status {
            case 301, 302: call.method == "POST"
            case 303: call.method != "GET" && call.method != "HEAD"
            default: false
            }
        if becomesGet {
            next.method = "GET"
            next.body = nil
            for name in call.headers.map(\.name) where name.lowercased().hasPrefix("content-") {
                next.headers.remove(name: name)
            }
        }
        isCrossOrigin = next.url.origin != call.url.origin
        if isCrossOrigin {
            if next.hostSource == .author { next.hostSource = .data }
            guard next.body == nil else {
                throw StepError(
                    HTTPErrorCode.redirectWithBody,
                    "\(call.shown) is redirected (\(reply.status)) to another origin, \(next.url.shown), which would get its body",
                    hint: "send to that URL directly if you trust it")
            }
            for (name, value) in call.headers
            where SensitiveName.matches(name) || name.lowercased() == "host" || holdsSecret(value) {
                next.headers.remove(name: name)
            }
        }
        self.call = next
    }

    /// Where a redirect leads, as the server wrote it; nil if the response is none.
    static func location(in reply: HTTPReply) -> String? {
        guard [301, 302, 303, 307, 308].contains(reply.status) else { return nil }
        return reply.headers.first(name: "location")
    }
}
