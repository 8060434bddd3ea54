/// One message of a conversation.
public struct ChatMessage: Sendable, Equatable {
    /// Who speaks: `system`, `user` or `assistant`.
    public var role: String
    /// What is said.
    public var content: String

    /// Makes a message.
    public init(role: String, content: String) {
        self.role = role
        self.content = content
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
    /// Sent as the header `Idempotency-Key`: the same for every attempt, so that a server can drop the repeat.
    public var idempotencyKey: String?
    /// Whether an answer that was cut off at the model's limit of tokens (finish reason `length`) is a success. Otherwise
    /// it fails with the code `answer-truncated`.
    public var acceptsTruncated: Bool
    /// Called before each repetition that the client decided on by itself.
    public var onRetry: (@Sendable (RetryNotice) -> Void)?

    /// Makes a request.
    public init(
        messages: [ChatMessage], agentID: String? = nil, model: String? = nil, responseSchema: String? = nil,
        responseFormat: ResponseFormat = .jsonSchema, idempotencyKey: String? = nil,
        acceptsTruncated: Bool = false, onRetry: (@Sendable (RetryNotice) -> Void)? = nil
    ) {
        self.messages = messages
        self.agentID = agentID
        self.model = model
        self.responseSchema = responseSchema
        self.responseFormat = responseFormat
        self.idempotencyKey = idempotencyKey
        self.acceptsTruncated = acceptsTruncated
        self.onRetry = onRetry
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

    /// Makes a notice.
    public init(failedAttempt: Int, attempts: Int, delay: Duration, error: MarketplaceError) {
        self.failedAttempt = failedAttempt
        self.attempts = attempts
        self.delay = delay
        self.error = error
    }
}
