internal import Logging
internal import RunnelKit
internal import Synchronization

/// Connects the ``WatchMachine`` to the file system: receives messages, feeds them to the machine and performs its
/// actions.
///
/// It runs in one task. Long operations run in child tasks that send a message when they finish.
struct WatchLoop {
    typealias TaskGroup = ThrowingDiscardingTaskGroup<any Error>

    private(set) var settings: WatchSettings
    let context: TriggerContext
    let tree: ProjectTree
    let inbox: Inbox<WatchMessage>
    let now: @Sendable () -> Duration
    private let taker: FileTaker
    private var follower: RunFollower

    var machine: WatchMachine
    var health: ActiveProblems
    /// Files that match no pattern of `include`, bounded.
    var unmatched: Set<FilePath> = []
    /// Those of the last scan, which were logged then.
    var loggedUnmatched: Set<FilePath> = []
    /// Files whose event was refused for good. Their problem lasts until they change or go.
    var refused: Set<FilePath> = []
    var watches = FolderWatches()
    /// nil if the folder is polled.
    var reader: InotifyReader?
    var record: FolderRecord?
    var isRecordSaved = true
    /// Whether the folder must be reopened.
    var isRootLost = false
    /// Whether the last scan was incomplete, so that another is needed.
    var isLookIncomplete = false
    private var isSettleTimerSet = false
    private var isLookTimerSet = false
    private var isSaving = false

    init(
        settings: WatchSettings, context: TriggerContext, tree: ProjectTree, inbox: Inbox<WatchMessage>,
        reader: InotifyReader?, limits: WatchMachine.Limits, ledger: [FilePath: LedgerEntry], record: FolderRecord?
    ) {
        let follows = settings.after != .keep
        self.settings = settings
        self.context = context
        self.tree = tree
        self.inbox = inbox
        self.reader = reader
        self.record = record
        now = elapsedTime(of: context.clock)
        taker = FileTaker(reader: FileReader(tree: tree), context: context, inbox: inbox, follows: follows)
        follower = RunFollower(settings: settings, mover: FileMover(tree: tree), context: context, inbox: inbox)
        machine = WatchMachine(
            settle: settings.settle, follows: follows, takesEmpty: settings.takesEmpty, limits: limits,
            ledger: ledger)
        machine.ignoresPresent = settings.existing == .ignore && record?.path != settings.root
        health = ActiveProblems(waiting: .waiting(""))
        health.waiting = waiting
    }

    /// Opens the watched folder, which may have come with its name composed otherwise.
    mutating func openRoot() throws(SystemFailure) -> Descriptor {
        do throws(SystemFailure) {
            return try tree.open(folder: settings.root)
        } catch  where error.isMissing {
            settings = settings.spelled(in: tree)
            follower = RunFollower(settings: settings, mover: FileMover(tree: tree), context: context, inbox: inbox)
            return try tree.open(folder: settings.root)
        }
    }

    /// What the trigger waits for, as its status says it.
    var waiting: TriggerHealth {
        var text = "for files in \"\(settings.root.shown)\""
        var japanese = "「\(settings.root.shown)」のファイルを待機中"
        if reader == nil {
            let interval = DurationText.format(settings.interval)
            text += ", looking every \(interval)"
            japanese += "（\(interval) ごとに確認）"
        }
        switch unmatched.count {
        case 0: break
        case 1: text += "; 1 other file matches no pattern"
        case let count: text += "; \(count) other files match no pattern"
        }
        if !unmatched.isEmpty { japanese += "。ほかにパターンに一致しないファイルが \(unmatched.count) 件あります" }
        return .waiting(text, translations: ["ja": japanese])
    }

    mutating func run(_ group: inout TaskGroup) async throws {
        try await look()
        while true {
            try await act(&group)
            for message in try await inbox.next() { try await hear(message) }
        }
    }

    // MARK: Doing

    private mutating func act(_ group: inout TaskGroup) async throws {
        let (taker, follower) = (taker, follower)
        while let action = machine.nextAction() {
            switch action {
            case .take(let path, let status, let known):
                group.addTask { try await taker.take(path, status, known: known) }
            case .resume(let path, let entry):
                group.addTask { try await taker.resume(path, entry) }
            case .follow(let path, let run):
                group.addTask { try await follower.follow(path, run: run) }
            case .finish(let path, let status, let run, let end):
                group.addTask { try await follower.finish(path, status, run: run, end) }
            case .tellEmpty(let path):
                context.logger.warning(
                    "\"\(path.text)\" is empty; its run starts when it has content (`empty: process` takes it as it is)"
                )
            case .rescan:
                try await look()
            }
        }
        save(&group)
        setTimers(&group)
    }

