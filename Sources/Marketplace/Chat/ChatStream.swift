/// The answer to a chat, event by event, as an `AsyncSequence`.
///
/// The request is sent when the first event is asked for. Cancelling the consuming task, or letting go of the iterator,
/// closes the connection. A consumer that takes events slowly slows the server down: no more than about 256 KiB of the
/// stream are held. Errors are always a ``MarketplaceError``.
public struct ChatStream: AsyncSequence, Sendable {
    /// What the stream gives.
    public typealias Element = ChatEvent

    let client: MarketplaceClient
    let request: ChatRequest

    /// The same answer in batches of all events received since the previous batch. A consumer of batches suspends less often.
    public var batches: ChatBatches { ChatBatches(client: client, request: request) }

    /// Begins a request of its own.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(call: ChatCall(client: client, request: request))
    }

    /// Gives the events of one request.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let call: ChatCall
        private var batch: [ChatEvent] = []
        private var position = 0

        fileprivate init(call: ChatCall) {
            self.call = call
        }

        /// The next event; `nil` at the end.
        /// - Throws: ``MarketplaceError``.
        public mutating func next() async throws -> ChatEvent? {
            try await next(isolation: nil)
        }

        /// The next event; `nil` at the end.
        /// - Throws: ``MarketplaceError``.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> ChatEvent? {
            if position == batch.count {
                guard let next = try await call.next() else { return nil }
                batch = next
                position = 0
            }
            defer { position += 1 }
            return batch[position]
        }
    }
}

/// A ``ChatStream`` in batches.
public struct ChatBatches: AsyncSequence, Sendable {
    /// Events in order; never empty.
    public typealias Element = [ChatEvent]

    let client: MarketplaceClient
    let request: ChatRequest

    /// Begins a request of its own.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(call: ChatCall(client: client, request: request))
    }

    /// Gives the batches of one request.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let call: ChatCall

        /// The next batch; `nil` at the end.
        /// - Throws: ``MarketplaceError``.
        public mutating func next() async throws -> [ChatEvent]? {
            try await call.next()
        }

        /// The next batch; `nil` at the end.
        /// - Throws: ``MarketplaceError``.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> [ChatEvent]? {
            try await call.next()
        }
    }
}

/// What a chat stream tells, in the order the server sent it.
@nonexhaustive public enum ChatEvent: Sendable, Equatable {
    /// The answer begins: who speaks (`assistant`), and the ids the server gave the message, if it gave any. When a
    /// request was retried before its first text, the role comes once more and replaces the earlier one.
    indirect case role(String, MessageInfo?)
    /// More of the answer's text, never empty.
    case text(String)
    /// What the agent is doing, for example a call of a tool.
    indirect case task(AgentTask)
    /// More of what the model thinks before it answers, never empty. It is no part of the answer.
    case reasoning(String)
    /// Why the answer ended, in the server's word: `stop`, `length`, … See ``FinishKind``.
    case finish(reason: String)
    /// How many tokens the call used. A server may tell it in several parts; see ``TokenUsage/joined(with:)``. Without
    /// counts, the server has worked and it is not known how much.
    case usage(TokenUsage)
}

/// The ids of a message, as far as the server gave them.
public struct MessageInfo: Sendable, Equatable {
    /// The answer's own id.
    public var messageID: String?
    /// The id of the conversation it belongs to.
    public var conversationID: String?
    /// Every id the server sent, under the server's own name, the two above included.
    public var ids: [String: String]

    /// Makes message information.
    public init(messageID: String? = nil, conversationID: String? = nil, ids: [String: String] = [:]) {
        self.messageID = messageID
        self.conversationID = conversationID
        self.ids = ids
    }
}

/// A report of what the agent is doing. All fields are the server's and may be missing.
public struct AgentTask: Sendable, Equatable {
    /// The message the task belongs to.
    public var messageID: String?
    /// The conversation it belongs to.
    public var conversationID: String?
    /// The kind of report, for example `tool_result`.
    public var actionType: String?
    /// The id of the tool call.
    public var callID: String?
    /// A title for people.
    public var title: String?
    /// The state, for example `completed`.
    public var status: String?
    /// When it happened, in milliseconds since 1970 UTC.
    public var timestamp: Int64?

    /// Makes a task.
    public init(
        messageID: String? = nil, conversationID: String? = nil, actionType: String? = nil, callID: String? = nil,
        title: String? = nil, status: String? = nil, timestamp: Int64? = nil
    ) {
        self.messageID = messageID
        self.conversationID = conversationID
        self.actionType = actionType
        self.callID = callID
        self.title = title
        self.status = status
        self.timestamp = timestamp
    }
}

extension AgentTask {
    /// The ids, with those of the task where they lack one; `nil` where nobody named one.
    public func completing(_ ids: MessageInfo?) -> MessageInfo? {
        guard messageID != nil || conversationID != nil else { return ids }
        var whole = ids ?? MessageInfo()
        whole.messageID = whole.messageID ?? messageID
        whole.conversationID = whole.conversationID ?? conversationID
        return whole
    }
}

/// How many tokens a call used, as far as the server said.
public struct TokenUsage: Sendable, Equatable {
    /// Tokens of the request.
    public var promptTokens: Int?
    /// Tokens of the answer.
    public var completionTokens: Int?
    /// How many of ``promptTokens`` came from the server's cache.
    public var cachedTokens: Int?
    /// Both together.
    public var totalTokens: Int?

    /// Makes a usage.
    public init(
        promptTokens: Int? = nil, completionTokens: Int? = nil, totalTokens: Int? = nil, cachedTokens: Int? = nil
    ) {
        self.promptTokens = promptTokens
        self.completionTokens = completionTokens
        self.cachedTokens = cachedTokens
        self.totalTokens = totalTokens
    }
}

extension TokenUsage {
    /// What two reports of one call tell together. Each count is the larger one, because a report may lack counts, have
    /// zeros in their place, or be that of the answer so far. What the total has beyond the prompt is output: some
    /// servers do not count the reasoning among the tokens of the answer.
    public func joined(with other: TokenUsage) -> TokenUsage {
        func larger(_ count: KeyPath<TokenUsage, Int?>) -> Int? {
            [self[keyPath: count], other[keyPath: count]].compactMap(\.self).max()
        }
        var joined = TokenUsage(
            promptTokens: larger(\.promptTokens), completionTokens: larger(\.completionTokens),
            totalTokens: larger(\.totalTokens), cachedTokens: larger(\.cachedTokens))
        if let prompt = joined.promptTokens, let total = joined.totalTokens {
            joined.completionTokens = max(joined.completionTokens ?? 0, total - prompt)
        }
        return joined
    }
}
