import RunnelEngine
import RunnelKit
internal import RunnelSupport

/// Works on runs of the journal in this process, while a person looks on.
struct ForegroundRuns: Sendable {
    let project: Project
    let assembly: RunnerAssembly
    let worker: Worker
    let service: RunService
    private let isJSON: Bool
    private let note: String?
    private let isQuiet: Bool

    /// - Parameter progress: nil where the command has no such options.
    init(
        project: Project, loader: PipelineLoader, journal: any Journal, grantedFiles: Set<String> = [],
        simulator: SimulatedMarketplace?, isJSON: Bool, progress: ProgressOptions? = nil
    ) async {
        self.project = project
        self.isJSON = isJSON
        isQuiet = progress?.quiet ?? false
        note = simulator == nil ? nil : "simulated"
        assembly = await RunnerAssembly(
            loader: loader, project: project, grantedFiles: grantedFiles, simulator: simulator,
            logLevel: progress?.logLevel ?? .warning)
        worker = Worker(
            record: JournalSetup.identity(role: "run", project.settings.journal), journal: journal,
            runner: assembly.runner, loader: loader,
            logger: assembly.logger, deaths: project.settings.runs.deaths.number)
        service = RunService(worker: worker, total: project.settings.runs.total?.number)
    }

    /// Runs the pipeline to its end or to a signal, closes the journal, and ends the command accordingly.
    ///
    /// - Parameter priority: nil for that of the pipeline.
    func perform(
        _ pipeline: Pipeline, _ request: RunRequest, priority: Int? = nil, in journal: any Journal,
        observer: any RunObserver
    ) async throws {
        let run = service.makeRun(request, of: pipeline, priority: priority)
        let cancellations = Cancellations.makeStream()
        let (result, stop) = try await withJournalErrors {
            try await withSignals({ signal, earlier in
                switch signal {
                case .terminate: worker.stop()
                case .interrupt:
                    worker.cancelRun(request.id)
                    cancellations.continuation.yield((request.id, earlier > 0))
                }
            }) {
                try await storing(cancellations) {
                    try await worker.withSession {
                        try await withLiveLine(observer) {
                            try await service.perform(run, observer: observer)
                        }
                    }
                }
            }
        }
        await assembly.services.shutDown()
        await Housekeeping(journal: journal, retention: project.settings.retention, logger: assembly.logger)
            .runBriefly()
        await journal.close()
        try result?.conclude(request.id, stop)
    }

    /// The runs that Ctrl-C has cancelled, and whether a signal came before.
    private typealias Cancellations = AsyncStream<(id: String, isRepeated: Bool)>

    /// Runs `body`, and stores the cancellations beside it: they outlive this process, and the time in which a run waits
    /// for a retry. The signals do not wait for the journal.
    private func storing<Result: Sendable>(
        _ cancellations: (stream: Cancellations, continuation: Cancellations.Continuation),
        _ body: () async throws -> Result
    ) async throws -> Result {
        async let stored: Void = {
            for await (id, isRepeated) in cancellations.stream {
                _ = try? await service.cancel(id, mayEndFinally: isRepeated)
            }
        }()
        let result = try await body()
        cancellations.continuation.finish()
        await stored
        return result
    }

    /// A run that was worked on; without a result it was not the run's turn.
    typealias Worked = (id: String, result: DriveResult?)

    /// Works on runs one after the other. SIGINT cancels the current one, SIGTERM leaves it to another process, and
    /// none begins after either.
    ///
    /// - Parameters:
    ///   - ids: The runs to work on, or to repeat. Called once this process has joined the journal.
    ///   - work: Works on one of them, after ``CurrentRun/begin(_:)`` has returned true.
    /// - Returns: What `work` returned other than nil, and the first signal.
    func performEach(
        of ids: @escaping @Sendable () async throws -> [String],
        _ work: @escaping @Sendable (String, CurrentRun) async throws -> Worked?
    ) async throws -> (results: [Worked], request: StopRequest?) {
        let current = CurrentRun()
        let cancellations = Cancellations.makeStream()
        do {
            let (results, request) = try await withSignals({ signal, earlier in
                let id = await current.stop()
                switch signal {
                case .terminate: worker.stop()
                case .interrupt:
                    guard let id else { break }
                    worker.cancelRun(id)
                    cancellations.continuation.yield((id, earlier > 0))
                }
            }) {
                try await storing(cancellations) {
                    try await worker.withSession {
                        var results: [Worked] = []
                        for id in try await ids() where await !current.isStopped {
                            if let result = try await work(id, current) { results.append(result) }
                        }
                        return results
                    }
                }
            }
            await assembly.services.shutDown()
            return (results, request)
        } catch {
            await assembly.services.shutDown()
            throw error
        }
    }

    /// Shows a run on the terminal.
    ///
    /// - Parameter lacksInput: Whether the run was started on the command line without an input.
    func observer(of pipeline: Pipeline?, lacksInput: Bool = false) -> any RunObserver {
        if isJSON { return JSONReporter() }
        return TextReporter(
            style: .standardError, printer: DiagnosticPrinter(sources: pipeline?.sources ?? []),
            redactor: project.redactor, note: note, isQuiet: isQuiet, lacksInput: lacksInput)
    }
}

/// The run that a command works on, and whether it may begin another.
actor CurrentRun {
    private var id: String?
    private(set) var isStopped = false

    /// - Returns: Whether the run may begin: false after ``stop()``.
    func begin(_ id: String) -> Bool {
        if !isStopped { self.id = id }
        return !isStopped
    }

    /// Lets no other run begin.
    ///
    /// - Returns: The run that has begun last.
    func stop() -> String? {
        isStopped = true
        return id
    }
}

extension RunObserver {
    /// Says on standard error what keeps the run from going on.
    func report(_ notice: RunNotice) {
        let words =
            switch notice {
            case .resting(let time): "waiting until \(LocalTime.text(time))"
            case .waitingForTurn(let pipeline):
                "waiting: as many runs of \(pipeline) go on as its `concurrency` allows"
            case .waitingForTotal: "waiting: as many runs go on as `runs.total` allows"
            case .cancelling(let runID): "cancelling \(runID), as `overlap: cancel` says"
            case .skipped(let pipeline):
                "skipped: another run of \(pipeline) goes on, and `overlap: skip` says so"
            }
        Streams.error.write(words + "\n")
    }
}

extension DriveResult {
    /// Whether the run did not succeed, or has not ended.
    var isFailure: Bool {
        switch self {
        case .ended(let result): if case .succeeded = result.outcome { false } else { true }
        case .released, .waiting, .lost, .broken: true
        }
    }

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
            Streams.error.write("stopped; resume the run with `runnel runs resume \(runID)`\n")
            throw ExitStatus.interrupted
        case .waiting(let time):
            Streams.error.write(
                "stopped; the run waits until \(LocalTime.text(time)); `runnel serve` or `runnel runs resume \(runID)` resumes it then\n"
            )
            throw ExitStatus.interrupted
        case .lost:
            throw ExitStatus.runFailed.reporting(
                "the run \(runID) is now owned by another process; see `runnel runs show \(runID)`")
        case .broken(let error):
            let status = error.reported()
            Streams.error.write("the progress of the run is stored; resume it with `runnel runs resume \(runID)`\n")
            throw status
        }
    }
}
