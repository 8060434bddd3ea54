import RunnelEngine

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A lock on a file that ends with the process, however that ends.
final class FileLock: Sendable {
    private let descriptor: Int32

    /// - Parameter waits: Whether to wait for another process; otherwise nil is the answer where there is one.
    init?(path: String, waits: Bool) throws(JournalError) {
        while true {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw JournalError(errno: errno, path: path) }
            guard try Self.lock(descriptor, waits: waits, path) else {
                close(descriptor)
                return nil
            }
            // Whoever had the lock until now may have removed the file, and then nobody else would see this lock.
            if Self.isNamed(descriptor) {
                self.descriptor = descriptor
                return
            }
            close(descriptor)
        }
    }

    /// To be called once.
    func unlock() {
        close(descriptor)
    }

    /// Locks the open file until its descriptor is closed.
    ///
    /// - Returns: Whether nobody else had it; always true when it `waits`.
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

    /// Removes the file if nobody holds its lock.
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
