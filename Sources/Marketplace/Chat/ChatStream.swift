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

    /// The same answer in batches: all events that have arrived at once. Fewer steps for who can use them.
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
    /// Events in order, never none.
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
