internal import Logging
internal import RunnelKit

/// Scans of all files, and the watches on their folders.
extension WatchLoop {
    /// The number of folder entries after which the task yields.
    private static let turn = 256

    /// Scans all files and watches the folders.
    mutating func look() async throws {
        if isRootLost { dropWatches() }
        let identity: FolderIdentity
        do throws(SystemFailure) {
            identity = try openRoot().identity()
            try watchAncestors()
        } catch {
            return await lose(error)
        }
        isRootLost = false
        machine.lookBegan()
        var findings = Findings()
        (loggedUnmatched, unmatched) = (unmatched, [])
        try await walk(settings.root, &findings)
        if isRootLost { return }
        health.waiting = waiting
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

    /// The results of a scan.
    struct Findings {
        var isComplete = true
        var hasFiles = false
        /// The subjects of known problems that still exist.
        var problems: Set<String> = []
    }

    private mutating func keep(_ updated: FolderRecord) {
        guard record != updated else { return }
        record = updated
        isRecordSaved = false
    }

    /// Handles that the watched folder cannot be opened.
    private mutating func lose(_ failure: SystemFailure) async {
        dropWatches()
        isRootLost = true
        // All files of a folder that does not exist yet are new.
        machine.ignoresPresent = false
        if record?.path != settings.root { keep(FolderRecord(path: settings.root, identity: nil)) }
        await raise(.root, "cannot watch \"\(settings.root.shown)\": \(Self.folderReason(failure))")
    }

    private static func folderReason(_ failure: SystemFailure) -> String {
        if failure.isMissing { return "there is no such folder; create it, and its files are processed" }
        if failure.isWatchLimit {
            return "the limit of inotify watches is reached; raise fs.inotify.max_user_watches, or use `mode: poll`"
        }
        if failure.isLink {
            return "it is a symbolic link; links are not followed unless `files.links` in runnel.yaml names them"
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

    /// - Returns: A folder to scan.
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
            guard await takes(path) else { return nil }
            findings.hasFiles = true
            machine.file(path, status, .present, at: now())
        case .folder:
            return settings.isRecursive && settings.filter.enters(folder: path) ? path : nil
        case .link where tree.links.contains(path.text):
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
                "\"\(settings.root.shown)\" is polled: the limit of inotify watches is reached (fs.inotify.max_user_watches)"
            )
            dropWatches()
            self.reader = nil
            health.waiting = waiting
        }
    }

    /// Renaming an ancestor also moves the watched folder.
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

/// Events of single files.
extension WatchLoop {
    mutating func hear(_ event: InotifyEvent) async throws {
        if event.mask.contains(.overflow) {
            context.logger.notice(
                "inotify queue overflow in \"\(settings.root.shown)\"; scanning all files")
            return machine.overflowed()
        }
        let isSelf = !event.mask.isDisjoint(with: [.deleteSelf, .moveSelf, .unmount, .ignored])
        if watches.isAncestor(event.watch) {
            if isSelf { isRootLost = true }
            return
        }
        guard let folder = watches.folder(of: event.watch) else { return }
        if isSelf {
            if event.mask.contains(.ignored) { _ = watches.remove(event.watch) }
            if folder == settings.root { isRootLost = true }
            return
        }
        guard !event.name.bytes.isEmpty else {
            // The permissions may have changed. Changes are missed while the folder cannot be entered, so scan again.
            if folder == settings.root, event.mask.contains(.attributes) { machine.overflowed() }
            return
        }
        let isGone = !event.mask.isDisjoint(with: [.delete, .movedFrom])
        guard let name = event.name.text else {
            if isGone {
                await clear(.file(folder.shown(event.name)))
            } else {
                await reportName(event.name, in: folder)
            }
            return
        }
        let path = folder.appending(name)
        if event.mask.contains(.isFolder) {
            try await hearOfFolder(path, event.mask, isGone: isGone)
        } else if isGone {
            machine.gone(path)
            unmatched.remove(path)
            refused.remove(path)
            await tellUnmatched()
            await clear(.file(path.text))
        } else if await takes(path) {
            let isComplete = !event.mask.isDisjoint(with: [.closeWrite, .movedTo])
            await inspect(path, isComplete ? .complete : .active)
        } else {
            await tellUnmatched()
        }
    }

    private mutating func hearOfFolder(_ path: FilePath, _ mask: InotifyEvent.Mask, isGone: Bool) async throws {
        guard settings.isRecursive else { return }
        if isGone {
            for watch in watches.remove(within: path) { reader?.remove(watch) }
            machine.folderGone(path)
            refused = refused.filter { !$0.isWithin(path) }
            await clear(.file(path.text))
        } else if settings.filter.enters(folder: path), !mask.isDisjoint(with: [.create, .movedTo, .attributes]) {
            var findings = Findings()
            try await walk(path, &findings)
            if findings.isComplete { await clear(.file(path.text)) } else { isLookIncomplete = true }
        }
    }

    /// Reports the file at the path to the machine.
    mutating func inspect(_ path: FilePath, _ arrival: Arrival) async {
        do throws(SystemFailure) {
            switch try tree.entry(at: path) {
            case .file(let status): machine.file(path, status, arrival, at: now())
            case .link:
                machine.gone(path)
                await reportLink(path)
            case .folder, .other, nil: machine.gone(path)
            }
        } catch {
            // The file may still exist, for example if a parent folder cannot be entered.
            isLookIncomplete = true
        }
    }

    /// Whether the file is processed. Tells of files that no pattern takes.
    private mutating func takes(_ path: FilePath) async -> Bool {
        switch settings.filter.verdict(on: path) {
        case .taken: return true
        case .ignored: break
        case .differsByCase(let pattern):
            await raise(
                .file(path.text),
                "\"\(path.text)\" is ignored: it matches \"\(pattern)\" only if upper and lower case are the same; "
                    + "set `ignore_case: true`, or rename it")
        case .unmatched:
            guard unmatched.count < Self.maximumUnmatched, unmatched.insert(path).inserted else { return false }
            if !loggedUnmatched.contains(path) {
                context.logger.info("\"\(path.text)\" is ignored: it matches no pattern of `include`")
            }
        }
        return false
    }

    private static let maximumUnmatched = 1000

    /// Reports the count of files that match no pattern, if it has changed.
    private mutating func tellUnmatched() async {
        guard health.waiting != waiting else { return }
        health.waiting = waiting
        if let health = health.wait() { await context.report(health) }
    }

    mutating func reportLink(_ path: FilePath) async {
        await raise(
            .file(path.text),
            "\"\(path.text)\" is ignored: it is a symbolic link, and links are not followed; "
                + "put the file itself there"
        )
    }

    mutating func reportName(_ name: RawName, in folder: FilePath) async {
        guard settings.filter.takesHidden || name.bytes.first != UInt8(ascii: ".") else { return }
        let shown = folder.shown(name)
        await raise(.file(shown), "\"\(shown)\" is ignored: its name is not UTF-8; rename it")
    }
}

extension FilePath {
    /// A name that is not valid text, for messages.
    func shown(_ name: RawName) -> String { appending(name.escaped).text }
}
