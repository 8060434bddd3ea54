import LibC

/// Files that only their owner can read and write.
enum PrivateFile {
    /// Writes a text to a temporary file and renames it, so that readers see the old text or the new one.
    ///
    /// - Returns: The error number; nil on success.
    static func replace(_ path: String, with text: String) -> Int32? {
        let temporary = "\(path).\(getpid()).tmp"
        if let failure = create(temporary, with: text) { return failure }
        guard rename(temporary, path) != 0 else { return nil }
        let failure = errno
        unlink(temporary)
        return failure
    }

    /// Writes a text to a new file. A former file is removed first; a failure leaves no file.
    ///
    /// - Returns: The error number; nil on success.
    static func create(_ path: String, with text: String) -> Int32? {
        unlink(path)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return errno }
        let bytes = Array(text.utf8)
        let count = write(descriptor, bytes, bytes.count)
        // A full disk shortens the write without an error.
        var failure: Int32? = count == bytes.count ? nil : count < 0 ? errno : ENOSPC
        if failure == nil, fsync(descriptor) != 0 { failure = errno }
        close(descriptor)
        if failure != nil { unlink(path) }
        return failure
    }
}
