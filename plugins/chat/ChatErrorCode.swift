import RunnelKit

/// The codes of errors of `chat`.
enum ChatErrorCode: String, ErrorCode {
    case answerTooLarge = "answer-too-large"
    case answerTruncated = "answer-truncated"
    case attachmentUnsupported = "attachment-unsupported"
    case badRequest = "bad-request"
    case budgetExceeded = "budget-exceeded"
    case cancelled
    case connectTimeout = "connect-timeout"
    case connectionFailed = "connection-failed"
    case contentFilter = "content-filter"
    case emptyAnswer = "empty-answer"
    case emptyConversation = "empty-conversation"
    case emptyPrompt = "empty-prompt"
    case errorInStream = "error-in-stream"
    case eventTooLarge = "event-too-large"
    case forbidden
    case idleTimeout = "idle-timeout"
    case interactionRequired = "interaction-required"
    case invalidConfiguration = "invalid-configuration"
    case invalidRequest = "invalid-request"
    case invalidTokenResponse = "invalid-token-response"
    case lineTooLong = "line-too-long"
    case malformedEvent = "malformed-event"
    case notAnEventStream = "not-an-event-stream"
    case unconfigured = "marketplace-unconfigured"
    case notFound = "not-found"
    case priceUnknown = "price-unknown"
    case proxyRefused = "proxy-refused"
    case rateLimited = "rate-limited"
    case refusal
    case schemaMismatch = "schema-mismatch"
    case serverError = "server-error"
    case streamCutOff = "stream-cut-off"
    case tlsFailed = "tls-failed"
    case tokenTimeout = "token-timeout"
    case totalTimeout = "total-timeout"
    case unauthorized
    case unexpectedStatus = "unexpected-status"
    case unexpectedToolCall = "unexpected-tool-call"
    case unreadableBody = "unreadable-body"
    case wrongCredentials = "wrong-credentials"

    static let part = "chat"

    /// What it means, and what to do.
    var explanation: ErrorExplanation {
        switch self {
        case .answerTooLarge: ErrorExplanation("The whole answer is longer than allowed")
        case .answerTruncated:
            ErrorExplanation("The finish reason is `length`: the answer was cut off at the model's limit of tokens")
        case .attachmentUnsupported:
            ErrorExplanation(
                "the chat has files, and there is no place to send them to", "the file \"…\" is empty",
                "the files together are larger than …", "the file \"…\" is no PNG, JPEG, GIF or WebP image",
                "the file \"…\" is of the type …, which is not sent",
                hints: "set `marketplace.paths.upload` to the path that takes files",
                "attach fewer files, or raise `marketplace.limits.max_file`",
                "`marketplace.limits.file_types` says which types are sent: …",
                "read a text with `file.read` and put it into the prompt, or set `marketplace.paths.upload`")
        case .badRequest: ErrorExplanation("400 or another 4xx: the server does not accept the request")
        case .budgetExceeded:
            ErrorExplanation(
                "… is used up: …", hints: "raise it in runnel.yaml, or set `then: wait` there to wait for the next …")
        case .cancelled: ErrorExplanation("The calling task was cancelled")
        case .connectTimeout: ErrorExplanation("No connection within the time allowed")
        case .connectionFailed: ErrorExplanation("No connection, or it broke before anything was answered")
        case .contentFilter:
            ErrorExplanation("The finish reason is `content_filter`: the server's filter stopped the answer")
        case .emptyAnswer: ErrorExplanation("The stream ended as it should and held no text")
        case .emptyConversation:
            ErrorExplanation(
                "`conversation` is empty", hints: "every chat without an own conversation would be in the same one")
        case .emptyPrompt:
            ErrorExplanation("the prompt is empty", hints: "give `prompt`, or let a step before produce a text")
        case .errorInStream: ErrorExplanation("The server reported an error inside the stream")
        case .eventTooLarge: ErrorExplanation("An event of the stream is larger than allowed")
        case .forbidden: ErrorExplanation("403: the token is good but may not do this")
        case .idleTimeout: ErrorExplanation("Nothing was received for the time allowed")
        case .interactionRequired: ErrorExplanation("The agent asks a person and goes on only when it is answered")
        case .invalidConfiguration: ErrorExplanation("A setting of the client cannot work")
        case .invalidRequest:
            ErrorExplanation("The request cannot be sent as it is, for example because its schema is not JSON")
        case .invalidTokenResponse: ErrorExplanation("The token end point's answer holds no usable token")
        case .lineTooLong: ErrorExplanation("A line of the stream is longer than allowed")
        case .malformedEvent: ErrorExplanation("An event's data is not what the API sends")
        case .notAnEventStream:
            ErrorExplanation("200, but the body is not an event stream, or its events are of another API")
        case .unconfigured:
            ErrorExplanation(
                "`marketplace.…` has no value: …", "`marketplace.…` is not set",
                hints:
                    "set it in runnel.yaml or as RUNNEL_MARKETPLACE_…; with `--simulate`, `runnel run`, `ask` and `serve` do not need it"
            ).reported(under: "marketplace")
        case .notFound: ErrorExplanation("404: no such address, agent or conversation")
        case .priceUnknown:
            ErrorExplanation(
                "the budget has a cost, and `prices` has no price for …", "the budget is in …, and `prices` are in …",
                hints: "add the price to `prices` in runnel.yaml, or limit `tokens` instead", "use one currency")
        case .proxyRefused:
            ErrorExplanation("The proxy wants other credentials, does not allow the connection, or cannot make it")
        case .rateLimited: ErrorExplanation("429: too many requests")
        case .refusal: ErrorExplanation("The model refused to answer")
        case .schemaMismatch:
            ErrorExplanation(
                "the answer does not fit the schema, also when asked again: …",
                hints: "loosen the schema, or say in the prompt what each key has to hold")
        case .serverError: ErrorExplanation("5xx: the server failed")
        case .streamCutOff: ErrorExplanation("The stream ended before what has to end it: `[DONE]`, or a finish reason")
        case .tlsFailed: ErrorExplanation("TLS could not be agreed on, or the certificate is not trusted")
        case .tokenTimeout: ErrorExplanation("The token end point did not answer in time")
        case .totalTimeout: ErrorExplanation("The whole call took longer than allowed")
        case .unauthorized: ErrorExplanation("401: the token or key was refused")
        case .unexpectedStatus:
            ErrorExplanation("1xx, 2xx without a body, 3xx: an answer that is neither a stream nor an error")
        case .unexpectedToolCall: ErrorExplanation("The model wants a tool to be called, which Runnel does not do")
        case .unreadableBody: ErrorExplanation("The body is compressed in a way that cannot be undone")
        case .wrongCredentials: ErrorExplanation("The token end point refused the client id and secret")
        }
    }
}
