public import Logging
import RunnelKit
import RunnelSupport
import Synchronization

/// A process that works on runs of a journal. It joins, sends heartbeats, receives cancellations, takes over runs of
/// dead workers, and leaves.
///
/// ``OwnershipMachine`` decides about ownership; this type executes its actions.
public final class Worker: Sendable {
    let journal: any Journal
    let runner: PipelineRunner
    let definitions: DefinitionCache
    let logger: Logger
    /// The maximum number of deaths; see ``TakeoverPolicy/deaths``.
    public let deaths: Int
    let clock: any Clock<Duration>
    private let stopwatch: Stopwatch
    private let record: WorkerRecord
    private let state: Mutex<State>
    private let recoveries = Watched(0)

    private struct State {
        var ownership: OwnershipMachine
        /// The running work, by epoch.
        var work: [Int64: Work] = [:]
        /// How many cancellations runs have received: one for each of the two requests that the journal stores.
        var cancelled: [String: Int] = [:]
        /// When this worker last fenced itself.
        var fencedAt: Duration?
        /// Cancelled runs that were not being worked on here.
        var unheard: Set<String> = []
        var isStopping = false
        /// Whether a started run may have been cancelled before.
        var isLookDue = false
        /// Whether the journal is being asked for cancellations.
        var isLooking = false
        /// The version of the journal at the last look for cancellations.
        var seenVersion: Int64?
        /// Whether an operator has drained this worker.
        var isDrained = false
        /// Whether it was said that its clock is wrong.
        var isClockWrong = false
        /// Called when runs were requeued.
        var onQueued: @Sendable () -> Void = {}
        /// The current journal errors, and since when.
        var troubles: [Access: (error: JournalError, since: Duration)] = [:]

        func controls(of runID: String) -> [RunControl] {
            work.values.filter { $0.runID == runID }.map(\.control)
        }
    }

    private enum Access: String {
        case reading = "read"
        case writing = "written"

        func sentence(_ error: JournalError) -> String { "the journal cannot be \(rawValue): \(error)" }
    }

    private struct Work {
        let runID: String
        let control: RunControl
    }

    /// The polling interval for cancellations by other processes, and that of a worker without runs, which has nothing
    /// to cancel.
    private static let intervals = (working: Duration.milliseconds(200), idle: Duration.seconds(1))

    /// - Parameters:
    ///   - record: The record of this worker.
    ///   - loader: Loads the definitions of runs.
    ///   - deaths: The maximum number of deaths without progress; see ``TakeoverPolicy/deaths``.
    ///   - clock: A steady clock for heartbeats. It stops while the machine is suspended, like the other workers on it.
    public init(
        record: WorkerRecord, journal: any Journal, runner: PipelineRunner, loader: PipelineLoader, logger: Logger,
        deaths: Int = 3, clock: any Clock<Duration> = SuspendingClock()
    ) {
        self.record = record
        self.journal = journal
        self.runner = runner
        self.logger = logger
        self.deaths = deaths
        self.clock = clock
        stopwatch = clock.measureStart()
        state = Mutex(State(ownership: OwnershipMachine(id: record.id)))
        definitions = DefinitionCache(
            journal: journal, loader: loader, registry: runner.registry, seal: runner.seal,
            folder: runner.project.path)
    }

    /// The current id of the worker.
    public var id: WorkerID { state.withLock { $0.ownership.id } }

    /// The name of its machine.
    package var host: String { record.host }

    /// Whether runs can be claimed now; false while the journal does not respond.
    public var mayClaim: Bool { state.withLock { $0.ownership.mayClaim } }

    /// Whether an operator has drained this worker: it finishes its runs and claims no more from the queue.
    public var isDrained: Bool { state.withLock { $0.isDrained } }

    /// Stranded runs: this worker owns them in the journal but does not work on them. They are released as soon as the
    /// journal is writable.
    public var strandedRuns: [String] { state.withLock { $0.ownership.owed.map(\.runID).sorted() } }

    /// Why the journal cannot be read or written at the moment; nil where it can. Heartbeats find out within seconds.
    var journalProblem: String? {
        let troubles = state.withLock(\.troubles)
        return [Access.writing, .reading].lazy.compactMap { access in
            troubles[access].map { access.sentence($0.error) }
        }.first
    }

