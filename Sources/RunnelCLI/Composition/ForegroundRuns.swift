import Crypto
import RunnelEngine
import RunnelKit
import Templates
import YAML

/// Works on runs of the journal in this process, while a person looks on.
struct ForegroundRuns: Sendable {
    let project: Project
    let journal: any Journal
    let assembly: RunnerAssembly
    let worker: Worker
    let isJSON: Bool
    let note: String?

    init(
        project: Project, loader: PipelineLoader, journal: any Journal, grantedFiles: Set<String> = [],
        simulator: SimulatedMarketplace?, isJSON: Bool
    ) async {
        self.project = project
        self.journal = journal
        self.isJSON = isJSON
        note = simulator == nil ? nil : "simulated"
        assembly = await RunnerAssembly(
            loader: loader, project: project, grantedFiles: grantedFiles, simulator: simulator)
        worker = Worker(
            record: JournalSetup.identity(role: "run"), journal: journal, runner: assembly.runner, loader: loader,
            logger: assembly.logger, deaths: project.settings.runs.deaths.number)
    }

    /// What the journal keeps of a pipeline's file.
    func definition(of pipeline: Pipeline) -> DefinitionRecord {
        let digest = SHA256.hash(data: Array(pipeline.source.text.utf8))
        return DefinitionRecord(
            hash: digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined(),
            pipeline: pipeline.name, file: pipeline.source.name, text: project.seal.close(pipeline.source.text))
    }

    /// The run as the journal takes it in.
    func record(_ request: RunRequest, of pipeline: Pipeline, definition: String) -> RunRecord {
        let seal = project.seal
        return RunRecord(
            id: request.id, pipeline: pipeline.name, definition: definition, trigger: seal.close(request.trigger),
            inputs: seal.close(.object(request.inputs)).asObject ?? [:], input: seal.close(request.input),
            createdAt: WallClock.nanoseconds())
    }

    /// Takes the run in, waits for its turn and works on it.
    ///
    /// - Parameters:
    ///   - steps: What the run takes over from another.
    ///   - reporter: Is told what goes on; nil: whoever looks at the terminal.
    /// - Returns: nil when it is not this run's turn and never will be.
    func begin(
        _ run: RunRecord, of pipeline: Pipeline, with steps: [StepRecord] = [], reporter: (any RunReporter)? = nil
    ) async throws -> DriveResult? {
        var run = run
        run.hasFinally = !pipeline.finally.isEmpty
        // What is taken over is written by whoever owns the run, so that one does not wait for its turn.
        guard let concurrency = pipeline.concurrency, steps.isEmpty else {
            guard let owned = try await worker.acceptOwned(run, memory: nil).run, let lease = owned.lease else {
                return try await goOn(with: run.id, pipeline, reporter)
            }
            if !steps.isEmpty { try await journal.commit(RunCommit(lease: lease, steps: steps), .durable) }
            return try await work(on: owned, pipeline, reporter)
        }
        _ = try await journal.accept(run, memory: nil)
        guard let claimed = try await claim(run, concurrency) else { return nil }
        return try await work(on: claimed, pipeline, reporter)
    }

    /// Works on the run until it has ended or this process has to stop. A run that waits, or that was taken away, is
    /// taken up again, unless another process works on it by then: then its end is waited for.
    func work(
        on run: RunRecord, _ pipeline: Pipeline?, _ reporter: (any RunReporter)? = nil
    ) async throws -> DriveResult {
        let reporter = reporter ?? self.reporter(for: pipeline)
        let result = await worker.work(on: run) { await reporter.report($0) }
        switch result {
        case .ended(let ended): await reporter.finish(ended)
        case .waiting(let time):
            Streams.error.write("waiting until \(LocalTime.text(time))\n")
            return try await goOn(with: run.id, pipeline, reporter)
        case .lost: return try await goOn(with: run.id, pipeline, reporter)
        case .released, .broken: break
        }
        return result
    }

