import CRunnelFiles
import LibC

/// Moves and deletes processed files. It touches only the file that was processed and never overwrites another one.
///
/// The file is renamed first and checked afterwards (no TOCTOU race): if it had been replaced at the last moment, it is
/// moved back.
struct FileMover: Sendable {
    struct Failure: Error, Hashable {
        let system: SystemFailure
        /// The path that could not be used.
        let place: FilePath
    }

    let tree: ProjectTree
    let rename: ExclusiveRename

    init(tree: ProjectTree, rename: ExclusiveRename = ExclusiveRename()) {
        self.tree = tree
        self.rename = rename
    }

    /// The maximum number that is appended to a name.
    private static let maximumNumber = 100_000

    /// Moves the file into `folder`, at the same relative path as below `root`.
    ///
    /// - Parameters:
    ///   - note: The text of a note that is written beside it.
    ///   - placing: Is told of the file's new path before the file is there, and of its note's.
    /// - Returns: `.done` also if the file no longer exists; where it is now, if it was moved.
    func move(
        _ path: FilePath, _ expected: FileStatus, from root: FilePath, to folder: FilePath, note: String? = nil,
        placing: (_ path: FilePath, _ isNote: Bool) -> Void = { _, _ in }
    ) throws(Failure) -> (FinishResult, FilePath?) {
        guard let source = try source(of: path) else { return (.done, nil) }
        let found = try orFail(path.folder) { () throws(SystemFailure) in try self.status(of: path.name, in: source) }
        guard let status = found else { return (.done, nil) }
        guard status == expected else { return (.changed(status), nil) }
        let target = folder.appending((path.relative(to: root) ?? path).folder)
        let targetFolder = try orFail(target) { () throws(SystemFailure) in
            try tree.open(folder: target, makesFolders: true)
        }
        return try orFail(target) { () throws(SystemFailure) -> (FinishResult, FilePath?) in
            let name: String
            do throws(SystemFailure) {
                name = try place(path.name, from: source, in: targetFolder, note: note) {
                    placing(target.appending($0), false)
                    if note != nil { placing(target.appending(Self.noteName(of: $0)), true) }
                }
            } catch  where error.isMissing {
                return (.done, nil)
            }
            guard let moved = try self.status(of: name, in: targetFolder), moved != expected else {
                return (.done, target.appending(name))
            }
            try putBack(name, from: targetFolder, to: path.name, in: source)
            if note != nil { _ = unlinkat(targetFolder.number, Self.noteName(of: name), 0) }
            return (.changed(moved), nil)
        }
    }

    /// Replaces the note beside a file, if the file is there.
    func replaceNote(of path: FilePath, with note: String) throws(Failure) {
        guard let folder = try source(of: path) else { return }
        try orFail(path) { () throws(SystemFailure) in
            guard try status(of: path.name, in: folder) != nil else { return }
            let name = Self.noteName(of: path.name)
            _ = unlinkat(folder.number, name, 0)
            try write(note, to: Descriptor(creating: name, in: folder))
        }
    }

    /// Removes the note that was written beside a file.
    func removeNote(of path: FilePath) throws(Failure) {
        guard let folder = try source(of: path) else { return }
        _ = unlinkat(folder.number, Self.noteName(of: path.name), 0)
    }

    /// Removes the note about `original` beside a place that its file has left: it was put back.
    func removeOldNote(of path: FilePath, about original: FilePath) throws(Failure) {
        guard let folder = try source(of: path) else { return }
        try orFail(path) { () throws(SystemFailure) in
            guard try status(of: path.name, in: folder) == nil else { return }
            let name = Self.noteName(of: path.name)
            guard let note = text(of: name, in: folder), note.contains("\nfile: \(original.text)\n") else { return }
            _ = unlinkat(folder.number, name, 0)
        }
    }

