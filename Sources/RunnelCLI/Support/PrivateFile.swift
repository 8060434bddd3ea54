import LibC

/// Files that only their owner can read and write.
enum PrivateFile {
    /// Writes a text to a temporary file and renames it, so that readers see the old text or the new one.
    ///
    /// - Returns: The error number; nil on success.
    static func replace(_ path: String, with text: String) -> Int32? {
        let temporary = "\(path).\(getpid()).tmp"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return errno }
        let bytes = Array(text.utf8)
        let isWritten = write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
        let problem = errno
        close(descriptor)
        if isWritten, rename(temporary, path) == 0 { return nil }
        let failure = isWritten ? errno : problem
        unlink(temporary)
        return failure
    }
}
