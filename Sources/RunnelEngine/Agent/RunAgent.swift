public import Logging
import RunnelKit
import Synchronization

/// One process that works on the runs of a journal: it joins, says that it lives, hears of cancellations, takes over
/// what dead processes left, and ends in good order.
public final class RunAgent: Sendable {
    public let id: AgentID
    let journal: any Journal
    let runner: PipelineRunner
    let definitions: DefinitionCache
    let logger: Logger
    let record: AgentRecord
    private let controls = Mutex<[String: RunControl]>([:])
    private let state = Mutex(State())

    private struct State {
        var isStopping = false
        /// Whether a run has begun, which may have been cancelled before.
        var isLookDue = false
    }

    /// How long a cancellation from another process may stay unseen.
    private static let pollInterval = Duration.milliseconds(200)

    /// - Parameters:
    ///   - record: Who works here.
    ///   - loader: Reads the definitions that runs began with.
    public init(
        record: AgentRecord, journal: any Journal, runner: PipelineRunner, loader: PipelineLoader, logger: Logger
    ) {
        id = record.id
        self.record = record
        self.journal = journal
        self.runner = runner
        self.logger = logger
        definitions = DefinitionCache(journal: journal, loader: loader, seal: runner.seal)
    }

    /// Joins the journal, runs `body` and leaves again. Meanwhile the agent says that it lives, and cancellations
    /// that other processes ask for reach its runs.
    public func withSession<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await journal.join(record)
        let result: Result
        do {
            result = try await withThrowingTaskGroup(of: Result?.self) { group in
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
            }
        } catch {
            try? await journal.leave(id)
            throw error
        }
        try await journal.leave(id)
        return result
    }

    /// Until the task is cancelled.
    private func live() async {
        var version: Int64 = -1
        let clock = ContinuousClock()
        var beatAt = clock.now
        while !Task.isCancelled {
            do {
                if clock.now >= beatAt {
                    try await journal.beat(id)
                    beatAt = clock.now + journal.beatInterval
                }
                let current = try await journal.version()
                if takeLookDue() || current != version, hasRuns {
                    version = current
                    for runID in try await journal.cancelRequests(for: id) { cancelOnce(runID) }
                }
            } catch {
                if Task.isCancelled { return }
                logger.error("the journal does not answer: \(error)")
                beatAt = clock.now + .seconds(1)
            }
            try? await clock.sleep(for: Self.pollInterval)
        }
    }

    private func takeLookDue() -> Bool {
        state.withLock { state in
            defer { state.isLookDue = false }
            return state.isLookDue
        }
    }

    private var hasRuns: Bool { controls.withLock { !$0.isEmpty } }

    /// Asks a run of this process to end as cancelled. Asked again for the same run, nothing happens: a second request
    /// would end its `finally` as well.
    func cancelOnce(_ runID: String) {
        let control = controls.withLock { controls -> RunControl? in
            // Of a run that is not worked on yet, `live()` hears when it is.
            guard let control = controls[runID] else { return nil }
            return cancelled.withLock { $0.insert(runID).inserted } ? control : nil
        }
        control?.cancel()
    }

    private let cancelled = Mutex<Set<String>>([])

    /// From now on no run is begun, and the running ones come to rest. They go on in another process.
    public func stop() {
        state.withLock { $0.isStopping = true }
        for control in controls.withLock({ Array($0.values) }) { control.stop() }
    }

    public var isStopping: Bool { state.withLock { $0.isStopping } }

    /// Asks a run of this process to end as cancelled.
    public func cancelRun(_ runID: String) {
        controls.withLock { $0[runID] }?.cancel()
    }

    // MARK: - Working

    /// Works on a run that belongs to this agent, until it has ended or cannot go on here.
    public func work(
        on run: RunRecord, events: @escaping @Sendable (RunEvent) async -> Void = { _ in }
    ) async -> DriveResult {
        let control = RunControl()
        controls.withLock { $0[run.id] = control }
        state.withLock { $0.isLookDue = true }
        defer {
            controls.withLock { $0[run.id] = nil }
            cancelled.withLock { _ = $0.remove(run.id) }
        }
        if isStopping { control.stop() }
        let result: DriveResult
        do {
            let pipeline = try await definitions.pipeline(run.definition)
            result = await runner.drive(pipeline, run, in: journal, as: id, control: control, events: events)
        } catch let error as JournalError {
            result = .broken(error)
        } catch let error as RunError {
            result = await fail(run, error.redacted(by: runner.redactor))
        } catch {
            result = .broken(JournalError("journal-failed", "\(error)"))
        }
        switch result {
        case .released, .broken:
            do {
                try await journal.release([run.id], by: id)
            } catch {
                logger.error("the run \(run.id) is left as it is: \(error)")
            }
        case .ended, .lost: break
        }
        return result
    }

    /// Ends a run that cannot even begin.
    private func fail(_ run: RunRecord, _ error: RunError) async -> DriveResult {
        let end = RunCommit.End(state: .failed, error: error.json, time: runner.now())
        do {
            try await journal.commit(RunCommit(runID: run.id, owner: id, end: end), .durable)
            return .ended(RunResult(id: run.id, outcome: .failed(error), outputs: [:]))
        } catch {
            return error.code == "lease-lost" ? .lost : .broken(error)
        }
    }
}
