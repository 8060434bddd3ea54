import Crypto
import LibC
import RunnelEngine
import RunnelKit

/// Content-addressed files next to the database for large values, named by their SHA-256.
struct OutputFiles: Sendable {
    let directory: String

    /// The column form of the value. A large value is completely on disk before this returns.
    ///
    /// - Parameter isSmall: Whether it is certainly no file.
    func store(_ value: Value?, isSmall: Bool = false) throws(JournalError) -> StoredValue? {
        guard let value else { return nil }
        if isSmall { return .text(ValueCoding.text(value)) }
        let writer = OutputWriter(self)
        ValueCoding.write(value, piece: StoredValue.limit + 1) { writer.take($0) }
        return try writer.finish()
    }

    func load(_ stored: StoredValue?) throws(JournalError) -> Value? {
        switch stored {
        case nil: return nil
        case .text(let text):
            guard let value = ValueCoding.value(text) else {
                throw JournalError(.corrupt, "the journal holds a value that is not JSON")
            }
            return value
        case .file(let hash):
            let path = path(of: hash)
            guard let bytes = try read(path) else {
                throw JournalError(
                    .corrupt, "the file \(path) is missing, which holds a large value",
                    hint: "the run that it belongs to can be sent again with `runnel runs retry`")
            }
            guard Array(SHA256.hash(data: bytes)) == hash, let value = ValueCoding.value(bytes) else {
                throw JournalError(
                    .corrupt, "the file \(path) is damaged, which holds a large value",
                    hint: "the run that it belongs to can be sent again with `runnel runs retry`")
            }
            return value
        }
    }

    /// For a trigger stored in a file, only its type, which is its first key.
    func triggerInList(_ stored: StoredValue?) throws(JournalError) -> Value {
        guard case .file(let hash)? = stored else { return try load(stored) ?? .null }
        guard let bytes = try? read(path(of: hash), upTo: 256) else { return [:] }
        return ValueCoding.listedTrigger(beginning: bytes)
    }

    func path(of hash: [UInt8]) -> String { directory + "/" + Self.name(of: hash) }

    static func name(of hash: [UInt8]) -> String {
        hash.hexadecimal
    }

