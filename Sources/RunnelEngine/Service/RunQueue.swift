import Logging
public import RunnelKit
internal import RunnelSupport

/// Accepts runs, and works on queued ones within the concurrency limit, the oldest of the highest priority
/// first.
public actor RunQueue {
    let worker: Worker
    let journal: any Journal
    let watchers = RunWatchers()
    private var limit: Int
    /// The limit of all processes that share the journal; nil for none.
    let total: Int?
    private var maximumQueued: Int
    private var maximumQueuedBytes: Int
    private let logger: Logger

    /// Runs of this worker that have not started.
    private var ready: [ClaimedRun] = []
    private var working: [String: String] = [:]
    /// Runs that will be ready when they are on disk.
    private var arriving = 0
    /// Slots reserved for runs that are being claimed.
    private var claiming = 0
    /// The number of callers waiting for their run to be on disk.
    private var accepting = 0
    /// The queued runs.
    private var backlog = QueueBacklog()
    /// The time since the queued runs were counted, and since their sizes were. Counting takes longer the more there are.
    private var sinceCount: Stopwatch?
    private var sinceSizes: Stopwatch?
    private static let countInterval = Duration.milliseconds(250)
    private static let sizeInterval = Duration.seconds(5)
    /// Pipelines that are known to be at their limit. Their queued runs are not claimed until one of their runs ends here;
    /// at most for a second, because other processes end runs too.
    private var full: Set<String> = []
    /// Whether the limit of all processes is known to be reached. Reset like ``full``.
    private var isFull = false
    /// Whether to check for due waiting runs and suspects.
    private var isLookDue = true
    /// The due time of the next waiting run; nanoseconds since 1970.
    private var nextWake: Int64?
    /// Whether the last check failed, or has left waiting runs that are due. The next one comes after ``interval``, so that
    /// a journal that does not answer is not asked without a pause.
    private var isLookVain = false
    private var quarantine = Quarantine()
    private let clock: any Clock<Duration>
    private let elapsed: Stopwatch
    /// The last journal error, so that it is logged once.
    private var trouble: JournalError.Code?
    /// By pipeline, the error for which runs are rejected and when that was logged.
    private var rejections: [String: (code: JournalError.Code, loggedAt: Duration)] = [:]
    private static let rejectionInterval = Duration.seconds(3600)
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    private static let interval = Duration.seconds(1)
    /// The number of concurrent callers above which accepting is prioritised.
    private static let crowd = 8

    /// The current concurrency limit. Under load accepting has priority over working: a client that waits too long
    /// calls again, while an accepted run can wait.
    private var currentLimit: Int { accepting > Self.crowd ? max(1, limit / 4) : limit }

    /// The number of free slots.
    private var room: Int {
        guard worker.mayClaim, !worker.isDrained, !quarantine.holdsOthersBack(at: elapsed.elapsed()) else { return 0 }
        return max(0, currentLimit - busy)
    }

    /// Whether queued runs may begin that are not of these pipelines.
    private func mayBegin(others full: Set<String>) -> Bool { backlog.count > backlog.count(of: full) }

    /// The number of used slots.
    private var busy: Int { working.count + ready.count + arriving + claiming }

    /// - Parameters:
    ///   - limit: The maximum number of concurrent runs in this process.
    ///   - total: The maximum number of concurrent runs of all processes that share the journal; nil for no limit.
    ///   - maximumQueued: The maximum number of queued runs before further ones are rejected.
    ///   - maximumQueuedBytes: The maximum size of what the queued runs of one pipeline were started with, before
    ///     further ones of it are rejected.
    public init(
        worker: Worker, limit: Int, total: Int? = nil, maximumQueued: Int, maximumQueuedBytes: Int = 256 << 20
    ) {
        self.worker = worker
        journal = worker.journal
        logger = worker.logger
        clock = worker.clock
        elapsed = worker.clock.measureStart()
        self.limit = limit
        self.total = total
        self.maximumQueued = maximumQueued
        self.maximumQueuedBytes = maximumQueuedBytes
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        worker.onQueued { [wake] in wake.yield() }
    }

    /// Changes the limits of a running queue. Runs that exceed a lower limit go on.
    public func setLimits(_ limit: Int, maximumQueued: Int, maximumQueuedBytes: Int) {
        self.limit = limit
        self.maximumQueued = maximumQueued
        self.maximumQueuedBytes = maximumQueuedBytes
        wake.yield()
    }

    /// The number of runs that this process works on.
    public var runningCount: Int { working.count }

    /// Whether an operator has drained this process: what it accepts is left to other workers.
    public nonisolated var isDrained: Bool { worker.isDrained }

    /// Runs of this process that are stranded until the journal is writable.
    public nonisolated var strandedRuns: [String] { worker.strandedRuns }

    /// Why the journal cannot be read or written at the moment; nil where it can.
    package nonisolated var journalProblem: String? { worker.journalProblem }

    /// The id of the trace that the run belongs to; nil where it is in none.
    package nonisolated func traceID(of run: RunRecord) -> String? {
        worker.runner.tracing.traceID(of: run.id, trigger: run.trigger)
    }

    /// Seals the secrets of the project before they are stored.
    public nonisolated var seal: SecretSeal { worker.runner.seal }

    /// The redacted value.
    package nonisolated func redact(_ value: Value) -> Value { worker.runner.redactor.redact(value) }

    /// The redacted text.
    @Sendable public nonisolated func redact(_ text: String) -> String { worker.runner.redactor.redact(text) }

    // MARK: - Accepting

    /// Accepts a run. When this returns, it is on disk.
    package func accept(_ run: NewRun) async throws(TriggerRefusal) -> Acceptance {
        guard !worker.isStopping else {
            throw TriggerRefusal(.shuttingDown, "Runnel is shutting down", retryAfter: .seconds(5))
        }
        let pipeline = run.pipeline.name
        let size = run.record.startSize
        if sinceSizes == nil || backlogRefusal(of: run, adding: size) != nil {
            await refreshBacklog()
            if let refusal = backlogRefusal(of: run, adding: size) { throw refusal }
        }
        if run.record.state == .waiting { return try await acceptWaiting(run) }
        // Without a limit but that of this process, and without queued runs that begin before it, a run can be claimed
        // directly on acceptance.
        let isOurs = run.pipeline.concurrency == nil && total == nil && !mayBegin(others: full) && room > 0
        accepting += 1
        if isOurs {
            arriving += 1
        } else {
            // Counted before it is on disk, so that many at once do not pass the limit.
            backlog.begin(pipeline, bytes: size)
        }
        defer {
            accepting -= 1
            if isOurs { arriving -= 1 }
            // While other runs take all slots, the end of one triggers the next check. A claim that is under way may have
            // looked at the queue before this run was in it.
            if isOurs || room > 0 || claiming > 0 { wake.yield() }
        }
        do {
            let acceptance: Acceptance
            // Without the definition, no other process could resume the run, nor this one after a restart.
            try await worker.definitions.keep(run.pipeline)
            if isOurs {
                let owned = try await worker.acceptOwned(run)
                acceptance = owned.acceptance
                if let run = owned.run { ready.append(run) }
            } else {
                acceptance = try await journal.accept(run.record, steps: run.steps, memory: run.memory)
                backlog.end(pipeline, bytes: size, isQueued: acceptance == .accepted)
            }
            rejections[pipeline] = nil
            return acceptance
        } catch {
            if !isOurs { backlog.end(pipeline, bytes: size, isQueued: false) }
            throw refusal(of: run, error)
        }
    }

    /// Logs why a run is rejected: once, and again when the error changes or after an hour. Triggers try again every few
    /// seconds.
    private func refusal(of run: NewRun, _ error: JournalError) -> TriggerRefusal {
        let (pipeline, now) = (run.pipeline.name, elapsed.elapsed())
        let known = rejections[pipeline].map { $0.code == error.code && now - $0.loggedAt < Self.rejectionInterval }
        if known != true {
            rejections[pipeline] = (error.code, now)
            logger.error("rejected a run of \(pipeline): \(error)")
        }
        return TriggerRefusal(.journal, error.message, retryAfter: .seconds(5))
    }

    /// Counts what the journal held when this process began, and counts again before a run is refused: others may have been
    /// cancelled, or taken by other processes. An unreadable journal is asked again the next time.
    private func refreshBacklog() async {
        do throws(JournalError) {
            if sinceSizes.map({ $0.elapsed() >= Self.sizeInterval }) ?? true {
                try await measureQueued()
            } else if isCountDue {
                try await countQueued()
            }
        } catch {
            note(error)
        }
    }

    private var isCountDue: Bool { sinceCount.map { $0.elapsed() >= Self.countInterval } ?? true }

    private func countQueued() async throws(JournalError) {
        backlog.beginCount()
        defer { backlog.endCount() }
        backlog.set(counts: try await journal.queuedCounts())
        sinceCount = worker.runner.clock.measureStart()
    }

    private func measureQueued() async throws(JournalError) {
        backlog.beginCount()
        defer { backlog.endCount() }
        backlog.set(sizes: try await journal.queuedSizes())
        sinceSizes = worker.runner.clock.measureStart()
        sinceCount = sinceSizes
    }

    /// Keeps room in the queue and on the disk for other pipelines. A run without others before it is always accepted.
    private func backlogRefusal(of run: NewRun, adding size: Int) -> TriggerRefusal? {
        let pending = backlog.count + ready.count + arriving
        guard pending < run.origin.maximumQueued(of: maximumQueued) else {
            return TriggerRefusal(.overloaded, "\(pending) run\(pending == 1 ? " is" : "s are") waiting already")
        }
        guard run.origin != .operator else { return nil }
        let pipeline = run.pipeline.name
        let count = backlog.count(of: pipeline)
        guard count < maximumQueued - maximumQueued / 4 else {
            return TriggerRefusal(.overloaded, "\(count) runs of the pipeline \"\(pipeline)\" are waiting already")
        }
        let bytes = backlog.bytes(of: pipeline)
        guard count == 0 || bytes + size <= maximumQueuedBytes else {
            return TriggerRefusal(
                .overloaded,
                "\(count) run\(count == 1 ? "" : "s") of the pipeline \"\(pipeline)\" with \(bytes >> 10) KiB "
                    + "\(count == 1 ? "is" : "are") waiting already (`runs.max_queued_bytes`)")
        }
        return nil
    }

    /// Accepts a run that begins later.
    private func acceptWaiting(_ run: NewRun) async throws(TriggerRefusal) -> Acceptance {
        let asleep: Int
        let acceptance: Acceptance?
        do throws(JournalError) {
            asleep = try await journal.waitingCount()
            try await worker.definitions.keep(run.pipeline)
            acceptance =
                asleep < maximumQueued
                ? try await journal.accept(run.record, steps: run.steps, memory: run.memory) : nil
        } catch {
            throw refusal(of: run, error)
        }
        rejections[run.pipeline.name] = nil
        guard let acceptance else { throw TriggerRefusal(.overloaded, "\(asleep) runs are waiting already") }
        if let wakeAt = run.record.wakeAt { nextWake = min(nextWake ?? wakeAt, wakeAt) }
        wake.yield()
        return acceptance
    }

    // MARK: - Working

    /// Works on queued runs until the task is cancelled or the worker stops; then waits for running ones.
    public nonisolated func run() async {
        await withDiscardingTaskGroup { group in
            await withTaskGroup(of: Void.self) { clocks in
                clocks.addTask {
                    while !Task.isCancelled {
                        try? await self.clock.sleep(untilNext: self.pause)
                        await self.beat()
                    }
                }
                clocks.addTask { for await _ in self.journal.queueSignals() { self.wake.yield() } }
                for await _ in wakes {
                    if worker.isStopping || Task.isCancelled { break }
                    // Starts runs that were just accepted before querying the journal for others.
                    for run in await begin() {
                        group.addTask { await self.work(on: run) }
                    }
                    for run in await next() {
                        group.addTask { await self.work(on: ClaimedRun(run)) }
                    }
                }
                clocks.cancelAll()
            }
        }
    }

    /// Ends ``run()`` after running runs have stopped. A second call cancels their steps at once.
    public nonisolated func stop() {
        worker.stop()
        wake.yield()
    }

    private func beat() {
        isLookDue = true
        (full, isFull) = ([], false)
        wake.yield()
    }

    /// The time until the next check.
    private var pause: Duration {
        guard let nextWake, !isLookVain else { return Self.interval }
        let rest = Duration.nanoseconds(max(1_000_000, nextWake - worker.runner.now()))
        return min(Self.interval, rest)
    }

    private func work(on run: ClaimedRun) async {
        let stopwatch = worker.runner.clock.measureStart()
        logBegin(of: run)
        let result = await worker.work(on: run) { [watchers] event in
            watchers.tell(event)
            RunMetrics.observe(event, of: run.record.pipeline)
            // A finished step clears the run of the suspicion of killing its worker.
            if run.record.deaths > 0, case .stepSucceeded = event.kind { await self.clear(run.id) }
        }
        end(run, result, after: stopwatch.elapsed())
    }

    /// Writes to the log with the run attached. Made anew for each message: its metadata need not be held while the run
    /// is worked on.
    private func runLogger(_ run: ClaimedRun) -> Logger {
        var logger = logger
        logger[metadataKey: "run"] = "\(run.id)"
        logger[metadataKey: "pipeline"] = "\(run.record.pipeline)"
        let trigger = run.request?.trigger ?? run.record.trigger
        if let traceID = worker.runner.tracing.traceID(of: run.id, trigger: trigger) {
            logger[metadataKey: "trace"] = "\(traceID)"
        }
        return logger
    }

    /// Not inlined, like ``end(_:_:after:)``, so that its variables do not stay in the async frame of a run.
    @inline(never) private func logBegin(of run: ClaimedRun) {
        // A debounced run has waited before its first start, too.
        let isResumed = run.record.interruptions > 0 || run.record.worked > .zero
        let cause = RunRecord.cause(run.request?.trigger ?? run.record.trigger)
        runLogger(run).info("\(run.name) \(isResumed ? "was resumed" : "began") (\(cause))")
    }

    @inline(never) private func end(_ run: ClaimedRun, _ result: DriveResult, after worked: Duration) {
        let (name, logger) = (run.name, runLogger(run))
        if case .ended(let ended) = result, ended.took != nil {
            RunMetrics.observe(worked: worked, on: run.record.pipeline)
        }
        working[run.id] = nil
        full.remove(run.record.pipeline)
        isFull = false
        clear(run.id)
        watchers.end(run.id)
        switch result {
        case .ended(let result):
            let took = DurationText.measured(result.took ?? worked)
            switch result.outcome {
            case .succeeded: logger.info("\(name) succeeded after \(took)")
            case .cancelled: logger.info("\(name) was cancelled after \(took)")
            case .failed(let error):
                let step = error.stepID.map { " at the step \($0)" } ?? ""
                logger.warning("\(name) failed after \(took)\(step): \(error.message)")
            }
        case .released: logger.info("\(name) was interrupted after \(DurationText.measured(worked))")
        case .waiting(let time): logger.info("\(name) waits until \(Timestamp.text(nanoseconds: time))")
        case .lost: logger.warning("\(name) is no longer owned by this process")
        case .broken(let error): logger.error("\(name) must wait: \(error)")
        }
        if worker.isDrained, working.isEmpty { logger.notice("this worker is drained: it has no runs left") }
        wake.yield()
    }

    /// The runs that start now. They count as working from here on.
    private func begin() -> [ClaimedRun] {
        // Runs fenced before they started were requeued.
        ready.removeAll { run in run.record.lease.map { !worker.holds($0) } ?? true }
        let free = max(0, limit - working.count)
        if ready.count > free { ready.sort { $0.record.precedes($1.record) } }
        let runs = Array(ready.prefix(free))
        ready.removeFirst(runs.count)
        for run in runs { working[run.id] = run.record.pipeline }
        return runs
    }

    private func next() async -> [RunRecord] {
        var runs: [RunRecord] = []
        do throws(JournalError) {
            let isLook = isLookDue
            if isLook {
                isLookDue = false
                let now = worker.runner.now()
                let waking = try await journal.wake(at: now)
                nextWake = waking.next
                if !waking.woken.isEmpty { sinceCount = nil }
                isLookVain = nextWake.map { $0 <= now } ?? false
                if let suspect = try await claimSuspect() { return [suspect] }
            } else if room == 0 {
                // Queued runs keep waiting; the end of a run triggers another check.
                return []
            }
            try await claimWaiting(&runs)
            if isLook { trouble = nil }
        } catch {
            isLookVain = true
            note(error)
        }
        return runs
    }

    /// Logs a journal error once, until a whole check has succeeded.
    private func note(_ error: JournalError) {
        if trouble != error.code { logger.error("cannot read the queue: \(error)") }
        trouble = error.code
    }

    /// Claims queued runs. A failed claim does not affect others.
    ///
    /// - Parameter runs: The claimed runs, also where an error is thrown.
    private func claimWaiting(_ runs: inout [RunRecord]) async throws(JournalError) {
        if backlog.count == 0 || isCountDue { try await countQueued() }
        var (full, isFull) = (full, isFull)
        var skipped: Set<String> = []
        while mayBegin(others: full), room > 0, !isFull, !worker.isStopping {
            let free = room
            claiming = free
            defer { claiming = 0 }
            let search = QueueSearch(
                limit: free + working.count, except: full, now: worker.runner.now(), deaths: 0..<worker.deaths,
                host: worker.host)
            let queued = try await journal.queued(search).filter { !worker.isWorking(on: $0.id) }.prefix(free)
            if queued.isEmpty {
                sinceCount = nil
                break
            }
            let before = (runs.count, full.count, skipped.count)
            var unlimited: [RunRecord] = []
            for run in queued where !isFull && !full.contains(run.pipeline) && !skipped.contains(run.id) {
                let concurrency = try await worker.pipeline(of: run)?.concurrency
                if concurrency == nil, total == nil {
                    unlimited.append(run)
                    continue
                }
                // One after the other: the last place within the limits is that of the first in the queue.
                switch await claim(run, within: concurrency) {
                case .claimed(let record): take(record, &runs)
                case .busy:
                    let gone = await giveWay(to: run, concurrency)
                    skipped.formUnion(gone)
                    if gone.isEmpty { full.insert(run.pipeline) }
                case .full: isFull = true
                case .damaged, .taken, .contended, .waiting, .ended, .missing, nil: break
                }
            }
            // Independent claims share one durable write.
            for record in await claim(unlimited) { take(record, &runs) }
            if (runs.count, full.count, skipped.count) == before { break }
        }
    }

    /// Claims a run within its limits, and notes which of them are reached.
    private func claim(_ run: RunRecord, within concurrency: ConcurrencyDeclaration?) async -> Claim? {
        // Noted before the claim, so that the end of a run during the claim resets it. With `overlap: skip` or `cancel`,
        // `giveWay` decides about each run that finds no place.
        if concurrency?.overlap == .queue { full.insert(run.pipeline) }
        isFull = total != nil
        let claim = await claim(run.id, RunLimits(pipeline: concurrency?.limit.number, total: total))
        if claim != .busy { full.remove(run.pipeline) }
        if claim != .full { isFull = false }
        return claim
    }

    private func take(_ record: RunRecord, _ runs: inout [RunRecord]) {
        working[record.id] = record.pipeline
        backlog.remove(bytes: record.startSize, of: record.pipeline)
        runs.append(record)
    }

    /// nil if the claim failed; its outcome is found at the next check.
    private nonisolated func claim(_ runID: String, _ limits: RunLimits) async -> Claim? {
        do {
            return try await worker.claim(runID, limits: limits)
        } catch {
            logger.error("cannot claim the run \(runID): \(error)")
            return nil
        }
    }

    private nonisolated func claim(_ runs: [RunRecord]) async -> [RunRecord] {
        await withTaskGroup(of: RunRecord?.self) { group in
            for run in runs {
                group.addTask {
                    guard case .claimed(let record)? = await self.claim(run.id, RunLimits()) else { return nil }
                    return record
                }
            }
            var claimed: [String: RunRecord] = [:]
            for await record in group { if let record { claimed[record.id] = record } }
            return runs.compactMap { claimed[$0.id] }
        }
    }

    // MARK: - Runs that may kill their worker

    /// Claims a run whose worker died too often, when nothing else is running here.
    private func claimSuspect() async throws(JournalError) -> RunRecord? {
        let search = QueueSearch(
            limit: 1, now: worker.runner.now(), deaths: worker.deaths..<Int(Int32.max), host: worker.host)
        guard let suspect = try await journal.queued(search).first else {
            quarantine.suspect = nil
            return nil
        }
        if quarantine.suspect != suspect.id, quarantine.alone == nil {
            quarantine.suspect = suspect.id
            quarantine.since = elapsed.elapsed()
            logger.notice(
                "the worker of the run \(suspect.id) died \(suspect.deaths) times; retrying it once more, alone")
        }
        let concurrency = try await worker.pipeline(of: suspect)?.concurrency
        guard busy == 0, worker.mayClaim, !worker.isDrained, !worker.isStopping else { return nil }
        quarantine.alone = suspect.id
        guard case .claimed(let run)? = await claim(suspect, within: concurrency) else {
            clear(suspect.id)
            return nil
        }
        working[run.id] = run.pipeline
        return run
    }

    private func clear(_ runID: String) {
        guard quarantine.alone == runID else { return }
        quarantine = Quarantine()
        wake.yield()
    }

    /// Does what `overlap` says of a run that finds its pipeline full.
    ///
    /// - Returns: The runs that were skipped.
    private func giveWay(to run: RunRecord, _ concurrency: ConcurrencyDeclaration?) async -> [String] {
        guard let concurrency else { return [] }
        do throws(JournalError) {
            guard case .skips(let skipped) = try await worker.giveWay(run, concurrency) else { return [] }
            for id in skipped { watchers.end(id) }
            backlog.remove(skipped.count, of: run.pipeline)
            return skipped
        } catch {
            logger.error("cannot apply `overlap` to the run \(run.id): \(error)")
            return []
        }
    }
}

/// Decides when a run whose worker died too often may run alone in the process: then it harms no other run, and no
/// other run can be the cause.
struct Quarantine: Sendable {
    /// The run to try next.
    var suspect: String?
    /// Since when it has been waiting for an idle process.
    var since = Duration.zero
    /// The run being tried alone.
    var alone: String?

    /// How long a suspect waits for an idle process before other runs are held back, and the length of each such turn.
    private static let patience = Duration.seconds(10)
    private static let turn = Duration.seconds(60)

    /// Whether no other run may start: while the suspect is tried, and in turns of a minute while it waits for running
    /// ones to end.
    func holdsOthersBack(at now: Duration) -> Bool {
        if alone != nil { return true }
        guard suspect != nil, now - since >= Self.patience else { return false }
        return Int((now - since - Self.patience) / Self.turn).isMultiple(of: 2)
    }
}
