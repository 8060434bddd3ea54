internal import RunnelSupport

/// ``withDeadline``, for callers who have nothing to do any more when their own task is cancelled.
///
/// - Throws: `CancellationError` if the caller's task was cancelled.
package func withTimeLimit<Success: Sendable>(
    _ limit: Duration, clock: any Clock<Duration>, _ body: @escaping @Sendable () async throws -> Success
) async throws -> (Result<Success, any Error>, isLate: Bool) {
    let (result, isLate) = await withDeadline(limit, clock: clock, body)
    try Task.checkCancellation()
    return (result, isLate)
}
