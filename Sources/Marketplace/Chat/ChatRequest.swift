public import RunnelValue

/// One message of a conversation.
public struct ChatMessage: Sendable, Equatable {
    /// Who speaks: `system`, `user` or `assistant`.
    public var role: String
    /// What is said.
    public var content: String
    /// Images beside the text, as `data:` URLs; sent as parts of the content of the type `image_url`.
    public var images: [String]

    /// Makes a message.
    public init(role: String, content: String, images: [String] = []) {
        self.role = role
        self.content = content
        self.images = images
    }
}

/// How a server is told that the answer shall be JSON.
@nonexhaustive public enum ResponseFormat: Sendable, Hashable {
    /// `response_format` of the type `json_schema`, with the schema.
    case jsonSchema
    /// `response_format` of the type `json_object`. The server does not see the schema; the messages have to say it.
    case jsonObject
    /// No `response_format`. The server does not see the schema; the messages have to say it.
    case none
}

/// What to ask.
public struct ChatRequest: Sendable {
    /// The conversation; a system prompt is its first message.
    public var messages: [ChatMessage]
    /// The agent, when it is not the configured one.
    public var agentID: String?
    /// The model, when it is not the configured one.
    public var model: String?
    /// A JSON schema, as JSON text, that the answer shall fit.
    public var responseSchema: String?
    /// How the server is told of ``responseSchema``.
    public var responseFormat: ResponseFormat
    /// The conversation that is continued; the server knows what was said in it. `nil` begins a new one.
    public var conversationID: String?
    /// More fields for the request body, sent unchanged. They replace fields of the same name.
    public var extraFields: ValueObject
    /// An answer that an earlier process had begun to receive: it is taken up again where the server has a place for
    /// that, and asked for anew where that fails.
    public var resuming: MessageInfo?
    /// Sent as the header `Idempotency-Key`: the same for every attempt, so that a server can drop the repeat.
    public var idempotencyKey: String?
    /// Whether an answer that was cut off at the model's limit of tokens (finish reason `length`) is a success. Otherwise
    /// it fails with the code `answer-truncated`.
    public var acceptsTruncated: Bool
    /// Header fields that are sent with each attempt, such as `traceparent`. They replace none of the client's own.
    public var headers: [(name: String, value: String)] = []
    /// Asked each time a connection takes the request. When it throws, the server gets no whole request, and the chat fails
    /// with the code `cancelled`.
    public var willSend: (@Sendable () throws -> Void)?
    /// Called with the access token of an attempt before it is sent, so that the caller can mask the token.
    public var onToken: (@Sendable (String) -> Void)?
    /// Called before each repetition that the client decided on by itself.
    public var onRetry: (@Sendable (RetryNotice) -> Void)?

    /// Makes a request.
    public init(
        messages: [ChatMessage], agentID: String? = nil, model: String? = nil, responseSchema: String? = nil,
        responseFormat: ResponseFormat = .jsonSchema, conversationID: String? = nil, extraFields: ValueObject = [:],
        resuming: MessageInfo? = nil, idempotencyKey: String? = nil, acceptsTruncated: Bool = false,
        onRetry: (@Sendable (RetryNotice) -> Void)? = nil
    ) {
        self.messages = messages
        self.agentID = agentID
        self.model = model
        self.responseSchema = responseSchema
        self.responseFormat = responseFormat
        self.conversationID = conversationID
        self.extraFields = extraFields
        self.resuming = resuming
        self.idempotencyKey = idempotencyKey
        self.acceptsTruncated = acceptsTruncated
        self.onRetry = onRetry
    }
}

extension MarketplaceConfiguration {
    /// The model that a request names: members of its body win.
    ///
    /// - Parameters:
    ///   - model: The request's own; `nil` for the configured one.
    ///   - body: Its ``ChatRequest/extraFields``.
    public func requestedModel(_ model: String?, body: ValueObject) -> String {
        body["model"]?.asString ?? model ?? self.model
    }

    /// The agent that a request names: members of its body win.
    ///
    /// - Parameters:
    ///   - agentID: The request's own; `nil` for the configured one.
    ///   - body: Its ``ChatRequest/extraFields``.
    public func requestedAgent(_ agentID: String?, body: ValueObject) -> String? {
        guard let member = body["agentId"] else { return agentID ?? self.agentID }
        return member.asString
    }
}

/// Tells that a call failed before its first text and is made again.
public struct RetryNotice: Sendable, Equatable {
    /// Which attempt failed, from 1.
    public var failedAttempt: Int
    /// How many attempts are made at most.
    public var attempts: Int
    /// How long the client waits before the next one.
    public var delay: Duration
    /// Why it failed.
    public var error: MarketplaceError
    /// Whether the running answer is taken up again, where the request is not made again.
    public var isReconnection: Bool

    /// Makes a notice.
    public init(
        failedAttempt: Int, attempts: Int, delay: Duration, error: MarketplaceError, isReconnection: Bool = false
    ) {
        self.isReconnection = isReconnection
        self.failedAttempt = failedAttempt
        self.attempts = attempts
        self.delay = delay
        self.error = error
    }
}
