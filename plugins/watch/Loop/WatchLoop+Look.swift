internal import Logging
internal import RunnelKit

/// Looking at all files, and watching the folders they are in.
extension WatchLoop {
    /// After so many entries of a folder others get their turn.
    private static let turn = 256

    /// Looks at all files, and watches the folders.
    mutating func look() async throws {
        if isRootLost { dropWatches() }
        let identity: FolderIdentity
        do throws(SystemFailure) {
            identity = try tree.open(folder: settings.root).identity()
            try watchAncestors()
        } catch {
            return await lose(error)
        }
        isRootLost = false
        machine.lookBegan()
        var findings = Findings()
        try await walk(settings.root, &findings)
        if isRootLost { return }
        let isSameFolder = record.map { $0.path == settings.root && $0.trusts(identity) } ?? false
        machine.lookEnded(forgetsMissing: findings.isComplete && isSameFolder)
        isLookIncomplete = !findings.isComplete
        let seen = findings.problems
        if findings.isComplete, let health = health.clearFiles(where: { !seen.contains($0) }) {
            await context.report(health)
        }
        await clear(.root)
        let empty = FolderRecord(path: settings.root, identity: nil)
        let updated = (record ?? empty).updated(
            path: settings.root, identity: identity, hasFiles: findings.hasFiles)
        keep(updated)
    }

    /// What a look has come across.
    struct Findings {
        var isComplete = true
        var hasFiles = false
        /// What was seen again of that which problems are about.
        var problems: Set<String> = []
    }

    private mutating func keep(_ updated: FolderRecord) {
        guard record != updated else { return }
        record = updated
        isRecordSaved = false
    }

    /// The watched folder cannot be opened.
    private mutating func lose(_ failure: SystemFailure) async {
        dropWatches()
        isRootLost = true
        // Whatever comes into a folder that is not there yet is new.
        machine.ignoresPresent = false
        if record?.path != settings.root { keep(FolderRecord(path: settings.root, identity: nil)) }
        await raise(.root, "cannot watch \"\(settings.root.shown)\": \(Self.folderReason(failure))")
    }

    private static func folderReason(_ failure: SystemFailure) -> String {
        if failure.isMissing { return "there is no such folder; make it, and its files are processed" }
        if failure.isWatchLimit {
            return "the system grants no more watches; raise fs.inotify.max_user_watches, or use `mode: poll`"
        }
        return failure.reason
    }

    mutating func walk(_ start: FilePath, _ findings: inout Findings) async throws {
        var folders = [start]
        var count = 0
        while let folder = folders.popLast() {
            do throws(SystemFailure) {
                let descriptor = try tree.open(folder: folder)
                try await watch(descriptor, folder)
                let entries = try FolderReader(descriptor)
                while let entry = try entries.next() {
                    if let inner = await see(entry, in: folder, &findings) { folders.append(inner) }
                    count += 1
                    if count % Self.turn == 0 { await Task.yield() }
                }
            } catch {
                if folder == settings.root {
                    await lose(error)
                } else if !error.isMissing, !error.isNoFolder {
                    findings.isComplete = false
                    findings.problems.insert(folder.text)
                    await raise(.file(folder.text), "cannot watch \"\(folder.text)\": \(Self.folderReason(error))")
                }
            }
            try Task.checkCancellation()
        }
    }

    /// - Returns: A folder to look into.
    private mutating func see(
        _ entry: FolderEntry, in folder: FilePath, _ findings: inout Findings
    ) async -> FilePath? {
        guard let name = entry.name.text else {
            findings.problems.insert(folder.shown(entry.name))
            await reportName(entry.name, in: folder)
            return nil
        }
        let path = folder.appending(name)
        findings.problems.insert(path.text)
        switch entry.kind {
        case .file(let status):
            guard settings.filter.takes(file: path) else { return nil }
            findings.hasFiles = true
            machine.file(path, status, .present, at: now())
        case .folder:
            return settings.isRecursive && settings.filter.enters(folder: path) ? path : nil
        case .link:
            if settings.filter.takes(file: path) { await reportLink(path) }
        case .other: break
        }
        return nil
    }

    private mutating func watch(_ descriptor: Descriptor, _ folder: FilePath) async throws(SystemFailure) {
        guard let reader else { return }
        do throws(SystemFailure) {
            watches.add(try reader.add(descriptor, .folder), folder: folder)
        } catch  where error.isWatchLimit {
            guard settings.mode == .auto else { throw error }
            context.logger.warning(
                "\"\(settings.root.shown)\" is polled: the system grants no more watches (fs.inotify.max_user_watches)"
            )
            dropWatches()
            self.reader = nil
            health.waiting = Self.waitingText(settings, isPolled: true)
        }
    }

    /// A folder above that is renamed takes the watched one with it.
    private mutating func watchAncestors() throws(SystemFailure) {
        guard let reader else { return }
        var folder = settings.root
        while !folder.isProject {
            folder = folder.folder
            let watch: Int32
            do throws(SystemFailure) {
                watch = try reader.add(try tree.open(folder: folder), .ancestor)
            } catch  where error.isWatchLimit {
                continue
            }
            watches.add(ancestor: watch)
        }
    }

    private mutating func dropWatches() {
        for watch in watches.all { reader?.remove(watch) }
        watches.removeAll()
    }
}
