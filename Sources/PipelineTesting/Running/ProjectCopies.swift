import Synchronization

/// The copies of projects that tests work in. A copy is used again once it is as it was, since copying a large project
/// takes longer than most tests.
final class ProjectCopies: Sendable {
    /// By the project's folder.
    private let idle = Mutex<[String: [ProjectCopy]]>([:])

    /// Runs `body` in a copy that nobody else uses meanwhile.
    func with<Result>(
        of project: String, files: [String: [UInt8]], _ body: (ProjectCopy) async throws -> Result
    ) async throws -> Result {
        var copy = try idle.withLock { $0[project]?.popLast() } ?? ProjectCopy(of: project)
        defer {
            if copy.restore() {
                idle.withLock { $0[project, default: []].append(copy) }
            } else {
                copy.remove()
            }
        }
        for (name, bytes) in files { try copy.write(bytes, to: name) }
        return try await body(copy)
    }

    /// Removes all copies that nobody uses.
    func removeAll() {
        let copies = idle.withLock { idle in
            defer { idle = [:] }
            return idle.values.flatMap(\.self)
        }
        for copy in copies { copy.remove() }
    }
}
