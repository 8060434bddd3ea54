import RunnelKit

/// Runs `body` and cancels it when `limit` has passed on `clock`.
///
/// - Throws: What `body` throws, or `onTimeout` once the body has ended after being cancelled for the time.
func withDeadline<Result: Sendable>(
    _ limit: Duration?, clock: any Clock<Duration>, onTimeout: StepError,
    _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    guard let limit else { return try await body() }
    return try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await clock.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let result = first else {
            group.cancelAll()
            // The body may have finished in the very moment it was cancelled; what it did then counts.
            if let late = try? await group.next(), let result = late { return result }
            throw onTimeout
        }
        return result
    }
}