    /// Saves changes of the ledger. Changes during a save are collected and saved together afterwards.
    private mutating func save(_ group: inout TaskGroup) {
        guard !isSaving else { return }
        var changes = machine.takeUnsaved()
        if !isRecordSaved, let record {
            isRecordSaved = true
            changes.updateValue(record.value, forKey: FolderRecord.key)
        }
        guard !changes.isEmpty else { return }
        isSaving = true
        let (context, inbox, unsaved) = (context, inbox, changes)
        group.addTask {
            var hasFailed = false
            while true {
                do {
                    try await context.memory.set(unsaved)
                    if hasFailed { inbox.post(.cleared(.memory)) }
                    return inbox.post(.saved)
                } catch is CancellationError {
                    throw CancellationError()
                } catch {
                    hasFailed = true
                    inbox.post(.problem(.memory, "the ledger of watched files cannot be written: \(error)"))
                    try await context.clock.sleep(for: .seconds(1))
                }
            }
        }
    }

    private mutating func setTimers(_ group: inout TaskGroup) {
        let (context, inbox) = (context, inbox)
        if !isSettleTimerSet, let deadline = machine.nextDeadline {
            isSettleTimerSet = true
            let wait = max(.zero, deadline - now())
            group.addTask {
                try await context.clock.sleep(for: wait)
                inbox.post(.settleTimer)
            }
        }
        if !isLookTimerSet, reader == nil || isRootLost || isLookIncomplete {
            isLookTimerSet = true
            let wait = settings.interval
            group.addTask {
                try await context.clock.sleep(for: wait)
                inbox.post(.lookTimer)
            }
        }
    }

    // MARK: Hearing

    private mutating func hear(_ message: WatchMessage) async throws {
        switch message {
        case .inotify(.events(let events)):
            for event in events { try await hear(event) }
            if isRootLost { try await look() }
            reader?.goOn()
        case .inotify(.failed(let failure)):
            throw StepError(
                WatchErrorCode.watchFailed, "cannot watch \"\(settings.root.shown)\" with inotify: \(failure.reason)",
                isTransient: true)
        case .settleTimer:
            isSettleTimerSet = false
            for path in machine.due(at: now()) { await inspect(path, .present) }
        case .lookTimer:
            isLookTimerSet = false
            if reader == nil || isRootLost || isLookIncomplete { try await look() }
        case .taken(let path, let result, let problem):
            machine.taken(path, result, at: now())
            if case .unchanged = result, refused.contains(path) { return }
            if case .ignored = result, problem != nil { refused.insert(path) } else { refused.remove(path) }
            await report(path, problem)
        case .ended(let path, let run, let end):
            machine.ended(path, run: run, end)
            guard end == nil else { return }
            await report(path, "run \(run) of \"\(path.text)\" no longer exists; the file stays where it is")
        case .finished(let path, let run, let result):
            machine.finished(path, run: run, result, at: now())
            await clear(.file(path.text))
        case .saved: isSaving = false
        case .problem(let subject, let text): await raise(subject, text)
        case .cleared(let subject): await clear(subject)
        }
    }

    private mutating func report(_ path: FilePath, _ problem: String?) async {
        if let problem { await raise(.file(path.text), problem) } else { await clear(.file(path.text)) }
    }

    mutating func raise(_ subject: ActiveProblems.Subject, _ problem: String) async {
        if let health = health.raise(subject, problem) { await context.report(health) }
    }

    mutating func clear(_ subject: ActiveProblems.Subject) async {
        if let health = health.clear(subject) { await context.report(health) }
    }
}

/// The time since now, by the clock.
private func elapsedTime<C: Clock<Duration>>(of clock: C) -> @Sendable () -> Duration {
    let start = clock.now
    return { start.duration(to: clock.now) }
}

/// A message to the loop.
enum WatchMessage: Sendable {
    case inotify(InotifyReader.Message)
    /// The settle time of a file may have passed.
    case settleTimer
    /// It is time for a scan.
    case lookTimer
    case taken(FilePath, TakeResult, problem: String?)
    case ended(FilePath, run: String, RunEnd?)
    case finished(FilePath, run: String, FinishResult)
    case saved
    case problem(ActiveProblems.Subject, String)
    case cleared(ActiveProblems.Subject)
}

/// A queue of messages with several senders and one receiver.
///
/// It is bounded by the number of senders: each has at most one message in it.
final class Inbox<Message: Sendable>: Sendable {
    private struct State {
        var messages: [Message] = []
        var receiver: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    func post(_ message: Message) {
        state.withLock { state in
            state.messages.append(message)
            return state.receiver.take()
        }?.resume()
    }

    /// Waits for messages and returns all of them.
    func next() async throws -> [Message] {
        while true {
            try Task.checkCancellation()
            let messages = state.withLock { state in
                defer { state.messages = [] }
                return state.messages
            }
            if !messages.isEmpty { return messages }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isReady = state.withLock { state in
                        guard state.messages.isEmpty, !Task.isCancelled else { return true }
                        state.receiver = continuation
                        return false
                    }
                    if isReady { continuation.resume() }
                }
            } onCancel: {
                state.withLock { $0.receiver.take() }?.resume()
            }
        }
    }
}
