internal import LibC

/// An open file descriptor, closed when its last reference is released.
final class FileDescriptor: Sendable {
    let number: Int32

    init(owning number: Int32) {
        self.number = number
    }

    deinit {
        close(number)
    }
}

/// System calls that retry on EINTR and return failures as values.
enum SystemCalls {
    /// Opens `name` in an open folder, or an absolute path if `folder` is nil.
    static func open(
        _ name: String, in folder: Int32?, flags: Int32, mode: mode_t = 0
    ) -> Result<Int32, SystemError> {
        retrying { openat(folder ?? AT_FDCWD, name, flags | O_CLOEXEC, mode) }
    }

    static func makeFolder(_ name: String, in folder: Int32) -> Result<Int32, SystemError> {
        retrying { mkdirat(folder, name, 0o777) }
    }

    static func rename(_ name: String, to other: String, in folder: Int32) -> Result<Int32, SystemError> {
        retrying { renameat(folder, name, folder, other) }
    }

    /// Creates a hard link, which must not exist yet.
    static func link(_ name: String, to other: String, in folder: Int32) -> Result<Int32, SystemError> {
        retrying { linkat(folder, name, folder, other, 0) }
    }

    static func setMode(_ mode: mode_t, of descriptor: Int32) -> Result<Int32, SystemError> {
        retrying { fchmod(descriptor, mode) }
    }

    static func remove(_ name: String, in folder: Int32) {
        _ = unlinkat(folder, name, 0)
    }

    static func sync(_ descriptor: Int32) -> Result<Int32, SystemError> {
        retrying { fsync(descriptor) }
    }

    static func status(_ descriptor: Int32) -> Result<stat, SystemError> {
        var status = stat()
        return retrying { fstat(descriptor, &status) }.map { _ in status }
    }

    static func size(of descriptor: Int32) -> Int? {
        (try? status(descriptor).get()).map { Int($0.st_size) }
    }

    static func truncate(_ descriptor: Int32, to size: Int) -> Result<Int32, SystemError> {
        retrying { ftruncate(descriptor, off_t(size)) }
    }

    /// Locks the open file until it is closed or unlocked (`flock`). Fails at once if another holds the lock.
    static func lock(_ descriptor: Int32) -> Result<Int32, SystemError> {
        retrying { flock(descriptor, LOCK_EX | LOCK_NB) }
    }

    static func unlock(_ descriptor: Int32) {
        _ = flock(descriptor, LOCK_UN)
    }

    /// How many bytes were written, and why not all.
    struct Written {
        var count = 0
        var error: SystemError?
    }

    /// Writes all bytes; continues after short writes.
    static func write(_ bytes: [UInt8], to descriptor: Int32) -> Written {
        var written = Written()
        while written.count < bytes.count {
            let count = bytes.withUnsafeBytes {
                LibC.write(descriptor, $0.baseAddress?.advanced(by: written.count), bytes.count - written.count)
            }
            if count < 0 {
                if errno == EINTR { continue }
                written.error = SystemError(number: errno)
                break
            }
            written.count += count
        }
        return written
    }

    /// Reads at most `count` bytes; empty at the end.
    static func read(_ descriptor: Int32, upTo count: Int) -> Result<[UInt8], SystemError> {
        while true {
            var length = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                length = LibC.read(descriptor, buffer.baseAddress, count)
                initialized = max(0, length)
            }
            if length >= 0 { return .success(bytes) }
            if errno != EINTR { return .failure(SystemError(number: errno)) }
        }
    }

    private static func retrying(_ call: () -> Int32) -> Result<Int32, SystemError> {
        while true {
            let result = call()
            if result >= 0 { return .success(result) }
            let number = errno
            if number != EINTR { return .failure(SystemError(number: number)) }
        }
    }
}

/// An `errno` with a message.
struct SystemError: Error, Equatable {
    let number: Int32

    var isMissing: Bool { number == ENOENT }
    var isExisting: Bool { number == EEXIST }
    /// Whether another has the lock.
    var isLocked: Bool { number == EWOULDBLOCK }
    /// Whether opening failed because of a symbolic link (`O_NOFOLLOW`); systems differ.
    var isLink: Bool { number == ELOOP || number == EMLINK }
    var isNoFolder: Bool { number == ENOTDIR }

    /// The error of `action` ("write") on `path`.
    ///
    /// - Parameter isUnchanged: Whether everything is as it was.
    func stepError(_ action: String, _ path: String, isUnchanged: Bool = true) -> StepError {
        let room = isUnchanged ? "make room; nothing was changed" : "make room"
        let (code, reason, hint): (any ErrorCode, String, String?) =
            switch number {
            case ENOENT: (FileErrorCode.fileNotFound, "there is no such file", nil)
            case EACCES, EPERM:
                (
                    FileErrorCode.filePermission, "permission denied",
                    "check the owner and mode of the file and its folder"
                )
            case EROFS: (FileErrorCode.fileReadOnly, "the file system is read-only", nil)
            case ENOSPC: (FileErrorCode.diskFull, "the disk is full", room)
            case EDQUOT: (FileErrorCode.diskFull, "the disk quota is used up", room)
            case EISDIR: (StepErrorCode.fileIsFolder, "it is a folder", "name a file in it")
            case ENOTDIR: (FileErrorCode.fileNotFolder, "a part of the path is a file, not a folder", nil)
            case ENAMETOOLONG: (FileErrorCode.fileNameTooLong, "the name is too long", nil)
            case EMFILE, ENFILE: (FileErrorCode.tooManyFiles, "too many files are open", nil)
            default: (FileErrorCode.fileFailed, String(cString: strerror(number)), nil)
            }
        let isTransient = [ENOSPC, EDQUOT, EMFILE, ENFILE, EIO, EBUSY].contains(number)
        return StepError(code, "cannot \(action) \"\(path)\": \(reason)", hint: hint, isTransient: isTransient)
    }
}
