import HTTPServing
import NIOCore

/// The reason why a response ends early.
enum EarlyEnd: Error {
    /// The client has disconnected.
    case clientDisconnected
    /// The server is shutting down, and the awaited result will not happen in this process.
    case shutdown
}

private enum AnswerEvent<Result: Sendable>: Sendable {
    case result(Result)
    /// The response was cancelled.
    case cancelled
    case over(EarlyEnd)
}

extension ServerContext {
    /// Runs `body`, and cancels it if the client disconnects or `end` opens.
    ///
    /// - Returns: The result of `body`, also after cancellation.
    /// - Throws: ``EarlyEnd`` if `body` threw `CancellationError`; other errors of `body`.
    func cancelledOnDisconnect<Result: Sendable>(
        orWhen end: Latch, _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let (departures, departure) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        channel.triggerUserOutboundEvent(ClientDisconnect { departure.yield() }, promise: nil)
        return try await withThrowingTaskGroup(of: AnswerEvent<Result>.self) { group in
            group.addTask {
                do {
                    return .result(try await body())
                } catch is CancellationError {
                    return .cancelled
                }
            }
            group.addTask {
                for await _ in departures { break }
                return .over(.clientDisconnected)
            }
            group.addTask {
                await end.wait()
                return .over(.shutdown)
            }
            defer { group.cancelAll() }
            var reason: EarlyEnd?
            while let event = try await group.next() {
                switch event {
                case .result(let result): return result
                case .cancelled: throw reason ?? .clientDisconnected
                case .over(let early):
                    reason = reason ?? early
                    group.cancelAll()
                }
            }
            throw CancellationError()
        }
    }
}
