import HTTPServing
import NIOCore

/// Why an answer ends before it is complete.
enum EarlyEnd: Error {
    /// The caller has gone.
    case callerLeft
    /// The server shuts down, and what the answer waits for does not happen in this process any more.
    case shutdown
}

private enum AnswerEvent<Result: Sendable>: Sendable {
    case result(Result)
    /// The answer ended since it was cancelled.
    case cancelled
    case over(EarlyEnd)
}

extension ServerContext {
    /// Runs `body`, whose task is cancelled when the caller goes before it has ended, or `end` opens.
    ///
    /// - Returns: What `body` returned, also when it was cancelled.
    /// - Throws: ``EarlyEnd`` where `body` ended with a `CancellationError`; what else it throws.
    func cancelledWhenCallerLeaves<Result: Sendable>(
        orWhen end: Latch, _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let (departures, departure) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        channel.triggerUserOutboundEvent(CallerWatch { departure.yield() }, promise: nil)
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
                return .over(.callerLeft)
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
                case .cancelled: throw reason ?? .callerLeft
                case .over(let early):
                    reason = reason ?? early
                    group.cancelAll()
                }
            }
            throw CancellationError()
        }
    }
}
