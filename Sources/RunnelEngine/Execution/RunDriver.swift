import Logging
import RunnelKit
import Templates

/// Executes the actions of the ``RunMachine`` for one run: evaluates expressions, runs attempts, waits, and commits.
///
/// One loop processes events serially; attempts and timers are children of its task group.
final class RunDriver {
    let runner: PipelineRunner
    let pipeline: ExecutablePipeline
    let request: RunRequest
    let startedAt: Int64
    let storage: RunStorage?
    let events: @Sendable (RunEvent) async -> Void
    var trace: RunTrace
    /// Whether the run ends before the first step that has a cost or a side effect.
    let isDryRun: Bool

    let buffer = TextBuffer()
    var machine: RunMachine
    /// The running attempts, by execution.
    var attempts: [ExecutionKey: RunningAttempt] = [:]
    var timers: [RunMachine.TimerID: AbandonableTask<Void>] = [:]
    /// The start times of executions; nanoseconds since 1970.
    var beginnings: [ExecutionKey: Int64] = [:]
    /// The due times of waiting executions; nanoseconds since 1970.
    var retryTimes: [ExecutionKey: Int64] = [:]
    /// What interrupted attempts of an earlier life go on with.
    var checkpoints: [ExecutionKey: Value] = [:]
    var outcome: RunOutcome?
    /// The time of the ``outcome``.
    var endedAt: Int64 = 0
    var isReleased = false
    /// Whether the journal holds that `finally` has begun.
    var isFinallyRecorded = false
    /// The time until which the run waits in the journal, if it does.
    var wakeAt: Int64?
    let control: RunControl
    /// Measures the time since this process claimed the run.
    let stopwatch: Stopwatch
    /// The number of stop requests.
    private var stops = 0
    /// When text of steps was last written; nil before the first time.
    private var flushedAt: ContinuousClock.Instant?
    /// Whether ends of steps may not be durable yet.
    var hasUnsettled = false

    struct RunningAttempt {
        let task: AbandonableTask<Value>
        let stopwatch: Stopwatch
        let journal: AttemptJournal
        var hasEnded = false
    }

    enum Event: Sendable {
        case attempt(ExecutionKey, Result<Value, any Error>?)
        case timer(RunMachine.TimerID)
        case signal(RunControl.Signal)
        /// The interval between writes of buffered text is over.
        case flush
        /// The worked time must be written.
        case workedTime
        /// The grace period is over.
        case graceIsOver
        /// The time for cancelled steps to end is over.
        case patienceIsOver([ExecutionKey])
        case nothing
    }

    /// The time for cancelled steps to end after a second stop request.
    private static let shortPatience = Duration.seconds(1)

    init(
        runner: PipelineRunner, pipeline: ExecutablePipeline, request: RunRequest, startedAt: Int64,
        storage: RunStorage?, control: RunControl, trace: RunTrace, isDryRun: Bool = false,
        events: @escaping @Sendable (RunEvent) async -> Void
    ) {
        self.runner = runner
        self.control = control
        self.trace = trace
        self.isDryRun = isDryRun
        stopwatch = runner.clock.measureStart()
        self.pipeline = pipeline
        self.request = request
        self.startedAt = startedAt
        self.storage = storage
        self.events = events
        var plan = pipeline.plan
        plan.worked = storage?.worked ?? .zero
        machine = RunMachine(plan: plan, input: request.input, records: storage?.steps ?? [])
        let now = runner.now()
        for record in storage?.steps ?? [] {
            beginnings[record.key] = record.startedAt
            if record.state == .running { checkpoints[record.key] = record.checkpoint }
            guard record.state == .waiting, let retryAt = record.retryAt else { continue }
            // A clock that was set back must not extend the pause.
            let longest = record.longestPause(
                step(record.key)?.declaration.retry, loop: step(record.key)?.declaration.loop?.pause)
            retryTimes[record.key] = min(retryAt, now + longest.nanoseconds)
        }
    }

    /// Works on the run until it has ended or cannot continue here. Cancelling the task does not end it; `control`
    /// does.
    func drive() async -> DriveResult {
        let result = await result()
        trace.end(result)
        return result
    }

