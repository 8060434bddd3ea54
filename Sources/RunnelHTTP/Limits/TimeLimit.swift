internal import RunnelSupport

/// Runs `operation` and cancels it when it takes longer than `limit` on `clock`.
///
/// - Throws: What the operation throws, or `error` once the limit has passed.
public func withTimeLimit<Result: Sendable>(
    _ limit: Duration, clock: any Clock<Duration>, error: any Error,
    operation: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    let (result, isLate) = await withDeadline(limit, clock: clock, operation)
    if isLate { throw error }
    return try result.get()
}