    /// The beginning of a note; nil if there is none.
    private func text(of name: String, in folder: Descriptor) -> String? {
        let flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK
        let number = openat(folder.number, name, flags)
        guard number >= 0 else { return nil }
        let file = Descriptor(owning: number)
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = LibC.read(file.number, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
    }

    /// - Parameter id: The run's id: part of the file's name between renaming and deleting it.
    func delete(_ path: FilePath, _ expected: FileStatus, id: String) throws(Failure) -> FinishResult {
        guard let source = try source(of: path) else { return .done }
        let name = Self.deletingName(of: path.name, id: id)
        return try orFail(path) { () throws(SystemFailure) in
            if let left = try self.status(of: name, in: source) {
                // Left by a process that was killed before it deleted the file, or, on some file systems, between
                // reserving the name with an empty file and renaming.
                let present = try self.status(of: path.name, in: source)
                if left == expected || left.size == 0 && present == expected {
                    _ = unlinkat(source.number, name, 0)
                } else {
                    try putBack(name, from: source, to: path.name, in: source)
                }
            }
            guard let status = try self.status(of: path.name, in: source) else { return .done }
            guard status == expected else { return .changed(status) }
            do throws(SystemFailure) {
                guard try rename.move(path.name, from: source, to: name, in: source) else {
                    throw SystemFailure(number: EEXIST)
                }
            } catch  where error.isMissing {
                return .done
            }
            if let moved = try self.status(of: name, in: source), moved != expected {
                try putBack(name, from: source, to: path.name, in: source)
                return .changed(moved)
            }
            _ = try SystemFailure.check { unlinkat(source.number, name, 0) }
            return .done
        }
    }

    /// The name of a file between renaming and deleting it. It differs for the files of one run, which are deleted at
    /// the same time.
    static func deletingName(of name: String, id: String) -> String {
        "\(FileFilter.ownPrefix)\(id)-\(hash(of: name)).deleting"
    }

    /// The maximum length of a file's name in bytes, on the file systems in use.
    static let maximumName = 255

    /// The name with this number before its extension: `a.txt`, `a-2.txt`. A name that would become too long is
    /// shortened before the number.
    static func name(_ name: String, number: Int) -> String {
        guard number > 1 else { return name }
        let dot = name.dropFirst().lastIndex(of: ".") ?? name.endIndex
        // An extension of half a name is not one.
        let end = name[dot...].utf8.count > maximumName / 2 ? name.endIndex : dot
        let suffix = "-\(number)\(name[end...])"
        return shortened(String(name[..<end]), to: maximumName - suffix.utf8.count) + suffix
    }

    /// The name of the note beside a file. That of a very long name is shortened, and made unique by a hash.
    static func noteName(of name: String) -> String {
        let suffix = ".error.txt"
        guard name.utf8.count + suffix.utf8.count > maximumName else { return name + suffix }
        let end = "-" + hash(of: name).prefix(8) + suffix
        return shortened(name, to: maximumName - end.utf8.count) + end
    }

    private static func hash(of name: String) -> String {
        var hash = ContentHash()
        Array(name.utf8).withUnsafeBytes { hash.update($0) }
        return hash.digest
    }

    /// The longest beginning of whole characters that has at most `count` bytes.
    private static func shortened(_ name: String, to count: Int) -> String {
        var name = name
        while name.utf8.count > count, name.popLast() != nil {}
        return name
    }

    /// nil if the file's folder is gone.
    private func source(of path: FilePath) throws(Failure) -> Descriptor? {
        do throws(SystemFailure) {
            return try tree.open(folder: path.folder)
        } catch {
            if error.isMissing || error.isNoFolder { return nil }
            throw Failure(system: error, place: path.folder)
        }
    }

    private func orFail<Result>(
        _ place: FilePath, _ body: () throws(SystemFailure) -> Result
    ) throws(Failure) -> Result {
        do throws(SystemFailure) {
            return try body()
        } catch {
            throw Failure(system: error, place: place)
        }
    }

    /// nil if there is no such file.
    private func status(of name: String, in folder: Descriptor) throws(SystemFailure) -> FileStatus? {
        var status = stat()
        do throws(SystemFailure) {
            _ = try SystemFailure.check { fstatat(folder.number, name, &status, AT_SYMLINK_NOFOLLOW) }
        } catch  where error.isMissing {
            return nil
        }
        return FileStatus(status)
    }

    /// Renames the file to the first free name, with its note beside it.
    ///
    /// The note is written first: if the process is killed in between, the next session finds and reuses it.
    private func place(
        _ name: String, from source: Descriptor, in folder: Descriptor, note: String?, placing: (String) -> Void
    ) throws(SystemFailure) -> String {
        for number in 1...Self.maximumNumber {
            let candidate = Self.name(name, number: number)
            guard try status(of: candidate, in: folder) == nil else { continue }
            placing(candidate)
            if let note, try !make(note, for: candidate, in: folder) { continue }
            do throws(SystemFailure) {
                if try rename.move(name, from: source, to: candidate, in: folder) { return candidate }
            } catch {
                if note != nil { _ = unlinkat(folder.number, Self.noteName(of: candidate), 0) }
                throw error
            }
            if note != nil { _ = unlinkat(folder.number, Self.noteName(of: candidate), 0) }
        }
        throw SystemFailure(number: EEXIST)
    }

    /// False if the name is taken by something else.
    private func make(
        _ note: String, for candidate: String, in folder: Descriptor
    ) throws(SystemFailure) -> Bool {
        let name = Self.noteName(of: candidate)
        do throws(SystemFailure) {
            try write(note, to: Descriptor(creating: name, in: folder))
            return true
        } catch  where error.isExisting {
            guard try status(of: candidate, in: folder) == nil else { return false }
            return try holds(name, note, in: folder)
        }
    }

    private func holds(_ name: String, _ text: String, in folder: Descriptor) throws(SystemFailure) -> Bool {
        let flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK
        let file = Descriptor(owning: try SystemFailure.check { openat(folder.number, name, flags) })
        let expected = Array(text.utf8)
        // One extra byte, to detect a longer text.
        var bytes = [UInt8](repeating: 0, count: expected.count + 1)
        let count = try SystemFailure.check { LibC.read(file.number, &bytes, bytes.count) }
        return Array(bytes.prefix(count)) == expected
    }

    private func putBack(
        _ name: String, from folder: Descriptor, to original: String, in source: Descriptor
    ) throws(SystemFailure) {
        for number in 1...Self.maximumNumber {
            let candidate = Self.name(original, number: number)
            if try rename.move(name, from: folder, to: candidate, in: source) { return }
        }
        throw SystemFailure(number: EEXIST)
    }

    private func write(_ text: String, to file: Descriptor) throws(SystemFailure) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let piece = rest
            let count = try SystemFailure.check {
                piece.withUnsafeBytes { LibC.write(file.number, $0.baseAddress, $0.count) }
            }
            rest = rest.dropFirst(count)
        }
    }
}