    /// Takes a run up again that this process has worked on.
    private func goOn(
        with runID: String, _ pipeline: Pipeline?, _ reporter: (any RunReporter)?
    ) async throws -> DriveResult {
        let reporter = reporter ?? self.reporter(for: pipeline)
        let limits = RunLimits(pipeline: pipeline?.concurrency?.limit.number)
        while true {
            let now = WallClock.nanoseconds()
            var pause = Duration.milliseconds(200)
            switch try await takeUp(runID, limits, at: now) {
            case .claimed(let run): return try await work(on: run, pipeline, reporter)
            case .waiting(let time):
                if worker.isStopping { return .waiting(until: time) }
                pause = min(pause, .nanoseconds(max(1_000_000, time - now)))
            case .busy, .taken: if worker.isStopping { return .released }
            case .damaged, .missing: return .lost
            case .ended:
                guard let run = try await journal.run(runID), let result = RunResult(run) else { return .lost }
                await reporter.finish(result)
                return .ended(result)
            }
            try await ContinuousClock().sleep(for: pause)
        }
    }

    /// While the journal does not answer, the run is safe in it; the worker says what is wrong.
    private func takeUp(_ runID: String, _ limits: RunLimits, at now: Int64) async throws(JournalError) -> Claim {
        let isCancelled = worker.isCancelled(runID)
        do throws(JournalError) {
            if isCancelled { _ = try await journal.requestCancel(runID, at: now) }
            _ = try await journal.wake(at: now)
            return try await worker.claim(runID, limits: limits)
        } catch {
            if worker.isStopping { throw error }
            if isCancelled { worker.cancelRun(runID) }
            return .busy
        }
    }

    private func claim(_ run: RunRecord, _ concurrency: ConcurrencyDeclaration) async throws -> RunRecord? {
        let limits = RunLimits(pipeline: concurrency.limit.number)
        var hasSpoken = false
        while true {
            switch try await worker.claim(run.id, limits: limits) {
            case .claimed(let record): return record
            case .taken, .missing, .damaged: return nil
            case .ended: return nil
            case .busy where concurrency.overlap == .skip:
                try await skip(run)
                return nil
            case .busy, .waiting:
                if !hasSpoken {
                    hasSpoken = true
                    try await makeRoom(for: run, concurrency)
                }
                try await ContinuousClock().sleep(for: .milliseconds(200))
            }
        }
    }

    private func makeRoom(for run: RunRecord, _ concurrency: ConcurrencyDeclaration) async throws {
        guard concurrency.overlap == .cancel else {
            return Streams.error.write("waiting: as many runs of \(run.pipeline) go on as its `concurrency` allows\n")
        }
        let others = try await journal.runs(RunFilter(states: [.running, .waiting], pipeline: run.pipeline))
        for other in others {
            _ = try await journal.requestCancel(other.id, at: WallClock.nanoseconds())
            Streams.error.write("cancelling \(other.id), as `overlap: cancel` says\n")
        }
    }

    private func skip(_ run: RunRecord) async throws {
        guard case .claimed(let record) = try await worker.claim(run.id, limits: RunLimits()), let lease = record.lease
        else { return }
        try await worker.end(lease, RunCommit.End(state: .skipped, time: WallClock.nanoseconds()))
        Streams.error.write("skipped: another run of \(run.pipeline) goes on, and `overlap: skip` says so\n")
    }

    private func reporter(for pipeline: Pipeline?) -> any RunReporter {
        if isJSON { return JSONReporter() }
        return TextReporter(
            style: .standardError, printer: DiagnosticPrinter(sources: pipeline.map { [$0.source] } ?? []),
            redactor: project.redactor, note: note)
    }
}

extension DriveResult {
    /// Says what a person has to know, and ends the command accordingly.
    func conclude(_ runID: String, _ request: StopRequest?) throws {
        switch self {
        case .ended(let result):
            switch result.outcome {
            case .succeeded: return
            case .cancelled: throw ExitStatus.interrupted
            case .failed: throw request == .interrupt ? ExitStatus.interrupted : ExitStatus.runFailed
            }
        case .released:
            Streams.error.write("stopped; the run goes on with `runnel runs resume \(runID)`\n")
            throw ExitStatus.interrupted
        case .waiting(let time):
            Streams.error.write(
                "stopped; the run waits until \(LocalTime.text(time)), and goes on then with `runnel serve` or `runnel runs resume \(runID)`\n"
            )
            throw ExitStatus.interrupted
        case .lost:
            Streams.error.write(
                "error: the run \(runID) belongs to another process by now; see `runnel runs show \(runID)`\n")
            throw ExitStatus.runFailed
        case .broken(let error):
            Streams.error.write(JournalSetup.text(error))
            Streams.error.write("the run is kept as far as it got; it goes on with `runnel runs resume \(runID)`\n")
            throw ExitStatus.runFailed
        }
    }
}