    /// The time worked on the run, over all its claims.
    var worked: Duration { (storage?.worked ?? .zero) + stopwatch.elapsed() }

    func step(_ key: ExecutionKey) -> ExecutablePipeline.Step? { pipeline.steps[key.step] }

    private func result() async -> DriveResult {
        do {
            try await work()
            return resultOfWork()
        } catch {
            return resultOfFailure(error)
        }
    }

    // Functions are not inlined where their variables would stay in the async frame of a run. A task also keeps the memory
    // of its deepest call until it ends, so the frames of what `handle` calls are kept small, too.

    @inline(never) private func resultOfWork() -> DriveResult {
        guard let outcome else { return wakeAt.map { .waiting(until: $0) } ?? .released }
        return .ended(RunResult(id: request.id, outcome: outcome, outputs: machine.outputs, took: took))
    }

    @inline(never) private func resultOfFailure(_ error: any Error) -> DriveResult {
        guard let error = error as? JournalError else { return .released }
        return error.code == .leaseLost ? .lost : .broken(error)
    }

    private func work() async throws {
        try await withThrowingTaskGroup(of: Event.self) { group in
            defer { group.cancelAll() }
            do {
                try await takeEvents(in: &group)
            } catch {
                await endAttempts(in: &group)
                throw error
            }
            await endAttempts(in: &group)
        }
    }

    private func takeEvents(in group: inout ThrowingTaskGroup<Event, any Error>) async throws {
        try await start(in: &group)
        while outcome == nil, !isReleased, let event = try await group.next() {
            listen(after: event, in: &group)
            try await handle(event, in: &group)
        }
        try await leave()
    }

    /// Starts the sources of events, and performs the first actions.
    @inline(never) private func start(in group: inout ThrowingTaskGroup<Event, any Error>) async throws {
        listenToControl(in: &group)
        measureWorkedTime(in: &group)
        try await perform(
            firstActions(),
            after: .runStarted(pipeline: pipeline.declaration.name, steps: pipeline.steps.count), in: &group)
    }

    /// Listens again to what has brought the event.
    @inline(never) private func listen(after event: Event, in group: inout ThrowingTaskGroup<Event, any Error>) {
        switch event {
        case .signal: listenToControl(in: &group)
        case .workedTime: measureWorkedTime(in: &group)
        default: break
        }
    }

    /// Reports the end of the run, or stores what the next claim needs.
    @inline(never) private func leave() async throws {
        if let outcome {
            let shown = outcome.redacted(by: runner.redactor)
            await events(finished(shown))
        } else if wakeAt == nil, pipeline.plan.isTimed, storage != nil {
            // The worked time is stored for the next claim.
            try await write(.empty)
        }
    }

    @inline(never) private func firstActions() -> [RunMachine.Action] {
        machine.handle(.begin(now: runner.now(), cancellations: storage?.cancellations ?? 0))
    }

    /// Cancels running attempts and waits for them, at most the grace period: a step that ignores cancellation is
    /// abandoned.
    private func endAttempts(in group: inout ThrowingTaskGroup<Event, any Error>) async {
        if outcome == nil { interruptAttempts() }
        cancelAttempts(Array(attempts.keys), in: &group)
        while attempts.contains(where: { !$0.value.hasEnded }) {
            switch await group.nextResult() {
            case .success(.attempt(let key, _)): attempts[key]?.hasEnded = true
            case .success(.patienceIsOver(let keys)): abandon(keys)
            case .success: break
            case .failure, nil: return
            }
        }
    }

    private func listenToControl(in group: inout ThrowingTaskGroup<Event, any Error>) {
        group.addTask { [control] in
            for await signal in control.signals { return .signal(signal) }
            return .nothing
        }
    }

    /// How often the worked time is stored if a `timeout` counts it. A crash loses at most this much.
    private static let workedTimeInterval = Duration.seconds(5)

    private func measureWorkedTime(in group: inout ThrowingTaskGroup<Event, any Error>) {
        guard storage != nil, pipeline.plan.isTimed else { return }
        let clock = runner.clock
        group.addTask {
            try? await clock.sleep(for: RunDriver.workedTimeInterval)
            return .workedTime
        }
    }

