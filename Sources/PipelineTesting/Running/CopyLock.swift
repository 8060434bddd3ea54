internal import LibC

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Holds the folder of a copy while its process lives, so that what a killed process left can be told from it.
final class CopyLock: Sendable {
    private let descriptor: Int32

    /// A younger folder may belong to a process that is about to lock it. In seconds.
    private static let sweepAge = 60

    /// nil where somebody else holds the folder, or it is none.
    init?(_ folder: String) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Removes the folders in `base` whose names begin with `prefix` and that nobody holds.
    static func removeAbandoned(in base: String, prefix: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: base)) ?? [] where name.hasPrefix(prefix) {
            let folder = base + "/" + name
            var info = stat()
            guard lstat(folder, &info) == 0, info.st_uid == geteuid() else { continue }
            #if os(Linux)
            let changed = info.st_mtim.tv_sec
            #else
            let changed = info.st_mtimespec.tv_sec
            #endif
            guard time(nil) - changed >= sweepAge, let lock = CopyLock(folder) else { continue }
            withExtendedLifetime(lock) { try? FileManager.default.removeItem(atPath: folder) }
        }
    }
}
