internal import LibC
internal import RunnelKit

/// Opens the project's files component by component, so that no symbolic link below the project's folder is followed,
/// but those that the project allows.
struct ProjectTree: Sendable {
    /// The project's folder, absolute.
    let base: String
    /// The links below it that are followed; see `ProjectDirectory.followedLinks`.
    var links: Set<String> = []

    init(base: String) {
        self.base = base
    }

    init(_ project: ProjectDirectory) {
        base = project.path
        links = project.followedLinks
    }

    func open(folder: FilePath, makesFolders: Bool = false) throws(SystemFailure) -> Descriptor {
        var current = try openPart(base, in: AT_FDCWD, flags: O_RDONLY | O_DIRECTORY)
        var path = FilePath.project
        for part in folder.parts {
            path = path.appending(part)
            let flags = O_RDONLY | O_DIRECTORY | (links.contains(path.text) ? 0 : O_NOFOLLOW)
            do throws(SystemFailure) {
                current = try openPart(part, in: current.number, flags: flags)
            } catch  where error.isMissing && makesFolders {
                let parent = current
                do throws(SystemFailure) {
                    _ = try SystemFailure.check { mkdirat(parent.number, part, 0o777) }
                } catch  where error.isExisting {
                    // Another process created it concurrently.
                }
                _ = try SystemFailure.check { fsync(parent.number) }
                current = try openPart(part, in: current.number, flags: flags)
            } catch  where error.number == ENOTDIR && isLink(part, in: current) {
                // Which error wins, that of O_DIRECTORY or O_NOFOLLOW, depends on the system.
                throw SystemFailure(number: ELOOP)
            }
        }
        return current
    }

    /// The folder as it is spelled on disk, where that differs in how characters are composed (NFC, NFD); nil if there is
    /// no such folder.
    func spelling(of folder: FilePath) -> FilePath? {
        guard !folder.text.utf8.allSatisfy({ $0 < 0x80 }) else { return folder }
        var path = FilePath.project
        for part in folder.parts {
            guard let parent = try? open(folder: path), let reader = try? FolderReader(parent) else { return nil }
            var found: String?
            while let entry = try? reader.next() {
                // Canonical equivalence, as `String` compares.
                guard let name = entry.name.text, name == part else { continue }
                found = name
                if name.utf8.elementsEqual(part.utf8) { break }
            }
            guard let found else { return nil }
            path = path.appending(found)
        }
        return path
    }

    /// Opens a file for reading; non-blocking, in case it is a pipe.
    func open(file: FilePath) throws(SystemFailure) -> Descriptor {
        let folder = try open(folder: file.folder)
        return try openPart(file.name, in: folder.number, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    }

    /// The kind of the entry at the path; nil if there is none.
    func entry(at path: FilePath) throws(SystemFailure) -> FolderEntry.Kind? {
        var status = stat()
        let absolute = absolute(path)
        do throws(SystemFailure) {
            _ = try SystemFailure.check { lstat(absolute, &status) }
        } catch {
            if error.isMissing || error.isNoFolder { return nil }
            throw error
        }
        return FolderEntry.Kind(status)
    }

    /// The device of the folder, or of its nearest parent folder that exists.
    func device(of folder: FilePath) -> dev_t? {
        var (folder, status) = (folder, stat())
        while stat(absolute(folder), &status) != 0 {
            guard !folder.isProject else { return nil }
            folder = folder.folder
        }
        return status.st_dev
    }

    func absolute(_ path: FilePath) -> String {
        path.isProject ? base : base + "/" + path.text
    }

    private func openPart(_ name: String, in folder: Int32, flags: Int32) throws(SystemFailure) -> Descriptor {
        Descriptor(owning: try SystemFailure.check { openat(folder, name, flags | O_CLOEXEC) })
    }

    private func isLink(_ name: String, in folder: Descriptor) -> Bool {
        var status = stat()
        return fstatat(folder.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }
}
