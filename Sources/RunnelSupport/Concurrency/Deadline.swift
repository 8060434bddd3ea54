/// Runs `body`, and cancels it when it has not ended after `limit` on `clock`.
///
/// - Returns: How `body` ended, and whether the time was over by then: what a body did in the moment in which it was
///   cancelled can still count. Where the caller's own task is cancelled the body is as well, nothing is late, and a
///   failure is a `CancellationError`, whatever the body made of it.
package func withDeadline<Success: Sendable>(
    _ limit: Duration, clock: any Clock<Duration>, _ body: @escaping @Sendable () async throws -> Success
) async -> (result: Result<Success, any Error>, isLate: Bool) {
    await withTaskGroup(of: Result<Success, any Error>?.self) { group in
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
            if next == nil, !Task.isCancelled {
                isLate = true
                group.cancelAll()
            }
        }
        group.cancelAll()
        if !isLate, Task.isCancelled, case .failure? = result { result = nil }
        return (result ?? .failure(CancellationError()), isLate)
    }
}
