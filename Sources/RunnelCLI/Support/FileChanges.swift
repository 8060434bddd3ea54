#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A snapshot of files' metadata, to detect changes.
struct FileChanges: Sendable {
    private struct Look: Equatable {
        var file: UInt64
        var size: UInt64
        var modified: Date
    }

    private let looks: [String: Look?]

    init(of paths: [String]) {
        looks = Dictionary(paths.map { ($0, Self.look(at: $0)) }, uniquingKeysWith: { first, _ in first })
    }

    /// The first file that was changed, removed or created.
    var changed: String? {
        looks.keys.sorted().first { Self.look(at: $0) != looks[$0] }
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

    private static func look(at path: String) -> Look? {
        guard let facts = try? FileManager.default.attributesOfItem(atPath: path) else { return nil }
        return Look(
            file: facts[.systemFileNumber] as? UInt64 ?? 0, size: facts[.size] as? UInt64 ?? 0,
            modified: facts[.modificationDate] as? Date ?? .distantPast)
    }
}
