internal import Logging
internal import RunnelKit

/// One life of a ``Watch`` trigger: loads what is remembered, starts what watches, and runs the loop.
struct WatchSession {
    let settings: WatchSettings
    let context: TriggerContext
    var limits = WatchMachine.Limits()

    /// Returns only by throwing: `CancellationError`, or a ``StepError`` when watching is not possible at all.
    func run() async throws {
        let tree = ProjectTree(base: context.project.path)
        let record = try await context.memory.value(for: FolderRecord.key).flatMap { FolderRecord($0) }
        let ledger = try await loadLedger()
        let inbox = Inbox<WatchMessage>()
        let reader = try startReader(tree, inbox)
        let result: Result<Void, any Error>
        do {
            try await withThrowingDiscardingTaskGroup { group in
                var loop = WatchLoop(
                    settings: settings, context: context, tree: tree, inbox: inbox, reader: reader, limits: limits,
                    ledger: ledger, record: record)
                try await loop.run(&group)
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await reader?.stop()
        try result.get()
    }

    private func loadLedger() async throws -> [FilePath: LedgerEntry] {
        var ledger: [FilePath: LedgerEntry] = [:]
        for (key, value) in try await context.memory.values(prefix: LedgerEntry.keyPrefix) {
            guard let path = LedgerEntry.path(ofKey: key), let entry = LedgerEntry(value) else {
                context.logger.warning("the ledger of watched files holds something unknown at \"\(key)\"")
                continue
            }
            ledger[path] = entry
        }
        return ledger
    }

    /// nil when the folder is to be polled.
    private func startReader(_ tree: ProjectTree, _ inbox: Inbox<WatchMessage>) throws(StepError) -> InotifyReader? {
        guard settings.mode != .poll else { return nil }
        if settings.mode == .auto, let folder = try? tree.open(folder: settings.root),
            FileSystemKind.isRemote(folder)
        {
            return nil
        }
        do throws(SystemFailure) {
            let reader = try InotifyReader()
            try reader.start { inbox.post(.inotify($0)) }
            return reader
        } catch {
            guard settings.mode == .inotify else {
                context.logger.warning("\"\(settings.root.shown)\" is polled, without inotify: \(error.reason)")
                return nil
            }
            throw StepError(
                "watch-failed", "cannot watch \"\(settings.root.shown)\" with inotify: \(error.reason)",
                hint: "use `mode: poll`, or raise fs.inotify.max_user_instances", isTransient: true)
        }
    }
}