/// Renames a file without ever overwriting another one.
struct ExclusiveRename: Sendable {
    /// Whether the system call is used; not every file system supports it.
    var usesSystemCall = true

    /// False if the new name exists.
    func move(
        _ name: String, from source: Descriptor, to target: String, in folder: Descriptor
    ) throws(SystemFailure) -> Bool {
        if usesSystemCall {
            do throws(SystemFailure) {
                _ = try SystemFailure.check { runnel_rename_exclusively(source.number, name, folder.number, target) }
                return true
            } catch  where error.isExisting {
                return false
            } catch  where [EINVAL, ENOSYS, ENOTSUP].contains(error.number) {
                // The file system does not support it.
            }
        }
        return try replace(name, from: source, to: target, in: folder)
    }

    /// Reserves the name with an empty file and renames over it. If the process is killed in between, the empty file
    /// remains.
    private func replace(
        _ name: String, from source: Descriptor, to target: String, in folder: Descriptor
    ) throws(SystemFailure) -> Bool {
        do throws(SystemFailure) {
            _ = try Descriptor(creating: target, in: folder)
        } catch  where error.isExisting {
            return false
        }
        do throws(SystemFailure) {
            _ = try SystemFailure.check { renameat(source.number, name, folder.number, target) }
        } catch {
            _ = unlinkat(folder.number, target, 0)
            throw error
        }
        return true
    }
}
