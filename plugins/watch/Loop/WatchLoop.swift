internal import RunnelKit

/// Brings the ``WatchMachine`` together with the world: hears what happens, tells the machine, does what it wants.
///
/// One task runs it. Whatever takes long goes on in tasks of its own, which send a message when they are done.
struct WatchLoop {
    typealias TaskGroup = ThrowingDiscardingTaskGroup<any Error>

    let settings: WatchSettings
    let context: TriggerContext
    let tree: ProjectTree
    let inbox: Inbox<WatchMessage>
    let now: @Sendable () -> Duration
    private let taker: FileTaker
    private let follower: RunFollower

    var machine: WatchMachine
    var health: HealthBoard
    var watches = FolderWatches()
    /// nil when the folder is polled.
    var reader: InotifyReader?
    var record: FolderRecord?
    var isRecordSaved = true
    /// Whether the folder has to be opened anew.
    var isRootLost = false
    /// Whether there is something that a later look may find.
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
        machine = WatchMachine(settle: settings.settle, follows: follows, limits: limits, ledger: ledger)
        machine.ignoresPresent = settings.existing == .ignore && record?.path != settings.root
        health = HealthBoard(waiting: Self.waitingText(settings, isPolled: reader == nil))
    }

    static func waitingText(_ settings: WatchSettings, isPolled: Bool) -> String {
        let text = "for files in \"\(settings.root.shown)\""
        return isPolled ? text + ", looking every \(DurationText.format(settings.interval))" : text
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
                group.addTask { follower.finish(path, status, run: run, end) }
            case .rescan:
                try await look()
            }
        }
        save(&group)
        setTimers(&group)
    }

    /// Writes down what has changed, in one go while the last one goes on.
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
                "watch-failed", "cannot watch \"\(settings.root.shown)\" with inotify: \(failure.reason)",
                isTransient: true)
        case .settleTimer:
            isSettleTimerSet = false
            for path in machine.due(at: now()) { await inspect(path, .present) }
        case .lookTimer:
            isLookTimerSet = false
            if reader == nil || isRootLost || isLookIncomplete { try await look() }
        case .taken(let path, let result, let problem):
            machine.taken(path, result, at: now())
            await report(path, problem)
        case .ended(let path, let run, let end):
            machine.ended(path, run: run, end)
            guard end == nil else { return }
            await report(path, "the run \(run) of \"\(path.text)\" is not known any more; the file stays where it is")
        case .finished(let path, let run, let result, let problem):
            machine.finished(path, run: run, result, at: now())
            await report(path, problem)
        case .saved: isSaving = false
        case .problem(let subject, let text): await raise(subject, text)
        case .cleared(let subject): await clear(subject)
        }
    }

    private mutating func report(_ path: FilePath, _ problem: String?) async {
        if let problem { await raise(.file(path.text), problem) } else { await clear(.file(path.text)) }
    }

    mutating func raise(_ subject: HealthBoard.Subject, _ problem: String) async {
        if let health = health.raise(subject, problem) { await context.report(health) }
    }

    mutating func clear(_ subject: HealthBoard.Subject) async {
        if let health = health.clear(subject) { await context.report(health) }
    }
}

/// The time since now, by the clock.
private func elapsedTime<C: Clock<Duration>>(of clock: C) -> @Sendable () -> Duration {
    let start = clock.now
    return { start.duration(to: clock.now) }
}