    /// Begins a flush, or starts the timer of one that would come too soon after the last.
    ///
    /// - Returns: Whether it begins.
    @inline(never) private func beginFlush(in group: inout ThrowingTaskGroup<Event, any Error>) -> Bool {
        // In real time, which is what the journal's writes take.
        let now = ContinuousClock.now
        if let due = flushedAt?.advanced(by: TextBuffer.interval), now < due {
            group.addTask {
                try? await ContinuousClock().sleep(until: due)
                return .flush
            }
            return false
        }
        flushedAt = now
        buffer.beginFlush()
        return true
    }

    @inline(never) private func handle(
        _ event: Event, in group: inout ThrowingTaskGroup<Event, any Error>
    ) async throws {
        switch event {
        case .attempt(let key, .failure(let held as HeldStep)?): await end(before: held, key)
        case .flush, .signal(.flush): if beginFlush(in: &group) { try await write(updates()) }
        case .workedTime: try await write(updates())
        default:
            guard let actions = try actions(after: event, in: &group) else { return }
            try await perform(actions, in: &group)
            if case .signal(.stop) = event { startGrace(in: &group) }
        }
    }

    /// The actions of the machine after an event; nil if the event does not concern the machine.
    @inline(never) private func actions(
        after event: Event, in group: inout ThrowingTaskGroup<Event, any Error>
    ) throws -> [RunMachine.Action]? {
        switch event {
        case .attempt(let key, let result):
            attempts[key]?.hasEnded = true
            return ended(key, result).map { machine.handle($0) } ?? []
        case .timer(let id): return timers.removeValue(forKey: id) == nil ? nil : machine.handle(.due(id))
        case .signal(.cancel): return machine.handle(.cancel)
        case .signal(.fence): throw JournalError.leaseLost(request.id)
        case .signal(.stop) where stops == 0:
            stops += 1
            return machine.handle(.stop)
        case .signal(.stop):
            stops += 1
            interruptAttempts()
            cancelAttempts(Array(attempts.keys), in: &group)
        case .graceIsOver:
            interruptAttempts()
            cancelAttempts(Array(attempts.keys), in: &group)
        case .patienceIsOver(let keys): abandon(keys)
        case .signal(.flush), .flush, .workedTime, .nothing: break
        }
        return nil
    }

    @inline(never) private func startGrace(in group: inout ThrowingTaskGroup<Event, any Error>) {
        let (clock, grace) = (runner.clock, runner.grace)
        group.addTask {
            try? await clock.sleep(for: grace)
            return .graceIsOver
        }
    }

    /// Unsaved updates of the running attempts.
    @inline(never) private func updates() -> RunCommit {
        var commit = RunCommit.empty
        commit.updates = attempts.values.filter { !$0.hasEnded }.compactMap { $0.journal.takeUpdate() }
        return commit
    }

    /// Tells the attempts that are about to be cancelled that they resume with the run.
    private func interruptAttempts() {
        for attempt in attempts.values where !attempt.task.isCancelled { attempt.journal.interrupt() }
    }

    func cancelAttempts(_ keys: [ExecutionKey], in group: inout ThrowingTaskGroup<Event, any Error>) {
        let running = keys.filter { attempts[$0]?.hasEnded == false }
        guard !running.isEmpty else { return }
        for key in running { attempts[key]?.task.cancel() }
        let clock = runner.clock
        let patience = stops > 1 ? min(runner.grace, Self.shortPatience) : runner.grace
        group.addTask {
            try? await clock.sleep(for: patience)
            return .patienceIsOver(running)
        }
    }

    private func abandon(_ keys: [ExecutionKey]) {
        for key in keys where attempts[key]?.hasEnded == false {
            runner.logger.warning(
                "the step \(key) of run \(request.id) did not end after cancellation; it was abandoned")
            attempts[key]?.task.abandon()
        }
    }

    func event(_ kind: RunEvent.Kind) -> RunEvent {
        RunEvent(runID: request.id, time: runner.now(), kind: kind)
    }
}
