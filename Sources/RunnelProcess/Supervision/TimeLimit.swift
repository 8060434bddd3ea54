/// Runs `body`, and cancels it when it has not ended after `limit`.
///
/// - Returns: How `body` ended, and whether the time was over by then.
/// - Throws: `CancellationError` when the caller's own task was cancelled.
func withTimeLimit<Success: Sendable>(
    _ limit: Duration, clock: any Clock<Duration>, _ body: @escaping @Sendable () async throws -> Success
) async throws -> (Result<Success, any Error>, isLate: Bool) {
    let outcome = await withTaskGroup(of: Result<Success, any Error>?.self) { group in
        group.addTask {
            do {
                return .success(try await body())
            } catch {
                return .failure(error)
            }
        }
        group.addTask {
            try? await clock.sleep(for: limit)
            return nil
        }
        var isLate = false
        var result: Result<Success, any Error>?
        while result == nil, let next = await group.next() {
            result = next
            if next == nil {
                isLate = true
                group.cancelAll()
            }
        }
        group.cancelAll()
        return (result ?? .failure(CancellationError()), isLate: isLate)
    }
    try Task.checkCancellation()
    return outcome
}
