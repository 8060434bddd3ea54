internal import Logging
internal import RunnelKit

/// The session of a ``Watch`` trigger: loads the stored state, starts the watcher and runs the loop.
struct WatchSession {
    let settings: WatchSettings
    let context: TriggerContext
    var limits = WatchMachine.Limits()

    /// Returns only by throwing: `CancellationError`, or a ``StepError`` if watching is impossible.
    func run() async throws {
        let tree = ProjectTree(context.project)
        try await WatchSession(settings: settings.spelled(in: tree), context: context, limits: limits).run(in: tree)
    }

    private func run(in tree: ProjectTree) async throws {
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
                context.logger.warning("the ledger of watched files has an invalid entry \"\(key)\"")
                continue
            }
            ledger[path] = entry
        }
        return ledger
    }

    /// nil if the folder is polled.
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
                WatchErrorCode.watchFailed, "cannot watch \"\(settings.root.shown)\" with inotify: \(error.reason)",
                hint: "use `mode: poll`, or raise fs.inotify.max_user_instances", isTransient: true)
        }
    }
}

/// Waits for runs to end, then moves or deletes their files.
struct RunFollower: Sendable {
    let settings: WatchSettings
    let mover: FileMover
    let context: TriggerContext
    let inbox: Inbox<WatchMessage>

    private static let backoff = Backoff(initial: .seconds(1), maximum: .seconds(60))

    /// Why a file could not be moved or deleted.
    private struct FinishFailure: Error {
        let problem: String
    }

    func follow(_ path: FilePath, run: String) async throws {
        if run == LedgerEntry.ignoredRun {
            inbox.post(.ended(path, run: run, .succeeded(output: .null)))
            return
        }
        var failures = 0
        while true {
            do {
                inbox.post(.ended(path, run: run, try await context.end(of: run)))
                return
            } catch let error as StepError where error.has(.noSuchRun) {
                inbox.post(.ended(path, run: run, nil))
                return
            } catch let error as StepError {
                inbox.post(.problem(.file(path.text), "cannot follow the run of \"\(path.text)\": \(error.message)"))
            }
            failures += 1
            try await context.clock.sleep(for: Self.backoff.delay(afterAttempt: failures))
        }
    }

    /// Moves or deletes the file. Retries after a failure, such as a full disk or a missing permission.
    func finish(_ path: FilePath, _ status: FileStatus, run: String, _ end: RunEnd) async throws {
        var failures = 0
        while true {
            do {
                let (result, source) = try finish(path, status, run, end)
                if let source { try await note(source, of: path, run) }
                return inbox.post(.finished(path, run: run, result))
            } catch let failure as FinishFailure {
                inbox.post(.problem(.file(path.text), failure.problem))
            }
            failures += 1
            try await context.clock.sleep(for: Self.backoff.delay(afterAttempt: failures))
        }
    }

    /// Notes where the file is, for runs that repeat this one.
    private func note(_ source: RunSource, of path: FilePath, _ run: String) async throws {
        do {
            try await context.relocate(run, from: FileEvent.input(of: path), to: source)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            context.logger.warning("a retry of run \(run) will not find its file: \(error)")
        }
    }

    private func finish(
        _ path: FilePath, _ status: FileStatus, _ run: String, _ end: RunEnd
    ) throws(FinishFailure) -> (FinishResult, RunSource?) {
        do throws(SystemFailure) {
            // An unmounted folder does not mean that its files are gone.
            _ = try mover.tree.open(folder: settings.root)
        } catch {
            throw FinishFailure(
                problem: "cannot open \"\(settings.root.shown)\": \(error.reason); "
                    + "\"\(path.text)\" is moved or deleted later")
        }
        if settings.after != .keep {
            let failed = settings.failed.appending(path.relative(to: settings.root) ?? path)
            try? mover.removeOldNote(of: failed, about: path)
        }
        let action: String
        var target: (key: String, folder: FilePath) = ("move_to", settings.done)
        do throws(FileMover.Failure) {
            switch (end, settings.after) {
            case (.succeeded, .keep): return (.done, nil)
            case (.succeeded, .delete):
                action = "delete \"\(path.text)\""
                return (try mover.delete(path, status, id: run), nil)
            case (.succeeded, .move):
                action = "move \"\(path.text)\" to \"\(settings.done.shown)\""
                let (result, place) = try mover.move(path, status, from: settings.root, to: settings.done) {
                    target, _ in
                    context.placing(target.text, modified: status.modified, for: run)
                }
                return (result, place.map(FailedFile.processed))
            // Any other end is no success.
            default:
                action = "move \"\(path.text)\" to \"\(settings.failed.shown)\""
                target = ("failed", settings.failed)
                let note = FailureNote(file: path, run: run, end: end, time: context.now())
                let (result, place) = try mover.move(
                    path, status, from: settings.root, to: settings.failed, note: note.text
                ) { target, isNote in
                    context.placing(target.text, modified: isNote ? context.now() : status.modified, for: run)
                }
                let source = place.map { place in
                    FailedFile(
                        place: place, original: path, status: status, failed: settings.failed,
                        done: settings.after == .move ? settings.done : nil
                    ).source
                }
                return (result, source)
            }
        } catch {
            var problem = "cannot \(action): \(error.system.reason); the file stays where it is, and it is tried again"
            if error.system.isOtherFileSystem {
                problem += "; " + WatchSettings.sameFileSystem(target.key, below: settings.root, like: target.folder)
            }
            throw FinishFailure(problem: problem)
        }
    }
}
