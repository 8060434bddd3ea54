/// Looks again and again until the condition holds, for what another process does and nothing reports.
///
/// - Returns: Whether it held within the limit.
package func eventually(_ limit: Duration = .seconds(30), _ isSo: () throws -> Bool) async rethrows -> Bool {
    let end = ContinuousClock.now + limit
    while try !isSo() {
        if ContinuousClock.now > end { return false }
        try? await Task.sleep(for: .milliseconds(10))
    }
    return true
}

/// `Task.yield()` for a loop that waits for other tasks. It throws when the test is cancelled, such as by its time limit;
/// otherwise the loop would not end.
package func waitTurn() async throws {
    try Task.checkCancellation()
    await Task.yield()
}
