/// What a test has the simulator answer to one chat request, instead of what it would make of the prompt.
public enum CannedAnswer: Sendable, Equatable {
    /// A stream with this text, with something going wrong if wanted; without a text, with one made of the prompt.
    case stream(text: String?, fault: Fault?)
    /// A refusal with a status from 400 to 599 and a JSON body that holds `code` and `message`.
    case refusal(status: Int, code: String, message: String, retryAfter: Duration?)
}

/// A chat request that has passed every check, as whoever cans its answer sees it.
public struct CannedRequest: Sendable, Equatable {
    /// A message of the request.
    public struct Message: Sendable, Equatable {
        /// `system`, `user` or `assistant`.
        public let role: String
        /// What is said.
        public let content: String
    }

    /// The whole conversation, in order.
    public let messages: [Message]
    /// Whether the answer shall be JSON.
    public let wantsJSON: Bool
    /// The header `Idempotency-Key`.
    public let idempotencyKey: String?

    init(_ request: ParsedChatRequest, idempotencyKey: String?) {
        messages = request.messages.map { Message(role: $0.role, content: $0.content) }
        wantsJSON = request.schema != nil || request.wantsJSONObject
        self.idempotencyKey = idempotencyKey
    }
}

extension APIFailure {
    init(status: Int, code: String, message: String, retryAfter: Duration?) {
        self.init(
            status: status, code: code, message: message,
            headers: retryAfter.map { ["Retry-After": String($0.wholeSecondsRoundedUp)] } ?? [:])
    }
}
