import RunnelKit

/// Receives what happens in a run that a caller waits for.
public protocol RunObserver: Sendable {
    /// Holds the run back while it is busy.
    func report(_ event: RunEvent) async
    /// What keeps the run from going on, or from beginning.
    func report(_ notice: RunNotice) async
    /// Called once, after all events.
    func finish(_ result: RunResult) async
}

/// Why a run that a caller waits for does not go on.
public enum RunNotice: Sendable, Hashable {
    /// It rests in the journal until this time, in nanoseconds since 1970.
    case resting(until: Int64)
    /// As many runs of its pipeline go on as `concurrency` allows.
    case waitingForTurn(pipeline: String)
    /// As many runs of all processes go on as `runs.total` allows.
    case waitingForTotal
    /// Another run is cancelled in favour of this one, as `overlap: cancel` says.
    case cancelling(runID: String)
    /// It does not begin, since another run of its pipeline goes on and `overlap: skip` says so.
    case skipped(pipeline: String)
}

/// What came of resuming a run.
public enum Resumption: Sendable {
    /// This process worked on the run.
    case performed(DriveResult)
    /// This process cannot work on the run now.
    case refused(Claim)
}

extension RunService {
    /// Between two looks at whether a run may go on.
    private static let pause = Duration.milliseconds(200)

    private var now: Int64 { worker.runner.now() }

    /// Accepts a run, waits for its turn and works on it until it has ended or this process has to stop.
    ///
    /// - Returns: nil when it is not this run's turn and never will be.
    public func perform(_ run: NewRun, observer: any RunObserver) async throws -> DriveResult? {
        try await worker.definitions.keep(run.pipeline)
        guard limits(of: run.pipeline) != RunLimits() else {
            guard let claimed = try await worker.acceptOwned(run).run else {
                return try await goOn(with: run.id, run.pipeline, observer)
            }
            return try await work(on: claimed, observer)
        }
        _ = try await journal.accept(run.record, steps: run.steps, memory: run.memory)
        return try await takeTurn(run, observer)
    }

    /// Works on a run of the queue, if the limits of its pipeline and of all processes allow it.
    ///
    /// - Parameter began: Called when this process has the run.
    public func resume(
        _ runID: String, observer: any RunObserver, began: () async -> Void = {}
    ) async throws -> Resumption {
        let pipeline = try await storedPipeline(of: runID)
        let claim = try await worker.claim(runID, limits: limits(of: pipeline))
        guard case .claimed(let record) = claim else { return .refused(claim) }
        await began()
        return .performed(try await work(on: ClaimedRun(record, pipeline: pipeline), observer))
    }

    /// nil also where a value of the run is damaged: the claim says so.
    private func storedPipeline(of runID: String) async throws(JournalError) -> Pipeline? {
        do throws(JournalError) {
            guard let run = try await journal.progress(of: runID) else { return nil }
            return try await worker.pipeline(of: run)
        } catch {
            if error.isOfOneRun { return nil }
            throw error
        }
    }

    /// Takes over the runs of workers whose process is known to be gone.
    public func takeOverFromGone() async throws(JournalError) {
        _ = try await journal.takeOverFromGone(TakeoverPolicy(deaths: worker.deaths, now: now))
    }

    /// Works on the run until it has ended or this process has to stop. A run that waits, or that was taken away, is
    /// taken up again, unless another process works on it by then: then its end is waited for.
    private func work(on run: ClaimedRun, _ observer: any RunObserver) async throws -> DriveResult {
        let result = await worker.work(on: run) { [watchers] event in
            watchers.tell(event)
            await observer.report(event)
        }
        watchers.end(run.id)
        switch result {
        case .ended(let ended): await observer.finish(ended)
        case .waiting(let time):
            await observer.report(.resting(until: time))
            return try await goOn(with: run.id, run.pipeline, observer)
        case .lost: return try await goOn(with: run.id, run.pipeline, observer)
        case .released, .broken: break
        }
        return result
    }

    /// Takes a run up again that this process has worked on, or follows it where another process does.
    private func goOn(
        with runID: String, _ pipeline: Pipeline?, _ observer: any RunObserver
    ) async throws -> DriveResult {
        let limits = limits(of: pipeline)
        while true {
            let now = now
            var pause = Self.pause
            switch try await takeUp(runID, limits, at: now) {
            case .claimed(let record):
                return try await work(on: ClaimedRun(record, pipeline: pipeline), observer)
            case .waiting(let time):
                if worker.isStopping { return .waiting(until: time) }
                pause = min(pause, .nanoseconds(max(1_000_000, time - now)))
            case nil, .busy, .full, .taken, .contended: if worker.isStopping { return .released }
            case .damaged, .missing: return .lost
            case .ended:
                guard let run = try await journal.progress(of: runID), let result = RunResult(run) else { return .lost }
                if let loss = run.lost[.output] { throw loss }
                await observer.finish(result)
                return .ended(result)
            }
            try await worker.runner.clock.sleep(for: pause)
        }
    }

