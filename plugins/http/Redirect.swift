internal import NIOHTTP1
internal import RunnelHTTP
internal import RunnelKit

/// What becomes of a request when its answer points elsewhere (RFC 9110, section 15.4, and the Fetch standard, section 4.4).
struct Redirect {
    let call: HTTPCall
    /// Whether the new place has another scheme, host or port, so that credentials were left behind.
    let isCrossOrigin: Bool

    /// Nil when the answer is no redirect.
    init?(of call: HTTPCall, to reply: HTTPReply) throws(StepError) {
        guard [301, 302, 303, 307, 308].contains(reply.status),
            let location = reply.headers.first(name: "location")
        else { return nil }
        var next = call
        do {
            next.url = try call.url.resolving(location)
        } catch {
            throw StepError(
                "bad-redirect", "\(call.shown) redirects to a place that cannot be followed: \(error.message)",
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
            for name in call.headers.map(\.name) where SensitiveName.matches(name) || name.lowercased() == "host" {
                next.headers.remove(name: name)
            }
        }
        self.call = next
    }
}
