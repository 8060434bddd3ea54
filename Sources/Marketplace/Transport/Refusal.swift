internal import NIOHTTP1
internal import RunnelSupport

/// An answer to a chat request that is not an event stream.
struct Refusal {
    var head: HTTPResponseHead
    var body: [UInt8]
    /// Whether there is more than was read.
    var isCut: Bool

    func attempt(_ context: StreamDelegate.Context) -> FailedAttempt {
        let contentType = head.contentType
        let failure = StatusFailure(
            status: head.status, headers: head.headers,
            body: isCut ? body.dropLast(ServerMessage.unsafeTail) : body, url: context.url, redactor: context.redactor,
            now: context.wallClock())
        guard head.status == .ok else {
            let error = failure.chat(
                authentication: context.authentication, agentID: context.agentID,
                conversationID: context.conversationID)
            return FailedAttempt(
                error: error, mayRepeat: error.isTransient, tokenRefused: head.status == .unauthorized)
        }
        let said = context.redactor.redact(failure.server.text).map { ": \(Quote.quoted($0, limit: 160))" } ?? ""
        guard !ContentType.isEventStream(contentType) else {
            let error = MarketplaceError(
                .notAnEventStream, "\(context.url) answered 200 with a body that is no event stream\(said)",
                hint: "check the base URL, and what stands between this machine and the server", httpStatus: 200)
            return FailedAttempt(error: error, mayRepeat: false)
        }
        let type = contentType.map { Quote.quoted(context.redactor.redact($0), limit: 60) } ?? "no content type"
        let error = MarketplaceError(
            .notAnEventStream, "\(context.url) answered 200 with \(type) instead of an event stream\(said)",
            hint: "check the base URL: this looks like \(kind(contentType))", httpStatus: 200)
        return FailedAttempt(error: error, mayRepeat: false)
    }

    private func kind(_ contentType: String?) -> String {
        switch ContentType.essence(contentType) {
        case "text/html": "a web page, not the API"
        case "application/json": "another end point, or a server that does not stream"
        default: "something other than the API"
        }
    }
}