    /// Claims a run, unless it was cancelled meanwhile.
    ///
    /// - Returns: nil while the journal does not answer. The run is safe in it; the worker says what is wrong.
    private func takeUp(_ runID: String, _ limits: RunLimits, at now: Int64) async throws(JournalError) -> Claim? {
        let isCancelled = worker.takeCancellation(of: runID)
        do throws(JournalError) {
            if isCancelled { _ = try await journal.requestCancel(runID, at: now) }
            _ = try await journal.wake(at: now)
            return try await worker.claim(runID, limits: limits)
        } catch {
            if worker.isStopping { throw error }
            if isCancelled { worker.cancelRun(runID) }
            return nil
        }
    }

    /// Works on a run as soon as its limits allow it; nil when that will never be.
    private func takeTurn(_ run: NewRun, _ observer: any RunObserver) async throws -> DriveResult? {
        let limits = limits(of: run.pipeline)
        var hasSpoken = false
        while true {
            let claim = try await takeUp(run.id, limits, at: now)
            switch claim {
            case .claimed(let record): return try await work(on: run.claimed(record), observer)
            // Perhaps by another process.
            case .ended(.skipped):
                await observer.report(.skipped(pipeline: run.pipeline.name))
                return nil
            case .taken, .ended, .missing, .damaged: return try await goOn(with: run.id, run.pipeline, observer)
            case nil, .contended, .busy, .full, .waiting: if worker.isStopping { return .released }
            }
            if claim == .full, !hasSpoken {
                await observer.report(.waitingForTotal)
                hasSpoken = true
            }
            if claim == .busy, let concurrency = run.pipeline.concurrency, !hasSpoken || concurrency.overlap != .queue {
                switch try await worker.giveWay(run.record, concurrency) {
                case .waits:
                    if !hasSpoken { await observer.report(.waitingForTurn(pipeline: run.pipeline.name)) }
                case .cancels(let others):
                    for other in others { await observer.report(.cancelling(runID: other)) }
                case .skips(let runs): if runs.contains(run.id) { continue }
                }
                hasSpoken = true
            }
            try await worker.runner.clock.sleep(for: Self.pause)
        }
    }
}

extension Worker {
    /// How a run gives way when its pipeline is full.
    enum Overlapping: Sendable, Hashable {
        case waits
        /// It waits for others to end: these have been asked to now.
        case cancels([String])
        /// These have ended now: those of its version that had not begun.
        case skips([String])
    }

    /// Does what `overlap` says of a run that finds as many runs of its pipeline as `concurrency` allows.
    func giveWay(
        _ run: RunRecord, _ concurrency: ConcurrencyDeclaration
    ) async throws(JournalError) -> Overlapping {
        switch concurrency.overlap {
        case .queue: return .waits
        case .skip:
            // An interrupted run had started, so it is not skipped.
            guard run.startedAt == nil else { return .waits }
            let skipped = try await journal.skipQueued(
                like: run, limit: concurrency.limit.number, at: runner.now())
            RunMetrics.observe(skipped.count, of: run.pipeline, endedAs: RunState.skipped.rawValue)
            return .skips(skipped)
        case .cancel:
            // Two queries, so that many queued runs do not hide a running one. A run that changes its state between the two
            // is in both.
            var others: [String: RunRecord] = [:]
            for states in [[.queued], [.running, .waiting]] as [Set<RunState>] {
                let runs = try await journal.runs(RunFilter(states: states, pipeline: run.pipeline, limit: 1000))
                for other in runs where other.id != run.id { others[other.id] = other }
            }
            // The runs that hold a place: those that have begun.
            let staying = others.values.filter { $0.startedAt != nil && !$0.isCancelRequested }
            let excess = staying.count + 1 - concurrency.limit.number
            guard excess > 0 else { return .cancels([]) }
            let newest = try await newestCancelling(run, among: others.values)
            let older = staying.filter { $0.state != .queued && $0.wasAccepted(before: newest) }
            let cancelled = older.sorted { $0.wasAccepted(before: $1) }.prefix(excess).map(\.id)
            for id in cancelled {
                if case .cancelled = try await journal.requestCancel(id, at: runner.now()) {
                    await countEnd(of: id, .cancelled)
                }
                cancelOnce(id)
            }
            return .cancels(cancelled)
        }
    }

    /// The newest of the runs that wait for a place with `overlap: cancel`. Not always the first in the queue, since a
    /// higher priority or an earlier life can put another one before it.
    ///
    /// - Parameter run: One of them.
    private func newestCancelling(
        _ run: RunRecord, among others: some Sequence<RunRecord>
    ) async throws(JournalError) -> RunRecord {
        let newer = others.filter { $0.state == .queued && $0.startedAt == nil && run.wasAccepted(before: $0) }
        for other in newer.sorted(by: { $1.wasAccepted(before: $0) }) {
            if try await pipeline(of: other)?.concurrency?.overlap == .cancel { return other }
        }
        return run
    }
}
