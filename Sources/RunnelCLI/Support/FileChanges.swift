#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What some files looked like at one moment, so as to tell later whether they have changed.
struct FileChanges: Sendable {
    private struct Look: Equatable {
        var inode: UInt64
        var size: Int64
        var seconds: Int
        var nanoseconds: Int
    }

    private let looks: [String: Look?]

    init(of paths: [String]) {
        looks = Dictionary(paths.map { ($0, Self.look(at: $0)) }, uniquingKeysWith: { first, _ in first })
    }

    /// The file that is different now, has gone or has come.
    var changed: String? {
        looks.keys.sorted().first { Self.look(at: $0) != looks[$0] }
    }

    /// Waits until one is. Looks several times a second, which every file system can stand.
    func wait() async throws -> String {
        while true {
            if let changed { return changed }
            try await ContinuousClock().sleep(for: .milliseconds(200))
        }
    }

    private static func look(at path: String) -> Look? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        #if canImport(Darwin)
        let time = status.st_mtimespec
        #else
        let time = status.st_mtim
        #endif
        return Look(
            inode: UInt64(status.st_ino), size: Int64(status.st_size), seconds: time.tv_sec, nanoseconds: time.tv_nsec)
    }
}
