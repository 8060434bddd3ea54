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

/// Lets other tasks execute, in a loop that waits for what they do. Unlike `Task.yield()`, it throws when the time limit of
/// the test is over: otherwise the loop would go on for as long as CI lasts.
package func waitTurn() async throws {
    try Task.checkCancellation()
    await Task.yield()
}
