import Logging
public import RunnelKit

/// Takes runs in, and works on those that wait: as many at once as it may, the oldest first.
public actor RunQueue {
    let worker: Worker
    let journal: any Journal
    let watchers = RunWatchers()
    private let limit: Int
    private let maximumQueued: Int
    private let logger: Logger

    /// Runs of this worker that have not begun.
    private var ready: [RunRecord] = []
    private var working: [String: String] = [:]
    /// Runs that will be ready once they are on disk.
    private var arriving = 0
    /// Places kept for runs that are being claimed.
    private var claiming = 0
    /// How many callers wait for their run to be on disk.
    private var accepting = 0
    /// How many waited in the journal when it was last asked, and how many were taken in since.
    private var waiting = 0
    /// Whether it is time to look for runs that waited long enough, and for suspects.
    private var isLookDue = true
    /// When the next waiting run is due; nanoseconds since 1970.
    private var nextWake: Int64?
    private var quarantine = Quarantine()
    private let clock: any Clock<Duration>
    private let elapsed: Stopwatch
    /// What the journal did not do last time, so that it is said once.
    private var trouble: String?
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    private static let interval = Duration.seconds(1)
    /// More callers than this at one moment are a crowd.
    private static let crowd = 8

    /// How many runs may go on now. In a crowd taking in goes before working: who waits too long for an answer calls
    /// once more, while a run that was taken in can wait.
    private var currentLimit: Int { accepting > Self.crowd ? max(1, limit / 4) : limit }

    /// How many further ones may begin.
    private var room: Int {
        guard worker.mayClaim, !quarantine.holdsOthersBack(at: elapsed.elapsed()) else { return 0 }
        return max(0, currentLimit - busy)
    }

    /// How many places are taken.
    private var busy: Int { working.count + ready.count + arriving + claiming }

    /// - Parameters:
    ///   - limit: How many runs go on at once in this process.
    ///   - maximumQueued: How many may wait before further ones are refused.
    public init(worker: Worker, limit: Int, maximumQueued: Int) {
        self.worker = worker
        journal = worker.journal
        logger = worker.logger
        clock = worker.clock
        elapsed = worker.clock.measureStart()
        self.limit = limit
        self.maximumQueued = maximumQueued
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        worker.onQueued { [wake] in wake.yield() }
    }

    public var runningCount: Int { working.count }

    /// Runs of this process that nothing works on until the journal can be written.
    public nonisolated var strandedRuns: [String] { worker.strandedRuns }

    /// Keeps secrets out of what is accepted.
    public nonisolated var seal: SecretSeal { worker.runner.seal }

    /// The value as others may see it.
    public nonisolated func redact(_ value: Value) -> Value { worker.runner.redactor.redact(value) }

    /// The text as others may see it.
    @Sendable public nonisolated func redact(_ text: String) -> String { worker.runner.redactor.redact(text) }

    // MARK: - Taking in

    /// Takes a run in. When this returns, it is on disk.
    ///
    /// - Parameter definition: Has been kept.
    public func accept(
        _ run: RunRecord, of pipeline: Pipeline, memory: MemoryChanges? = nil
    ) async throws(TriggerRefusal) -> Acceptance {
        guard !worker.isStopping else {
            throw TriggerRefusal(.shuttingDown, "Runnel is shutting down", retryAfter: .seconds(5))
        }
        let pending = waiting + ready.count + arriving
        guard pending < maximumQueued else {
            throw TriggerRefusal(.overloaded, "\(pending) run\(pending == 1 ? " is" : "s are") waiting already")
        }
        var run = run
        run.hasFinally = !pipeline.finally.isEmpty
        // Without a limit of its pipeline, and with nothing before it, a run need not be claimed once more.
        let isOurs = pipeline.concurrency == nil && waiting == 0 && room > 0
        accepting += 1
        if isOurs {
            arriving += 1
        } else {
            waiting += 1
        }
        defer {
            accepting -= 1
            if isOurs { arriving -= 1 }
        }
        do {
            let acceptance: Acceptance
            if isOurs {
                let owned = try await worker.acceptOwned(run, memory: memory)
                acceptance = owned.acceptance
                if let run = owned.run { ready.append(run) }
            } else {
                acceptance = try await journal.accept(run, memory: memory)
                if case .duplicate = acceptance { waiting = max(0, waiting - 1) }
            }
            wake.yield()
            return acceptance
        } catch {
            if !isOurs { waiting = max(0, waiting - 1) }
            logger.error("a run of \(run.pipeline) was not accepted: \(error)")
            throw TriggerRefusal(.journal, error.message, retryAfter: .seconds(5))
        }
    }

    // MARK: - Working

    /// Works on what waits until the task is cancelled or the worker stops; then waits for the runs that go on.
    public nonisolated func run() async {
        await withDiscardingTaskGroup { group in
            await withTaskGroup(of: Void.self) { clocks in
                clocks.addTask {
                    while !Task.isCancelled {
                        try? await self.clock.sleep(for: self.pause)
                        await self.beat()
                    }
                }
                for await _ in wakes {
                    if worker.isStopping || Task.isCancelled { break }
                    // What was taken in just now does not wait for the journal to be asked.
                    for run in await begin() {
                        group.addTask { await self.work(on: run) }
                    }
                    for run in await next() {
                        group.addTask { await self.work(on: run) }
                    }
                }
                clocks.cancelAll()
            }
        }
    }

    /// Ends ``run()`` once the runs that go on have come to rest. Called once more, their steps are cancelled at once.
    public nonisolated func stop() {
        worker.stop()
        wake.yield()
    }

    private func beat() {
        isLookDue = true
        wake.yield()
    }

    /// Until the next look.
    private var pause: Duration {
        guard let nextWake else { return Self.interval }
        let rest = Duration.nanoseconds(max(1_000_000, nextWake - worker.runner.now()))
        return min(Self.interval, rest)
    }

    private func work(on run: RunRecord) async {
        let result = await worker.work(on: run) { [watchers] event in
            watchers.tell(event)
            // A step that ended clears the run of the suspicion that it kills its worker.
            if run.deaths > 0, case .stepSucceeded = event.kind { await self.clear(run.id) }
        }
        working[run.id] = nil
        clear(run.id)
        watchers.end(run.id)
        switch result {
        case .ended(let result):
            if case .failed(let error) = result.outcome {
                logger.warning("the run \(run.id) of \(run.pipeline) failed: \(error.message)")
            }
        case .released, .waiting: break
        case .lost: logger.warning("the run \(run.id) of \(run.pipeline) belongs to another process by now")
        case .broken(let error): logger.error("the run \(run.id) of \(run.pipeline) has to wait: \(error)")
        }
        wake.yield()
    }

    /// The runs that begin now. They count as working from here on.
    private func begin() -> [RunRecord] {
        // What was fenced before it began has gone back to the queue.
        ready.removeAll { run in run.lease.map { !worker.holds($0) } ?? true }
        let runs = Array(ready.prefix(max(0, limit - working.count)))
        ready.removeFirst(runs.count)
        for run in runs { working[run.id] = run.pipeline }
        return runs
    }

    private func next() async -> [RunRecord] {
        do throws(JournalError) {
            if isLookDue {
                isLookDue = false
                nextWake = try await journal.wake(at: worker.runner.now()).next
                if let suspect = try await claimSuspect() { return [suspect] }
            } else if room == 0 {
                // Whatever waits goes on waiting; the one that ends asks again.
                return []
            }
            let runs = await claimWaiting()
            return runs
        } catch {
            note(error)
            return []
        }
    }

    /// Says once what the journal does not do.
    private func note(_ error: JournalError) {
        if trouble != error.code { logger.error("the queue cannot be read: \(error)") }
        trouble = error.code
    }

    /// The runs that were claimed. One claim that fails keeps no other from its work.
    private func claimWaiting() async -> [RunRecord] {
        var runs: [RunRecord] = []
        do throws(JournalError) {
            waiting = try await journal.queuedCount()
            trouble = nil
            var full: Set<String> = []
            while waiting > 0, room > 0, !worker.isStopping {
                let free = room
                claiming = free
                defer { claiming = 0 }
                let search = QueueSearch(
                    limit: free + working.count, except: full, now: worker.runner.now(), deaths: 0..<worker.deaths)
                let queued = try await journal.queued(search).filter { !worker.isWorking(on: $0.id) }.prefix(free)
                if queued.isEmpty { break }
                let before = (runs.count, full.count)
                var unlimited: [RunRecord] = []
                for run in queued where !full.contains(run.pipeline) {
                    guard let concurrency = await concurrency(of: run) else {
                        unlimited.append(run)
                        continue
                    }
                    switch await claim(run.id, RunLimits(pipeline: concurrency.limit.number)) {
                    case .claimed(let record): take(record, &runs)
                    case .busy:
                        full.insert(run.pipeline)
                        await giveWay(to: run, concurrency)
                    case .damaged, .taken, .waiting, .ended, .missing, nil: break
                    }
                }
                // Claims that do not depend on each other share one write to disk.
                for record in await claim(unlimited) { take(record, &runs) }
                if (runs.count, full.count) == before { break }
            }
        } catch {
            note(error)
        }
        return runs
    }

    private func take(_ record: RunRecord, _ runs: inout [RunRecord]) {
        working[record.id] = record.pipeline
        waiting = max(0, waiting - 1)
        runs.append(record)
    }

    /// nil when the claim failed; what came of it is found out at the next look.
    private nonisolated func claim(_ runID: String, _ limits: RunLimits) async -> Claim? {
        do {
            return try await worker.claim(runID, limits: limits)
        } catch {
            logger.error("the run \(runID) was not claimed: \(error)")
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
            var claimed: [RunRecord] = []
            for await record in group { if let record { claimed.append(record) } }
            return claimed.sorted { $0.id < $1.id }
        }
    }

    // MARK: - Runs that may kill their worker

    /// Claims a run whose worker died too often, once nothing else goes on here.
    private func claimSuspect() async throws(JournalError) -> RunRecord? {
        let search = QueueSearch(limit: 1, now: worker.runner.now(), deaths: worker.deaths..<Int(Int32.max))
        guard let suspect = try await journal.queued(search).first else {
            quarantine.suspect = nil
            return nil
        }
        if quarantine.suspect != suspect.id, quarantine.alone == nil {
            quarantine.suspect = suspect.id
            quarantine.since = elapsed.elapsed()
            logger.notice(
                "the worker of the run \(suspect.id) died \(suspect.deaths) times; it is tried once more, alone")
        }
        guard busy == 0, worker.mayClaim, !worker.isStopping else { return nil }
        quarantine.alone = suspect.id
        let concurrency = await concurrency(of: suspect)
        guard
            case .claimed(let run)? = await claim(
                suspect.id, RunLimits(pipeline: concurrency?.limit.number))
        else {
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

    /// A definition that cannot be read has no limits; the run fails with the reason when it is worked on.
    private func concurrency(of run: RunRecord) async -> ConcurrencyDeclaration? {
        try? await worker.definitions.pipeline(run.definition).concurrency
    }

    /// What `overlap` says of a run that finds its pipeline full.
    private func giveWay(to run: RunRecord, _ concurrency: ConcurrencyDeclaration?) async {
        do throws(JournalError) {
            switch concurrency?.overlap {
            // A run that was interrupted had begun, so it is not skipped.
            case .skip where run.startedAt == nil:
                guard case .claimed(let record) = try await worker.claim(run.id, limits: RunLimits()),
                    let lease = record.lease
                else { return }
                try await worker.end(lease, RunCommit.End(state: .skipped, time: worker.runner.now()))
                watchers.end(run.id)
            case .cancel:
                for other in try await journal.runs(RunFilter(states: [.running, .waiting], pipeline: run.pipeline))
                where other.id < run.id {
                    _ = try await journal.requestCancel(other.id, at: worker.runner.now())
                    worker.cancelOnce(other.id)
                }
            case .skip, .queue, nil: break
            }
        } catch {
            logger.error("the run \(run.id) does not give way as its `overlap` says: \(error)")
        }
    }

    // MARK: - Watching

    /// Calls `body` for what happened in the run and goes on in it, and returns when it has ended.
    ///
    /// Of a run that another process works on, or that ended some time ago, only the end is known here.
    public nonisolated func follow(
        _ runID: String, _ body: @escaping @Sendable (RunUpdate) async -> Void
    ) async throws -> RunEnd {
        var isFirst = true
        while true {
            let watch = watchers.watch(runID, isWhole: isFirst)
            isFirst = false
            if let end = try await end(of: runID) {
                if !watchers.isLive(runID) { watch.finish() }
                for await update in watch.updates { await body(update) }
                try Task.checkCancellation()
                return end
            }
            // Another process may work on it, and it may be sent back and begun again here.
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.finish(watch, of: runID) }
                for await update in watch.updates { await body(update) }
                group.cancelAll()
            }
            try Task.checkCancellation()
        }
    }

    /// Ends the watch when the run has ended without being worked on here.
    private nonisolated func finish(_ watch: RunWatchers.Watch, of runID: String) async {
        while (try? await ContinuousClock().sleep(for: Self.interval)) != nil {
            if watchers.isLive(runID) { continue }
            if case .some(.none) = try? await end(of: runID) { continue }
            return watch.finish()
        }
    }

    /// nil while it goes on.
    private nonisolated func end(of runID: String) async throws -> RunEnd? {
        guard let run = try await journal.run(runID) else {
            throw StepError("no-such-run", "there is no run \"\(runID)\"")
        }
        switch run.state {
        case .queued, .running, .waiting: return nil
        case .succeeded: return .succeeded(output: SecretSeal.masked(run.output ?? .null))
        case .cancelled, .skipped: return .cancelled
        case .failed:
            let error = RunError(json: run.error ?? .null)
            return .failed(code: error.code, message: error.message)
        }
    }

    /// Asks for the run to be cancelled, whichever process works on it.
    public nonisolated func cancel(_ runID: String) async throws(JournalError) -> CancelAnswer {
        let answer = try await journal.requestCancel(runID, at: worker.runner.now())
        if case .requested = answer { worker.cancelOnce(runID) }
        return answer
    }
}

/// When a run whose worker died too often may be tried, with nothing else in the process: then it harms nobody else, and
/// nobody else can be what killed the worker.
struct Quarantine: Sendable {
    /// The run that is to be tried next.
    var suspect: String?
    /// Since when it waits for the process to be idle.
    var since = Duration.zero
    /// The run that is being tried.
    var alone: String?

    /// How long a suspect waits for a quiet moment before others are held back for it, and for how long at a time.
    private static let patience = Duration.seconds(10)
    private static let turn = Duration.seconds(60)

    /// Whether nothing else may begin: while the run is tried, and in turns of a minute while it waits for what goes on
    /// to end.
    func holdsOthersBack(at now: Duration) -> Bool {
        if alone != nil { return true }
        guard suspect != nil, now - since >= Self.patience else { return false }
        return Int((now - since - Self.patience) / Self.turn).isMultiple(of: 2)
    }
}
