internal import LibC

/// An `errno` with a message.
struct SystemFailure: Error, Sendable, Hashable {
    let number: Int32

    /// The error of the last failed call on this thread.
    static var last: SystemFailure { SystemFailure(number: errno) }

    var isMissing: Bool { number == ENOENT }
    var isExisting: Bool { number == EEXIST }
    /// A component of the path is not a folder, or is a symbolic link.
    var isNoFolder: Bool { number == ENOTDIR || number == ELOOP || number == EMLINK }
    var isLink: Bool { number == ELOOP }
    var isOtherFileSystem: Bool { number == EXDEV }
    /// A transient shortage of descriptors or memory, unrelated to the file.
    var isShortage: Bool { [EMFILE, ENFILE, ENOMEM].contains(number) }
    /// The limit of inotify watches or instances is reached.
    var isWatchLimit: Bool { number == ENOSPC || isShortage }

    var reason: String {
        switch number {
        case ENOENT: "there is no such file"
        case EACCES, EPERM: "permission denied"
        case ENOTDIR: "it is not a folder"
        case ELOOP: "it is a symbolic link, and links are not followed"
        case EXDEV: "it is on another file system"
        case ENOSPC: "the disk is full"
        case EROFS: "the file system is read-only"
        case EMFILE, ENFILE: "too many files are open"
        default: String(cString: strerror(number))
        }
    }

    /// Repeats `call` while a signal interrupts it.
    static func check<Number: SignedInteger>(_ call: () -> Number) throws(SystemFailure) -> Number {
        while true {
            let result = call()
            if result >= 0 { return result }
            let failure = SystemFailure.last
            guard failure.number == EINTR else { throw failure }
        }
    }
}

/// An open file descriptor, closed when its last reference is released.
final class Descriptor: Sendable {
    let number: Int32

    init(owning number: Int32) {
        self.number = number
    }

    /// Creates a file for writing; throws if the name exists.
    convenience init(creating name: String, in folder: Descriptor) throws(SystemFailure) {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        self.init(owning: try SystemFailure.check { openat(folder.number, name, flags, 0o666) })
    }

    deinit {
        close(number)
    }
}
