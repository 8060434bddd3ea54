internal import Logging
internal import RunnelKit

/// Hearing of single files.
extension WatchLoop {
    mutating func hear(_ event: InotifyEvent) async throws {
        if event.mask.contains(.overflow) {
            context.logger.notice(
                "more changed in \"\(settings.root.shown)\" than the system could tell; looking at all")
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
        guard !event.name.bytes.isEmpty else { return }
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
            await clear(.file(path.text))
        } else if settings.filter.takes(file: path) {
            let isComplete = !event.mask.isDisjoint(with: [.closeWrite, .movedTo])
            await inspect(path, isComplete ? .complete : .active)
        }
    }

    private mutating func hearOfFolder(_ path: FilePath, _ mask: InotifyEvent.Mask, isGone: Bool) async throws {
        guard settings.isRecursive else { return }
        if isGone {
            for watch in watches.remove(within: path) { reader?.remove(watch) }
            machine.folderGone(path)
            await clear(.file(path.text))
        } else if settings.filter.enters(folder: path), !mask.isDisjoint(with: [.create, .movedTo, .attributes]) {
            var findings = Findings()
            try await walk(path, &findings)
            if findings.isComplete { await clear(.file(path.text)) } else { isLookIncomplete = true }
        }
    }

    /// Tells the machine what is at the path.
    mutating func inspect(_ path: FilePath, _ arrival: Arrival) async {
        switch try? tree.entry(at: path) {
        case .file(let status): machine.file(path, status, arrival, at: now())
        case .link:
            machine.gone(path)
            await reportLink(path)
        case .folder, .other, nil: machine.gone(path)
        }
    }

    mutating func reportLink(_ path: FilePath) async {
        await raise(
            .file(path.text),
            "\"\(path.text)\" is left alone: it is a symbolic link, and links are not followed; "
                + "put the file itself there"
        )
    }

    mutating func reportName(_ name: RawName, in folder: FilePath) async {
        guard settings.filter.takesHidden || name.bytes.first != UInt8(ascii: ".") else { return }
        let shown = folder.shown(name)
        await raise(.file(shown), "\"\(shown)\" is left alone: its name is not UTF-8; rename it")
    }
}

extension FilePath {
    /// A name that is not text, as it is shown to a person.
    func shown(_ name: RawName) -> String { appending(name.escaped).text }
}
