import Logging
public import RunnelKit

/// Takes runs in, and works on those that wait: as many at once as it may, the oldest first.
public actor RunQueue {
    let agent: RunAgent
    let journal: any Journal
    let watchers = RunWatchers()
    private let limit: Int
    private let maximumQueued: Int
    private let logger: Logger

    /// Runs of this agent that have not begun.
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
    /// Whether it is time to look for processes that died.
    private var isReapDue = true
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    private static let interval = Duration.seconds(1)
    /// More callers than this at one moment are a crowd.
    private static let crowd = 8

    /// How many runs may go on now. In a crowd taking in goes before working: who waits too long for an answer calls
    /// once more, while a run that was taken in can wait.
    private var currentLimit: Int { accepting > Self.crowd ? max(1, limit / 4) : limit }

    /// How many further ones may begin.
    private var room: Int { max(0, currentLimit - working.count - ready.count - arriving - claiming) }

    /// - Parameters:
    ///   - limit: How many runs go on at once in this process.
    ///   - maximumQueued: How many may wait before further ones are refused.
    public init(agent: RunAgent, limit: Int, maximumQueued: Int) {
        self.agent = agent
        journal = agent.journal
        logger = agent.logger
        self.limit = limit
        self.maximumQueued = maximumQueued
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    public var runningCount: Int { working.count }

    /// Keeps secrets out of what is accepted.
    public nonisolated var seal: SecretSeal { agent.runner.seal }

    /// The value as others may see it.
    public nonisolated func redact(_ value: Value) -> Value { agent.runner.redactor.redact(value) }

    /// The text as others may see it.
    @Sendable public nonisolated func redact(_ text: String) -> String { agent.runner.redactor.redact(text) }

    // MARK: - Taking in

    /// Takes a run in. When this returns, it is on disk.
    ///
    /// - Parameter definition: Has been kept.
    public func accept(
        _ run: RunRecord, of pipeline: Pipeline, memory: MemoryChanges? = nil
    ) async throws(TriggerRefusal) -> Acceptance {
        guard !agent.isStopping else {
            throw TriggerRefusal(.shuttingDown, "Runnel is shutting down", retryAfter: .seconds(5))
        }
        let pending = waiting + ready.count + arriving
        guard pending < maximumQueued else {
            throw TriggerRefusal(.overloaded, "\(pending) run\(pending == 1 ? " is" : "s are") waiting already")
        }
        var run = run
        // Without a limit of its pipeline, and with nothing before it, a run need not be claimed once more.
        let isOurs = pipeline.concurrency == nil && waiting == 0 && room > 0
        accepting += 1
        if isOurs {
            (run.owner, run.state, run.startedAt) = (agent.id, .running, run.createdAt)
            arriving += 1
        } else {
            waiting += 1
        }
        defer {
            accepting -= 1
            if isOurs { arriving -= 1 }
        }
        do {
            let acceptance = try await journal.accept(run, memory: memory)
            switch acceptance {
            case .accepted where isOurs: ready.append(run)
            case .accepted: break
            case .duplicate: if !isOurs { waiting = max(0, waiting - 1) }
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

    /// Works on what waits until the task is cancelled or the agent stops; then waits for the runs that go on.
    public nonisolated func run() async {
        await withDiscardingTaskGroup { group in
            await withTaskGroup(of: Void.self) { clocks in
                clocks.addTask {
                    while !Task.isCancelled {
                        try? await ContinuousClock().sleep(for: Self.interval)
                        await self.beat()
                    }
                }
                for await _ in wakes {
                    if agent.isStopping || Task.isCancelled { break }
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

    /// Ends ``run()`` once the runs that go on have come to rest.
    public nonisolated func stop() {
        agent.stop()
        wake.yield()
    }

    private func beat() {
        isReapDue = true
        wake.yield()
    }

    private func work(on run: RunRecord) async {
        let result = await agent.work(on: run) { [watchers] in watchers.tell($0) }
        working[run.id] = nil
        watchers.end(run.id)
        switch result {
        case .ended(let result):
            if case .failed(let error) = result.outcome {
                logger.warning("the run \(run.id) of \(run.pipeline) failed: \(error.message)")
            }
        case .released: break
        case .lost: logger.warning("the run \(run.id) of \(run.pipeline) belongs to another process by now")
        case .broken(let error): logger.error("the run \(run.id) of \(run.pipeline) has to wait: \(error)")
        }
        wake.yield()
    }

    /// The runs that begin now. They count as working from here on.
    private func begin() -> [RunRecord] {
        let runs = Array(ready.prefix(max(0, limit - working.count)))
        ready.removeFirst(runs.count)
        for run in runs { working[run.id] = run.pipeline }
        return runs
    }

    private func next() async -> [RunRecord] {
        var runs: [RunRecord] = []
        do {
            if isReapDue {
                isReapDue = false
                if !(try await journal.reap()).isEmpty { logger.notice("runs of a process that died are taken over") }
            } else if room == 0 {
                // Whatever waits goes on waiting; the one that ends asks again.
                return runs
            }
            runs += try await claimWaiting()
        } catch let error as JournalError {
            logger.error("the queue cannot be read: \(error)")
        } catch {
            logger.error("the queue cannot be read: \(error)")
        }
        return runs
    }

    private func claimWaiting() async throws -> [RunRecord] {
        waiting = try await journal.queuedCount()
        guard waiting > 0 else { return [] }
        var runs: [RunRecord] = []
        var full: Set<String> = []
        while room > 0, !agent.isStopping {
            let free = room
            claiming = free
            defer { claiming = 0 }
            let queued = try await journal.queued(limit: free, except: full)
            if queued.isEmpty { break }
            let before = (runs.count, full.count)
            var unlimited: [RunRecord] = []
            for run in queued where !full.contains(run.pipeline) {
                let concurrency = await concurrency(of: run)
                guard let concurrency else {
                    unlimited.append(run)
                    continue
                }
                switch try await journal.claim(
                    run.id, by: agent.id, limits: RunLimits(pipeline: concurrency.limit.number))
                {
                case .claimed(let record): take(record, &runs)
                case .busy:
                    full.insert(run.pipeline)
                    try await giveWay(to: run, concurrency)
                case .taken, .ended, .missing: break
                }
            }
            // Claims that do not depend on each other share one write to disk.
            for record in try await claim(unlimited) { take(record, &runs) }
            if (runs.count, full.count) == before { break }
        }
        return runs
    }

    private func take(_ record: RunRecord, _ runs: inout [RunRecord]) {
        working[record.id] = record.pipeline
        waiting = max(0, waiting - 1)
        runs.append(record)
    }

    private nonisolated func claim(_ runs: [RunRecord]) async throws -> [RunRecord] {
        try await withThrowingTaskGroup(of: RunRecord?.self) { group in
            for run in runs {
                group.addTask { [journal, agent] in
                    guard case .claimed(let record) = try await journal.claim(run.id, by: agent.id, limits: RunLimits())
                    else { return nil }
                    return record
                }
            }
            var claimed: [RunRecord] = []
            for try await record in group { if let record { claimed.append(record) } }
            return claimed.sorted { $0.id < $1.id }
        }
    }

    /// A definition that cannot be read has no limits; the run fails with the reason when it is worked on.
    private func concurrency(of run: RunRecord) async -> ConcurrencyDeclaration? {
        try? await agent.definitions.pipeline(run.definition).concurrency
    }

    /// What `overlap` says of a run that finds its pipeline full.
    private func giveWay(to run: RunRecord, _ concurrency: ConcurrencyDeclaration?) async throws {
        switch concurrency?.overlap {
        // A run that was interrupted had begun, so it is not skipped.
        case .skip where run.startedAt == nil:
            guard case .claimed = try await journal.claim(run.id, by: agent.id, limits: RunLimits()) else { return }
            let end = RunCommit.End(state: .skipped, time: agent.runner.now())
            try await journal.commit(RunCommit(runID: run.id, owner: agent.id, end: end), .durable)
            watchers.end(run.id)
        case .cancel:
            for other in try await journal.runs(RunFilter(states: [.running], pipeline: run.pipeline))
            where other.id < run.id {
                _ = try await journal.requestCancel(other.id, at: agent.runner.now())
                agent.cancelOnce(other.id)
            }
        case .skip, .queue, nil: break
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
        case .queued, .running: return nil
        case .succeeded: return .succeeded(output: SecretSeal.masked(run.output ?? .null))
        case .cancelled, .skipped: return .cancelled
        case .failed:
            let error = RunError(json: run.error ?? .null)
            return .failed(code: error.code, message: error.message)
        }
    }

    /// Asks for the run to be cancelled, whichever process works on it.
    public nonisolated func cancel(_ runID: String) async throws(JournalError) -> CancelAnswer {
        let answer = try await journal.requestCancel(runID, at: agent.runner.now())
        if case .requested = answer { agent.cancelOnce(runID) }
        return answer
    }
}
