import RunnelEngine

/// A snapshot of files' metadata, to detect changes.
struct FileChanges: Sendable {
    private var versions: [String: FileVersion?]

    init(of paths: [String]) {
        versions = Dictionary(paths.map { ($0, FileVersion($0)) }, uniquingKeysWith: { first, _ in first })
    }

    /// Adds the files that are not in the snapshot yet.
    mutating func add(_ paths: [String]) {
        versions.merge(FileChanges(of: paths).versions) { known, _ in known }
    }

    /// The first file that was changed, removed or created.
    var changed: String? {
        versions.keys.sorted().first { FileVersion($0) != versions[$0] }
    }

    /// Waits for a change. Polls several times a second, which works on every file system.
    ///
    /// - Returns: nil if `isOver` ended the wait.
    func wait(unless isOver: () -> Bool) async throws -> String? {
        while !isOver() {
            if let changed { return changed }
            try await ContinuousClock().sleep(for: .milliseconds(200))
        }
        return nil
    }
}