    /// The hash in a file's name; nil for other files.
    static func hash(of name: String) -> [UInt8]? {
        let digits = name.utf8.map { Character(Unicode.Scalar($0)).hexDigitValue }
        guard digits.count == SHA256.byteCount * 2 else { return nil }
        var hash: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[index], let low = digits[index + 1] else { return nil }
            hash.append(UInt8(high << 4 | low))
        }
        return name == Self.name(of: hash) ? hash : nil
    }

    /// Checks in the transaction that is about to name the files, before it writes, that retention has not removed them
    /// meanwhile.
    func require(_ hashes: [[UInt8]]) throws(JournalError) {
        for hash in hashes where access(path(of: hash), F_OK) != 0 {
            throw JournalError(
                .failed, "the file \(path(of: hash)) was removed before the run that it belongs to was written"
            )
        }
    }

    // MARK: - Retention

    /// All stored values with their sizes in bytes.
    func all() throws(JournalError) -> [(hash: [UInt8], size: Int64)] {
        try FileSystem.names(in: directory).compactMap { name in
            guard let hash = Self.hash(of: name), let facts = FileSystem.facts("\(directory)/\(name)") else {
                return nil
            }
            return (hash, facts.size)
        }
    }

    /// Whether the file exists and was last written or referenced at least `age` seconds ago.
    func isOlder(_ hash: [UInt8], than age: Int) -> Bool {
        FileSystem.facts(path(of: hash)).map { $0.age >= age } ?? false
    }

    /// Renames the file, which is fast whatever its size; ``removeAbandoned()`` frees its space.
    func discard(_ hash: [UInt8]) throws(JournalError) {
        let path = path(of: hash)
        guard rename(path, temporaryPath()) == 0 || errno == ENOENT else {
            throw JournalError(errno: errno, path: path)
        }
    }

    /// Removes temporary files of ended processes: each writer holds a lock on its own.
    ///
    /// - Returns: The number of bytes freed.
    @discardableResult func removeAbandoned() throws(JournalError) -> Int64 {
        var freed: Int64 = 0
        for name in try FileSystem.names(in: directory) where name.hasPrefix(".") {
            let path = "\(directory)/\(name)"
            guard let size = FileSystem.facts(path)?.size, FileLock.removeAbandoned(path) else { continue }
            freed += size
        }
        return freed
    }

    // MARK: - Files

    func temporaryPath() -> String { "\(directory)/.\(getpid())-\(UInt64.random(in: 0...UInt64.max))" }

    /// Writes, syncs and removes a small file, to check that there is space and the disk works.
    func probe() throws(JournalError) {
        let file = try TemporaryFile(self)
        defer { file.remove() }
        try file.write([UInt8](repeating: 0, count: 64 << 10))
        try FileSystem.sync(file.descriptor, file.path)
    }

    /// Whether the file exists and is not damaged.
    func holds(_ hash: [UInt8]) -> Bool {
        let descriptor = open(path(of: hash), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var found = SHA256()
        return withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 1) { buffer in
            guard let base = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return false }
            while true {
                let count = systemRead(descriptor, base, buffer.count)
                if count > 0 {
                    found.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                } else if count == 0 {
                    return Array(found.finalize()) == hash
                } else if errno != EINTR {
                    return false
                }
            }
        }
    }

    /// nil if the file does not exist.
    private func read(_ path: String, upTo limit: Int = .max) throws(JournalError) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw JournalError(errno: errno, path: path)
        }
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { throw JournalError(errno: errno, path: path) }
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: min(limit, Int(info.st_size))) { buffer, count in
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

/// A file being written, locked until it is closed, so that others can tell whether its process is alive.
private final class TemporaryFile {
    let path: String
    let descriptor: Int32

    init(_ files: OutputFiles) throws(JournalError) {
        while true {
            let path = files.temporaryPath()
            let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw JournalError(errno: errno, path: path) }
            let isLocked: Bool
            do throws(JournalError) {
                isLocked = try FileLock.lock(descriptor, waits: true, path)
            } catch {
                unlink(path)
                close(descriptor)
                throw error
            }
            // It may have been removed as abandoned before it was locked.
            if isLocked, FileLock.isNamed(descriptor) {
                (self.path, self.descriptor) = (path, descriptor)
                return
            }
            close(descriptor)
        }
    }

    func write(_ bytes: some Collection<UInt8>) throws(JournalError) {
        try FileSystem.write(bytes, to: descriptor, path)
    }

    func remove() { unlink(path) }

    deinit { close(descriptor) }
}

/// Collects a value's JSON: a small one as text, a larger one is streamed to a file.
private final class OutputWriter {
    private let files: OutputFiles
    private var text: [UInt8] = []
    private var file: TemporaryFile?
    private var hash = SHA256()
    private var size: Int64 = 0
    private var failure: JournalError?

    init(_ files: OutputFiles) {
        self.files = files
    }

    func take(_ piece: [UInt8]) {
        guard failure == nil else { return }
        size += Int64(piece.count)
        guard file != nil || size > StoredValue.limit else {
            text = text.isEmpty ? piece : text + piece
            return
        }
        do throws(JournalError) {
            if self.file == nil { self.file = try TemporaryFile(files) }
            guard let file else { return }
            for bytes in [text, piece] where !bytes.isEmpty {
                try file.write(bytes)
                hash.update(data: bytes)
            }
            text = []
        } catch {
            failure = error
        }
    }

    func finish() throws(JournalError) -> StoredValue {
        guard let file else {
            if let failure { throw failure }
            return .text(String(decoding: text, as: UTF8.self))
        }
        do throws(JournalError) {
            if let failure { throw failure }
            let hash = Array(hash.finalize())
            let path = files.path(of: hash)
            // An existing file is reused if it is sound; touching it protects it from retention.
            if FileSystem.facts(path)?.size == size, files.holds(hash), utimes(path, nil) == 0 {
                file.remove()
                return .file(hash)
            }
            try FileSystem.sync(file.descriptor, file.path)
            guard rename(file.path, path) == 0 else { throw JournalError(errno: errno, path: path) }
            try FileSystem.syncFolder(of: path)
            return .file(hash)
        } catch {
            file.remove()
            throw error
        }
    }
}

private func systemRead(_ descriptor: Int32, _ target: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
    read(descriptor, target, count)
}
