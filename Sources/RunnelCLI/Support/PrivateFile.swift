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
        let count = write(descriptor, bytes, bytes.count)
        // Only a part is written, without an error, if the disk fills up.
        var failure: Int32? = count == bytes.count ? nil : count < 0 ? errno : ENOSPC
        if failure == nil, fsync(descriptor) != 0 { failure = errno }
        close(descriptor)
        if failure == nil, rename(temporary, path) != 0 { failure = errno }
        if failure != nil { unlink(temporary) }
        return failure
    }
}
