/// Runs `operation` and cancels it when it takes longer than `limit` on `clock`.
///
/// - Throws: What the operation throws, or `error` once the limit has passed.
public func withTimeLimit<Result: Sendable>(
    _ limit: Duration, clock: any Clock<Duration>, error: any Error,
    operation: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await operation() }
        group.addTask {
            try await clock.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let result = first else { throw error }
        return result
    }
}
