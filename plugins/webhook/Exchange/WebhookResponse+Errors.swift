internal import RunnelKit

extension WebhookResponse {
    /// The answer to a body that is larger than its hook takes.
    public static func bodyTooLarge(limit: Int) -> WebhookResponse {
        error(413, "body-too-large", "the body is larger than the \(ByteCount(limit)) that this hook takes")
    }

    static func json(_ status: Int, _ value: Value, headers: HeaderList = [:]) -> WebhookResponse {
        var headers = headers
        headers.add("content-type", "application/json")
        return WebhookResponse(status: status, headers: headers, body: .bytes(value.jsonBytes()))
    }

    static func text(_ status: Int, _ text: String, headers: HeaderList = [:]) -> WebhookResponse {
        var headers = headers
        headers.add("content-type", "text/plain; charset=utf-8")
        // Some of these texts were the caller's, so no browser may take them for a page.
        headers.add("x-content-type-options", "nosniff")
        return WebhookResponse(status: status, headers: headers, body: .bytes(Array(text.utf8)))
    }

    static func error(
        _ status: Int, _ code: String, _ message: String, headers: HeaderList = [:]
    ) -> WebhookResponse {
        json(status, ["error": ["code": .string(code), "message": .string(message)]], headers: headers)
    }

    /// The answer to an event that was not accepted; why not is nothing for the caller, except that it may try again.
    init(_ refusal: TriggerRefusal) {
        let parts = refusal.retryAfter.components
        let seconds = max(1, parts.seconds + (parts.attoseconds > 0 ? 1 : 0))
        let headers: HeaderList = ["retry-after": "\(seconds)"]
        self =
            switch refusal.reason {
            case .overloaded:
                .error(429, "overloaded", "too many runs are waiting; try again in \(seconds) s", headers: headers)
            case .shuttingDown:
                .error(503, "shutting-down", "Runnel is shutting down; try again in \(seconds) s", headers: headers)
            case .journal:
                .error(503, "unavailable", "runs cannot be stored now; try again in \(seconds) s", headers: headers)
            }
    }
}
