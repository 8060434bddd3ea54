import LibC
import RunnelEngine

/// A file lock that the kernel releases when the process ends.
final class FileLock: Sendable {
    private let descriptor: Int32

    /// - Parameter waits: Whether to wait for another holder; if false, the initialiser returns nil.
    init?(path: String, waits: Bool) throws(JournalError) {
        while true {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw JournalError(errno: errno, path: path) }
            guard try Self.lock(descriptor, waits: waits, path) else {
                close(descriptor)
                return nil
            }
            // The previous holder may have unlinked the file; a lock on an unlinked file is invisible to others.
            if Self.isNamed(descriptor) {
                self.descriptor = descriptor
                return
            }
            close(descriptor)
        }
    }

    /// Releases the lock. Call it once.
    func unlock() {
        close(descriptor)
    }

    /// Locks the open file until its descriptor is closed.
    ///
    /// - Returns: Whether the lock was acquired; always true if it `waits`.
    static func lock(_ descriptor: Int32, waits: Bool, _ path: String) throws(JournalError) -> Bool {
        while flock(descriptor, waits ? LOCK_EX : LOCK_EX | LOCK_NB) != 0 {
            if errno == EINTR { continue }
            if errno == EWOULDBLOCK { return false }
            throw JournalError(errno: errno, path: path)
        }
        return true
    }

    /// Whether the open file still has a name.
    static func isNamed(_ descriptor: Int32) -> Bool {
        var info = stat()
        return fstat(descriptor, &info) == 0 && info.st_nlink > 0
    }

    /// Removes the file if its lock is free.
    ///
    /// - Returns: Whether it was removed.
    static func removeAbandoned(_ path: String) -> Bool {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        guard (try? lock(descriptor, waits: false, path)) == true else { return false }
        return unlink(path) == 0
    }
}
