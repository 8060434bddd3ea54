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
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw JournalError(errno: errno, path: path) }
        while flock(descriptor, waits ? LOCK_EX : LOCK_EX | LOCK_NB) != 0 {
            if errno == EINTR { continue }
            let code = errno
            close(descriptor)
            if code == EWOULDBLOCK { return nil }
            throw JournalError(errno: code, path: path)
        }
    }

    /// To be called once.
    func unlock() {
        close(descriptor)
    }
}
