import Crypto
import RunnelEngine
import RunnelKit

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Large values as files beside the database, named by their content.
struct OutputFiles: Sendable {
    let directory: String

    /// The value as its column holds it. What is large is on disk, whole, before this returns.
    func store(_ value: Value?) throws(JournalError) -> StoredValue? {
        guard let value else { return nil }
        let text = ValueCoding.text(value)
        guard text.utf8.count > StoredValue.limit else { return .text(text) }
        let bytes = Array(text.utf8)
        let hash = Array(SHA256.hash(data: bytes))
        try write(bytes, as: path(of: hash))
        return .file(hash)
    }

    func load(_ stored: StoredValue?) throws(JournalError) -> Value? {
        switch stored {
        case nil: return nil
        case .text(let text):
            guard let value = ValueCoding.value(text) else {
                throw JournalError("journal-corrupt", "the journal holds a value that is not JSON")
            }
            return value
        case .file(let hash):
            let path = path(of: hash)
            guard let bytes = try read(path) else {
                throw JournalError(
                    "journal-corrupt", "the file \(path) is missing, which holds an output",
                    hint: "the run that it belongs to can be sent again with `runnel runs retry`")
            }
            guard Array(SHA256.hash(data: bytes)) == hash,
                let value = ValueCoding.value(String(decoding: bytes, as: UTF8.self))
            else {
                throw JournalError(
                    "journal-corrupt", "the file \(path) is damaged, which holds an output",
                    hint: "the run that it belongs to can be sent again with `runnel runs retry`")
            }
            return value
        }
    }

    func path(of hash: [UInt8]) -> String {
        directory + "/" + hash.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    /// Removes the files that nothing names any more.
    ///
    /// - Parameter age: Younger files stay: their row may be about to be written. In seconds.
    /// - Returns: How many bytes were given back.
    func removeAll(except kept: Set<String>, olderThan age: Int) throws(JournalError) -> Int64 {
        guard let folder = opendir(directory) else { throw JournalError(errno: errno, path: directory) }
        defer { closedir(folder) }
        var freed: Int64 = 0
        let now = time(nil)
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            let path = directory + "/" + name
            var info = stat()
            guard !name.hasPrefix("."), !kept.contains(path), stat(path, &info) == 0 else { continue }
            #if os(Linux)
            let modified = info.st_mtim.tv_sec
            #else
            let modified = info.st_mtimespec.tv_sec
            #endif
            guard now - modified >= age, unlink(path) == 0 else { continue }
            freed += Int64(info.st_size)
        }
        return freed
    }

    // MARK: - Files

    private func write(_ bytes: [UInt8], as path: String) throws(JournalError) {
        // Its name is its content, so what is there is right. Its age begins anew: somebody counts on it again.
        if access(path, F_OK) == 0, utimes(path, nil) == 0 { return }
        let temporary = "\(directory)/.\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw JournalError(errno: errno, path: temporary) }
        var failure: Int32 = 0
        bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty, failure == 0 {
                let count = systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: rest))
                if count > 0 { rest = rest.dropFirst(count) } else if errno != EINTR { failure = errno }
            }
        }
        if failure == 0, fsync(descriptor) != 0 { failure = errno }
        close(descriptor)
        if failure == 0, rename(temporary, path) != 0 { failure = errno }
        guard failure == 0 else {
            unlink(temporary)
            throw JournalError(errno: failure, path: path)
        }
        let folder = open(directory, O_RDONLY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }

    /// nil when there is no such file.
    private func read(_ path: String) throws(JournalError) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw JournalError(errno: errno, path: path)
        }
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { throw JournalError(errno: errno, path: path) }
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: Int(info.st_size)) { buffer, count in
            while count < buffer.count, let base = buffer.baseAddress {
                let step = systemRead(descriptor, base + count, buffer.count - count)
                if step > 0 {
                    count += step
                } else if step == 0 {
                    break
                } else if errno != EINTR {
                    failure = errno
                    break
                }
            }
        }
        guard failure == 0 else { throw JournalError(errno: failure, path: path) }
        return bytes
    }
}

private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}

private func systemRead(_ descriptor: Int32, _ target: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
    read(descriptor, target, count)
}
