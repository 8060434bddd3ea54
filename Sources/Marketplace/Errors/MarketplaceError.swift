/// Why a call failed: a stable code, what happened, and what to do about it.
///
/// Neither the client secret nor a token is ever part of it, also when a server sent them back.
public struct MarketplaceError: Error, Sendable {
    /// What kind of failure it is. The text is stable and meant for programs.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code in kebab case, for example `rate-limited`.
        public let rawValue: String
        /// The code in kebab case.
        public var description: String { rawValue }

        private init(_ rawValue: String) {
            self.rawValue = rawValue
        }

        /// A setting of the client cannot work.
        public static let invalidConfiguration = Code("invalid-configuration")
        /// The request cannot be sent as it is, for example because its schema is not JSON.
        public static let invalidRequest = Code("invalid-request")
        /// The token end point refused the client id and secret.
        public static let wrongCredentials = Code("wrong-credentials")
        /// The token end point's answer holds no usable token.
        public static let invalidTokenResponse = Code("invalid-token-response")
        /// The token end point did not answer in time.
        public static let tokenTimeout = Code("token-timeout")
        /// 401: the token or key was refused.
        public static let unauthorized = Code("unauthorized")
        /// 403: the token is good but may not do this.
        public static let forbidden = Code("forbidden")
        /// 404: no such address, agent or conversation.
        public static let notFound = Code("not-found")
        /// 400 or another 4xx: the server does not accept the request.
        public static let badRequest = Code("bad-request")
        /// 429: too many requests.
        public static let rateLimited = Code("rate-limited")
        /// 5xx: the server failed.
        public static let serverError = Code("server-error")
        /// 1xx, 2xx without a body, 3xx: an answer that is neither a stream nor an error.
        public static let unexpectedStatus = Code("unexpected-status")
        /// No connection, or it broke before anything was answered.
        public static let connectionFailed = Code("connection-failed")
        /// TLS could not be agreed on, or the certificate is not trusted.
        public static let tlsFailed = Code("tls-failed")
        /// The proxy wants other credentials, or does not allow the connection.
        public static let proxyRefused = Code("proxy-refused")
        /// No connection within the time allowed.
        public static let connectTimeout = Code("connect-timeout")
        /// Nothing was received for the time allowed.
        public static let idleTimeout = Code("idle-timeout")
        /// The whole call took longer than allowed.
        public static let totalTimeout = Code("total-timeout")
        /// The stream ended before what has to end it: `[DONE]`, or a finish reason.
        public static let streamCutOff = Code("stream-cut-off")
        /// 200, but the body is not an event stream, or its events are of another API.
        public static let notAnEventStream = Code("not-an-event-stream")
        /// The body is compressed in a way that cannot be undone.
        public static let unreadableBody = Code("unreadable-body")
        /// An event's data is not what the API sends.
        public static let malformedEvent = Code("malformed-event")
        /// The server reported an error inside the stream.
        public static let errorInStream = Code("error-in-stream")
        /// A line of the stream is longer than allowed.
        public static let lineTooLong = Code("line-too-long")
        /// An event of the stream is larger than allowed.
        public static let eventTooLarge = Code("event-too-large")
        /// The whole answer is longer than allowed.
        public static let answerTooLarge = Code("answer-too-large")
        /// The finish reason is `length`: the answer was cut off at the model's limit of tokens.
        public static let answerTruncated = Code("answer-truncated")
        /// The finish reason is `content_filter`: the server's filter stopped the answer.
        public static let contentFilter = Code("content-filter")
        /// The model refused to answer.
        public static let refusal = Code("refusal")
        /// The model wants a tool to be called; the client calls none.
        public static let unexpectedToolCall = Code("unexpected-tool-call")
        /// The agent asks a person and goes on only when it is answered.
        public static let interactionRequired = Code("interaction-required")
        /// The stream ended as it should and held no text.
        public static let emptyAnswer = Code("empty-answer")
        /// The calling task was cancelled.
        public static let cancelled = Code("cancelled")
    }

    private struct Content: Sendable, Equatable {
        var code: Code
        var message: String
        var hint: String
        var isTransient: Bool
        var httpStatus: Int?
        var retryAfter: Duration?
        var partialText: String?
        var question: AgentQuestion?
        var missingConversation: String?
    }

    private final class Storage: Sendable {
        let content: Content

        init(_ content: Content) {
            self.content = content
        }
    }

    private let storage: Storage

    /// The kind of failure.
    public var code: Code { storage.content.code }
    /// What happened, in words that quote the server where it said something.
    public var message: String { storage.content.message }
    /// What to check or do.
    public var hint: String { storage.content.hint }
    /// Whether the same call may succeed later with nothing changed.
    public var isTransient: Bool { storage.content.isTransient }
    /// The HTTP status, where the failure is one.
    public var httpStatus: Int? { storage.content.httpStatus }
    /// How long the server asks to wait before a retry (`Retry-After`).
    public var retryAfter: Duration? { storage.content.retryAfter }
    /// The text that was received before the stream broke; at most the first 4 MiB. `nil` when there was none.
    public var partialText: String? { storage.content.partialText }
    /// What the agent asks, with the code `interaction-required`.
    public var question: AgentQuestion? { storage.content.question }
    /// The conversation of the request, with the code `not-found`, where the server says that it does not have it.
    public var missingConversation: String? { storage.content.missingConversation }

    init(
        _ code: Code, _ message: String, hint: String, isTransient: Bool = false, httpStatus: Int? = nil,
        retryAfter: Duration? = nil, partialText: String? = nil, question: AgentQuestion? = nil,
        missingConversation: String? = nil
    ) {
        self.init(
            Content(
                code: code, message: message, hint: hint, isTransient: isTransient, httpStatus: httpStatus,
                retryAfter: retryAfter, partialText: partialText, question: question,
                missingConversation: missingConversation))
    }

    private init(_ content: Content) {
        storage = Storage(content)
    }

    /// Whether the server does not accept `response_format`, or this type of it. The same request without it may succeed.
    public var refusesResponseFormat: Bool {
        guard code == .badRequest, httpStatus == 400 || httpStatus == 422 else { return false }
        let words = message.lowercased()
        return ["response_format", "response format", "json_schema", "json schema", "json_object", "structured output"]
            .contains(where: words.contains)
    }

    /// Whether the server says that it does not know `response_format`, or this type of it, at all. Otherwise it may have
    /// refused this schema alone.
    public var saysResponseFormatIsUnknown: Bool {
        guard refusesResponseFormat else { return false }
        let words = message.lowercased()
        let unknown = [
            "not support", "unsupported", "n't support", "unknown", "unrecognized", "unexpected", "unavailable",
            "not permitted", "not allowed",
        ]
        let ofSchema = ["invalid schema", "invalid json schema", "schema for"]
        return unknown.contains(where: words.contains) && !ofSchema.contains(where: words.contains)
    }

    /// The same failure, found out only after the call had been tried several times.
    func after(attempts: Int) -> MarketplaceError {
        guard attempts > 1 else { return self }
        var content = storage.content
        content.message += " (tried \(attempts) times)"
        return MarketplaceError(content)
    }

    /// The same failure with the text so far, and with another hint where one is given.
    func keeping(partialText: String?, hint: String? = nil) -> MarketplaceError {
        var content = storage.content
        content.partialText = partialText
        content.hint = hint ?? content.hint
        return MarketplaceError(content)
    }
}

/// What an agent asks a person before it goes on.
public struct AgentQuestion: Sendable, Equatable {
    /// The server's word for it: `permission_request`, `user_interaction_required`.
    public var kind: String
    /// The question; `nil` when the server did not say it in words.
    public var text: String?
    /// The conversation in which the agent waits.
    public var conversationID: String?

    /// Makes a question.
    public init(kind: String, text: String? = nil, conversationID: String? = nil) {
        self.kind = kind
        self.text = text
        self.conversationID = conversationID
    }
}

extension MarketplaceError: CustomStringConvertible {
    /// Code, message and hint on one line, without the partial text.
    public var description: String { "\(code): \(message) \(hint)" }
}

extension MarketplaceError: Equatable {
    /// Whether both say the same.
    public static func == (one: MarketplaceError, other: MarketplaceError) -> Bool {
        one.storage.content == other.storage.content
    }
}