    /// How often the journal could be read and written again after it could not.
    var recoveryCount: Int { recoveries.value }

    /// Sleeps, but not longer than until the journal can be read and written again after it could not.
    ///
    /// - Parameter count: ``recoveryCount`` before the journal was used in vain; a recovery since then ends the sleep, too.
    func sleep(for duration: Duration, orUntilRecoveryAfter count: Int) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await self.runner.clock.sleep(for: duration) }
            group.addTask { try? await self.recoveries.wait { $0 > count } }
            _ = await group.next()
            group.cancelAll()
        }
    }

    func onQueued(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.onQueued = body } }

    func isWorking(on runID: String) -> Bool { state.withLock { $0.work.values.contains { $0.runID == runID } } }

    func holds(_ lease: Lease) -> Bool { state.withLock { $0.ownership.holds(lease) } }

    // MARK: - Membership

    /// Joins the journal, runs `body` and leaves. Meanwhile the worker sends heartbeats, and receives cancellations
    /// from other processes.
    public func withSession<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        _ = tell(.start)
        try await journal.join(record)
        _ = tell(.joined(record.id))
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(
                try await withThrowingTaskGroup(of: Result?.self) { group in
                    group.addTask { try await body() }
                    group.addTask {
                        await self.live()
                        return nil
                    }
                    defer { group.cancelAll() }
                    while let next = try await group.next() {
                        if let next { return next }
                    }
                    throw CancellationError()
                })
        } catch {
            result = .failure(error)
        }
        do {
            try await journal.leave(id)
        } catch {
            // After this process has ended, other workers detect it and take over.
            logger.error("cannot leave the journal cleanly: \(error)")
        }
        return try result.get()
    }

    /// Runs until the task is cancelled.
    private func live() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                for action in tell(.tick) { group.addTask { await self.carryOut(action) } }
                // A journal that does not answer must not hold up the heartbeat.
                if takeLook() { group.addTask { await self.lookForCancellations() } }
                let isIdle = state.withLock { $0.work.isEmpty }
                try? await clock.sleep(untilNext: isIdle ? Self.intervals.idle : Self.intervals.working)
            }
        }
    }

    /// Passes an event to the machine, and fences the runs it requests.
    ///
    /// - Returns: The other actions.
    private func tell(_ event: OwnershipMachine.Event) -> [OwnershipMachine.Action] {
        let (actions, fenced, standing) = state.withLock { state in
            let before = state.ownership.standing
            let now = stopwatch.elapsed()
            var actions = state.ownership.handle(event, at: now)
            var fenced: [Work] = []
            for case .fence(let leases) in actions { fenced += leases.compactMap { state.work[$0.epoch] } }
            actions.removeAll { if case .fence = $0 { true } else { false } }
            if case .member = before, state.ownership.standing == .joining { state.fencedAt = now }
            return (actions, fenced, (before, state.ownership.standing))
        }
        for work in fenced { work.control.fence() }
        if standing == (.member, .joining) {
            let reason =
                if case .tick = event {
                    "this worker has fenced itself: it could not renew its heartbeat for "
                        + DurationText.format(OwnershipMachine.Timing.fence)
                } else {
                    "the journal no longer knows this worker: another one has declared it dead"
                }
            logger.error("\(reason); joining again\(Self.words(fenced))")
        }
        if standing == (.joining, .member), let fencedAt = state.withLock(\.fencedAt) {
            logger.warning(
                "this worker has joined again, after \(DurationText.measured(stopwatch.elapsed() - fencedAt))")
        }
        return actions
    }

    private static func words(_ fenced: [Work]) -> String {
        switch fenced.count {
        case 0: ""
        case 1: "; the run \(fenced[0].runID) resumes after its last finished step"
        default: "; its \(fenced.count) runs resume after their last finished steps"
        }
    }

    private func carryOut(_ action: OwnershipMachine.Action) async {
        switch action {
        case .fence: break
        case .join(let former): await rejoin(in: former)
        case .beat(let name):
            await attempt(.writing, or: .beatFailed) { () async throws(JournalError) in
                let record = try await self.journal.beat(name)
                if let record { await self.note(record) }
                return .beaten(name, isKnown: record != nil)
            }
        case .readOwned(let name):
            await attempt(.reading, or: .ownedFailed) { () async throws(JournalError) in
                .owned(name, try await self.journal.leases(of: name))
            }
        case .observe:
            await attempt(.reading, or: .observeFailed) { () async throws(JournalError) in
                .observed(try await self.journal.observe())
            }
        case .release(let leases):
            await attempt(.writing, or: .releaseFailed) { () async throws(JournalError) in
                let released = try await self.journal.release(leases, .broken(now: self.runner.now()))
                if !released.isEmpty {
                    self.logger.notice("released stranded runs: \(released.joined(separator: ", "))")
                }
                return .released(leases)
            }
        case .takeOver(let dead): await takeOver(from: dead)
        }
    }

    /// Performs a journal operation and passes the result to the machine.
    private func attempt(
        _ access: Access, or failure: OwnershipMachine.Event,
        _ body: () async throws(JournalError) -> OwnershipMachine.Event
    ) async {
        let event: OwnershipMachine.Event
        do throws(JournalError) {
            event = try await body()
            note(nil, access)
        } catch {
            event = failure
            // What a worker that ends had begun to ask is no fault of the journal.
            if !Task.isCancelled { note(error, access) }
        }
        for action in tell(event) { await carryOut(action) }
        switch event {
        case .joined, .released, .takenOver: state.withLock(\.onQueued)()
        default: break
        }
    }

    private func rejoin(in former: [WorkerID]) async {
        var record = record
        record.id = WorkerID(UUIDv7.make(nanoseconds: runner.now()))
        record.startedAt = runner.now()
        record.isDrained = isDrained
        let joining = record
        await attempt(.writing, or: .joinFailed(joining.id)) { () async throws(JournalError) in
            try await self.journal.join(joining, replacing: former, at: joining.startedAt)
            return .joined(joining.id)
        }
    }

    /// Follows what operators have set for this worker, and tells when its clock is wrong.
    private func note(_ record: WorkerRecord) async {
        let (wasDrained, wasClockWrong, runs, onQueued) = state.withLock { state in
            defer {
                state.isDrained = record.isDrained
                state.isClockWrong = record.clockProblem != nil
            }
            return (state.isDrained, state.isClockWrong, state.work.count, state.onQueued)
        }
        if record.isDrained, !wasDrained {
            let rest = runs == 0 ? "it has no runs" : "it finishes \(runs) run\(runs == 1 ? "" : "s")"
            logger.notice("this worker was drained by an operator: \(rest) and claims no more")
        }
        if !record.isDrained, wasDrained {
            logger.notice("this worker is not drained any more: it claims runs again")
            onQueued()
        }
        let problem = record.clockProblem
        if let problem, !wasClockWrong { logger.error("\(problem)") }
        if problem != nil || wasClockWrong, let board = try? await runner.services.get(HealthBoard.self) {
            board.set(.clock, record.host, problem)
        }
    }

    private func takeOver(from dead: [WorkerSight]) async {
        await attempt(.writing, or: .takeoverFailed) { () async throws(JournalError) in
            let policy = TakeoverPolicy(deaths: self.deaths, now: self.runner.now())
            // The journal forgets them now.
            let known = try await self.journal.workers()
            let takeover = try await self.journal.takeOver(from: dead, policy)
            if !takeover.queued.isEmpty {
                self.logger.notice(
                    "took over runs of a dead worker: \(takeover.queued.joined(separator: ", "))")
            }
            let runs = takeover.queued.count + takeover.failed.count
            if runs > 0, let board = try? await self.runner.services.get(HealthBoard.self) {
                let names = dead.map { sight in known.first { $0.id == sight.id }?.name ?? sight.id.text }
                board.set(
                    .workerLost, names.joined(separator: ", "),
                    "a worker died; \(runs) run\(runs == 1 ? " was" : "s were") taken over", for: .seconds(60))
            }
            for runID in takeover.failed {
                await self.countEnd(of: runID, .failed)
                self.logger.error(
                    "the run \(runID) failed: its worker died repeatedly [killed-its-worker]")
            }
            return .takenOver
        }
    }

    /// Logs journal errors once, and their end once.
    private func note(_ error: JournalError?, _ access: Access) {
        let now = stopwatch.elapsed()
        let (isNew, over, isRecovered) = state.withLock { state -> (Bool, Duration?, Bool) in
            let known = state.troubles[access]
            guard let error else {
                state.troubles[access] = nil
                return (false, known.map { now - $0.since }, known != nil && state.troubles.isEmpty)
            }
            state.troubles[access] = (error, known?.since ?? now)
            return (known?.error.code != error.code, nil, false)
        }
        if isNew, let error {
            let limit = DurationText.format(OwnershipMachine.Timing.fence)
            logger.error("\(access.sentence(error)); runs are released if that lasts longer than \(limit)")
        }
        if let over {
            logger.warning(
                "the journal can be \(access.rawValue) again, after \(DurationText.measured(over))")
        }
        if isRecovered { recoveries.update { $0 += 1 } }
    }

    // MARK: - Cancellations

    private func lookForCancellations() async {
        defer { state.withLock { $0.isLooking = false } }
        do {
            let version = try await journal.version()
            let isChanged = state.withLock { state in
                defer { (state.isLookDue, state.seenVersion) = (false, version) }
                return state.isLookDue || state.seenVersion != version
            }
            guard isChanged else { return }
            for request in try await journal.cancelRequests(for: id) {
                cancelOnce(request.runID, endsFinally: request.endsFinally)
            }
        } catch {
            // Heartbeats encounter and log the same error.
            state.withLock { $0.seenVersion = nil }
        }
    }

    /// Whether to look for cancellations of the runs of this process now.
    private func takeLook() -> Bool {
        state.withLock { state in
            guard !state.work.isEmpty, !state.isLooking else { return false }
            state.isLooking = true
            return true
        }
    }

    /// Cancels a run of this process once. A repeated call has no effect: it would cancel its `finally` as well.
    ///
    /// - Parameter endsFinally: Whether its `finally` is cancelled as well, once.
    func cancelOnce(_ runID: String, endsFinally: Bool = false) {
        let (controls, count) = state.withLock { state -> ([RunControl], Int) in
            // For a run that has not started, ``lookForCancellations()`` applies it later.
            let controls = state.controls(of: runID)
            let (received, wanted) = (state.cancelled[runID, default: 0], endsFinally ? 2 : 1)
            guard !controls.isEmpty, received < wanted else { return ([], 0) }
            state.cancelled[runID] = wanted
            return (controls, wanted - received)
        }
        for control in controls {
            for _ in 0..<count { control.cancel() }
        }
    }

    /// Starts no further runs, and stops running ones, to be resumed by another process.
    public func stop() {
        let controls = state.withLock { state in
            state.isStopping = true
            return state.work.values.map(\.control)
        }
        for control in controls { control.stop() }
    }

    package var isStopping: Bool { state.withLock { $0.isStopping } }

    /// Cancels a run of this process. The first request in the journal, which may be the same one, has no effect then.
    ///
    /// - Parameter once: Whether nothing is done if the run was cancelled before: its `finally` would be cancelled.
    public func cancelRun(_ runID: String, once: Bool = false) {
        let controls = state.withLock { state -> [RunControl] in
            let controls = state.controls(of: runID)
            if controls.isEmpty {
                state.unheard.insert(runID)
            } else if state.cancelled[runID, default: 0] == 0 {
                state.cancelled[runID] = 1
            } else if once {
                return []
            }
            return controls
        }
        for control in controls { control.cancel() }
    }

    /// Removes the cancellation that ``cancelRun(_:)`` recorded while the run was not running here.
    ///
    /// - Returns: Whether there was one.
    public func takeCancellation(of runID: String) -> Bool {
        state.withLock { $0.unheard.remove(runID) != nil }
    }

    // MARK: - Owning

    /// Accepts a run for this worker to work on.
    ///
    /// - Returns: The claimed run; nil if it was queued, or is a duplicate.
    func acceptOwned(_ new: NewRun) async throws(JournalError) -> (acceptance: Acceptance, run: ClaimedRun?) {
        var run = new.record
        (run.owner, run.state, run.startedAt) = (id, .running, run.createdAt)
        _ = tell(.claiming(run.id))
        let acceptance: Acceptance
        do {
            acceptance = try await journal.accept(run, steps: new.steps, memory: new.memory)
        } catch {
            _ = tell(.claimFailed(run.id))
            throw error
        }
        guard case .claimed(let epoch) = acceptance else {
            if case .accepted = acceptance, let owner = run.owner { _ = tell(.unknown(owner)) }
            _ = tell(.unclaimed(run.id))
            return (acceptance, nil)
        }
        run.epoch = epoch
        return (acceptance, take(run) ? new.claimed(run) : nil)
    }

    /// Claims a run. A damaged one fails at once.
    public func claim(_ runID: String, limits: RunLimits) async throws(JournalError) -> Claim {
        guard mayClaim, !isWorking(on: runID) else { return .busy }
        let name = id
        _ = tell(.claiming(runID))
        let claim: Claim
        do {
            claim = try await journal.claim(runID, by: name, limits: limits, at: runner.now())
        } catch {
            _ = tell(.claimFailed(runID))
            if error.code == .workerUnknown { _ = tell(.unknown(name)) }
            throw error
        }
        switch claim {
        case .claimed(let run): return take(run) ? claim : .busy
        case .damaged(let lease, let error):
            _ = tell(.claimed(lease))
            _ = await fail(lease, RunError(error))
            return .ended(.failed)
        case .busy, .full, .taken, .contended, .waiting, .ended, .missing:
            _ = tell(.unclaimed(runID))
            return claim
        }
    }

    /// The pipeline that the run began with, for its limits. nil where its definition cannot be used: the run fails with
    /// the reason when it is worked on.
    func pipeline(of run: RunRecord) async throws(JournalError) -> Pipeline? {
        do {
            return try await definitions.pipeline(of: run).declaration
        } catch let error as JournalError where !error.isOfOneRun {
            throw error
        } catch {
            return nil
        }
    }

    /// - Returns: Whether this worker's id is still the run's owner.
    private func take(_ run: RunRecord) -> Bool {
        guard let lease = run.lease else { return false }
        _ = tell(.claimed(lease))
        return holds(lease)
    }

    // MARK: - Working

    /// Works on a run that this worker owns, until it has ended or cannot continue here.
    public func work(
        on run: RunRecord, events: @escaping @Sendable (RunEvent) async -> Void = { _ in }
    ) async -> DriveResult {
        await work(on: ClaimedRun(run), events: events)
    }

    /// Works on a run that this worker owns, until it has ended or cannot continue here.
    func work(on run: ClaimedRun, events: @escaping @Sendable (RunEvent) async -> Void) async -> DriveResult {
        guard let lease = run.record.lease else { return .lost }
        let control = RunControl { [self] in
            state.withLock { $0.ownership.mayAct(lease, at: stopwatch.elapsed()) }
        }
        let cancellations = beginWork(on: run, lease, control)
        defer { endWork(on: run, lease) }
        let pipeline: ExecutablePipeline
        do {
            if let known = knownDefinition(of: run) {
                pipeline = known
            } else {
                pipeline = try await storedDefinition(of: run)
            }
        } catch {
            return await settle(error, of: run, lease)
        }
        let result = await runner.drive(
            pipeline, run, cancellations: cancellations, in: journal, as: lease, control: control, events: events)
        return await settle(result, of: run, lease)
    }

    // The next functions are not inlined, so that their variables do not stay in the async frame of a run.

    /// - Returns: How often the run must be cancelled.
    @inline(never) private func beginWork(on run: ClaimedRun, _ lease: Lease, _ control: RunControl) -> Int {
        let cancellations = state.withLock { state in
            state.work[lease.epoch] = Work(runID: run.id, control: control)
            state.isLookDue = true
            let isCancelled = state.unheard.remove(run.id) != nil || run.record.isCancelRequested
            let cancellations = run.record.finallyStage == .cancelled ? 2 : isCancelled ? 1 : 0
            state.cancelled[run.id] = cancellations
            return cancellations
        }
        if !holds(lease) { _ = tell(.claimed(lease)) }
        if isStopping { control.stop() }
        return cancellations
    }

    @inline(never) private func endWork(on run: ClaimedRun, _ lease: Lease) {
        state.withLock { state in
            state.work[lease.epoch] = nil
            if state.controls(of: run.id).isEmpty { state.cancelled[run.id] = nil }
        }
    }

    @inline(never) private func storedDefinition(of run: ClaimedRun) async throws -> ExecutablePipeline {
        try await definitions.pipeline(of: run.record)
    }

    @inline(never) private func knownDefinition(of run: ClaimedRun) -> ExecutablePipeline? {
        run.pipeline.map { definitions.insert($0) }
    }

    /// Fails or releases a run whose pipeline cannot be loaded.
    @inline(never) private func settle(_ error: any Error, of run: ClaimedRun, _ lease: Lease) async -> DriveResult {
        if let error = error as? RunError { return await fail(lease, error.redacted(by: runner.redactor)) }
        let error = error as? JournalError ?? JournalError(.failed, "\(error)")
        return await settle(.broken(error), of: run, lease)
    }

    /// Finishes, fails or releases the run, depending on the result.
    @inline(never) private func settle(_ result: DriveResult, of run: ClaimedRun, _ lease: Lease) async -> DriveResult {
        switch result {
        case .ended:
            _ = tell(.finished(lease))
            if run.record.isSourceDue { await settleRetry(run.id) }
        case .waiting, .lost: _ = tell(.finished(lease))
        case .released: await release(lease, .stopped)
        case .broken(let error) where error.isOfOneRun:
            return await fail(lease, RunError(error))
        case .broken:
            _ = tell(.writeFailed)
            await release(lease, .broken(now: runner.now()))
        }
        return result
    }

    /// Tells the trigger that the retry of one of its runs has ended. Does nothing if the retry's files are on another
    /// machine.
    func settleRetry(_ runID: String) async {
        do {
            guard let run = try await journal.run(runID), run.host == nil || run.host == host else { return }
            if let loss = run.lost[.trigger] { throw loss }
            guard let end = run.end, let source = run.source,
                let opened = RunSource(json: runner.seal.unseal(source)),
                let definition = runner.registry.trigger(named: run.trigger["type"]?.asString ?? "")
            else { return }
            let retry = RetriedRun(
                runID: runID, startedAt: run.startedAt ?? run.createdAt, end: end, source: opened)
            let context = RetryContext(
                project: runner.project, now: runner.now, logger: logger, pipeline: run.pipeline,
                origins: runner.origins)
            let settled = try await definition.retried(retry, context)
            try await journal.relocate(
                runID, to: settled.map { runner.seal.seal($0.json) } ?? source, isDue: false)
        } catch {
            logger.warning("what the run \(runID) was started for stays where it is: \(error)")
        }
    }

    private func release(_ lease: Lease, _ reason: ReleaseReason) async {
        do {
            _ = try await journal.release([lease], reason)
            _ = tell(.finished(lease))
        } catch {
            logger.error("the run \(lease.runID) is released once the journal responds: \(error)")
            _ = tell(.unfinished(lease))
        }
    }

    /// Ends a run without executing it.
    public func end(_ lease: Lease, _ end: RunCommit.End) async throws(JournalError) {
        do {
            try await journal.commit(RunCommit(lease: lease, end: end), .durable)
            _ = tell(.finished(lease))
            await countEnd(of: lease.runID, end.state)
        } catch {
            _ = tell(error.code == .leaseLost ? .finished(lease) : .unfinished(lease))
            throw error
        }
    }

    /// Fails a run that cannot be executed.
    private func fail(_ lease: Lease, _ error: RunError) async -> DriveResult {
        do {
            try await end(lease, RunCommit.End(state: .failed, error: error.json, time: runner.now()))
            return .ended(RunResult(id: lease.runID, outcome: .failed(error), outputs: [:]))
        } catch {
            return error.code == .leaseLost ? .lost : .broken(error)
        }
    }

    /// Counts the end of a run that had no events.
    func countEnd(of runID: String, _ state: RunState) async {
        guard let run = try? await journal.progress(of: runID) else { return }
        RunMetrics.observe(1, of: run.pipeline, endedAs: state.rawValue)
    }
}
