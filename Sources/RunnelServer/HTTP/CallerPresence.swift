import NIOCore

extension ServerContext {
    /// Runs `body`, whose task is cancelled when the caller goes before it has ended.
    func cancelledWhenCallerLeaves<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let (departures, departure) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        channel.triggerUserOutboundEvent(CallerWatch { departure.yield() }, promise: nil)
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                for await _ in departures { break }
                return nil
            }
            defer { group.cancelAll() }
            while let next = try await group.next() {
                if let result = next { return result }
                group.cancelAll()
            }
            throw CancellationError()
        }
    }
}
