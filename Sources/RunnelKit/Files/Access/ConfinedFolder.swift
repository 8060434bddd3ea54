internal import LibC

/// The folder of a ``ConfinedPath``, opened part by part without following a symbolic link.
///
/// Open descriptors are held, so there is no symlink race (TOCTOU). Links below the base are rejected, even if they
/// stay inside, unless the project follows them; the base itself may be reached through links.
struct ConfinedFolder {
    private let descriptor: FileDescriptor
    let path: ConfinedPath

    /// - Parameter makesFolders: Whether missing folders are created.
    init(of path: ConfinedPath, makesFolders: Bool, action: String) throws(StepError) {
        self.path = path
        let flags = O_RDONLY | O_DIRECTORY
        let aliases = ProtectedAliases(of: path)
        var current: Int32
        switch SystemCalls.open(path.base, in: nil, flags: flags) {
        case .success(let number): current = number
        case .failure(let error): throw error.stepError("open the project's folder", path.base)
        }
        for (index, folder) in path.folders.enumerated() {
            let folderOfPart = FileDescriptor(owning: current)
            let isFollowed =
                !path.followedLinks.isEmpty && path.followedLinks.contains(path.parts[...index].joined(separator: "/"))
            let flags = isFollowed ? flags : flags | O_NOFOLLOW
            var opened = SystemCalls.open(folder, in: folderOfPart.number, flags: flags)
            if makesFolders, case .failure(let error) = opened, error.isMissing {
                // Another process may create it concurrently.
                if case .failure(let error) = SystemCalls.makeFolder(folder, in: folderOfPart.number),
                    !error.isExisting
                {
                    throw error.stepError(action, path.text)
                }
                // Also if another process created it: files below must not be lost with their folder.
                if case .failure(let error) = SystemCalls.sync(folderOfPart.number) {
                    throw error.stepError(action, path.text)
                }
                opened = SystemCalls.open(folder, in: folderOfPart.number, flags: flags)
            }
            switch opened {
            case .success(let number):
                current = number
                var status = stat()
                if fstat(number, &status) == 0, let error = aliases.error(status, at: index) {
                    close(number)
                    throw error
                }
            case .failure(let error):
                // A link yields ENOTDIR on systems that check O_DIRECTORY first.
                if error.isLink || (error.isNoFolder && Self.isLink(folder, in: folderOfPart.number)) {
                    throw ConfinedPath.link(path.text)
                }
                throw error.stepError(action, path.text)
            }
        }
        descriptor = FileDescriptor(owning: current)
        var status = stat()
        if fstatat(current, path.name, &status, AT_SYMLINK_NOFOLLOW) == 0,
            let error = aliases.error(status, at: path.parts.count - 1)
        {
            throw error
        }
    }

    var number: Int32 { descriptor.number }

    /// Opens the file in the folder.
    func open(flags: Int32, action: String) throws(StepError) -> FileDescriptor {
        switch SystemCalls.open(path.name, in: number, flags: flags | O_NOFOLLOW, mode: 0o666) {
        case .success(let number): return FileDescriptor(owning: number)
        case .failure(let error):
            if error.isLink { throw ConfinedPath.link(path.text) }
            throw error.stepError(action, path.text)
        }
    }

    /// Rejects a symbolic link at the path, which must not be replaced.
    func refuseLink() throws(StepError) {
        if Self.isLink(path.name, in: number) { throw ConfinedPath.link(path.text) }
    }

    private static func isLink(_ name: String, in folder: Int32) -> Bool {
        var status = stat()
        return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }
}

/// Detects protected places under another name: through a link, or on a file system with several names for one.
struct ProtectedAliases {
    private let path: ConfinedPath
    private let known: [(device: dev_t, number: ino_t, parts: [String])]

    init(of path: ConfinedPath) {
        self.path = path
        known = path.protected.roots.compactMap { parts in
            var status = stat()
            guard stat(path.base + "/" + parts.joined(separator: "/"), &status) == 0 else { return nil }
            return (status.st_dev, status.st_ino, parts)
        }
    }

    /// - Parameters:
    ///   - status: The status of a component of the path.
    ///   - index: The index of the component.
    func error(_ status: stat, at index: Int) -> StepError? {
        for root in known where root.device == status.st_dev && root.number == status.st_ino {
            guard let place = path.protected.place(of: root.parts + path.parts[(index + 1)...]) else { continue }
            // Under its own name, the check of the path decides.
            if path.parts[...index].elementsEqual(root.parts) { continue }
            return place.error(path.text)
        }
        return nil
    }
}
