public import Logging
public import RunnelKit
public import Templates
import YAML

/// Runs pipelines with everything that a worker has: its steps, its clients, its secrets.
public struct PipelineRunner: Sendable {
    let registry: StepRegistry
    let environment: TemplateEnvironment
    let services: Services
    let project: ProjectDirectory
    let values: ProjectValues
    let redactor: Redactor
    /// Keeps secrets out of the journal.
    public let seal: SecretSeal
    let logger: Logger
    let clock: any Clock<Duration>
    let executor: (any TaskExecutor)?
    let now: @Sendable () -> Int64
    /// How long steps may go on when the process has to stop, and again when they were cancelled.
    let grace: Duration
    /// Whether runs end before the first step that would cost or change something.
    private(set) var isDryRun = false

    /// - Parameters:
    ///   - seal: Made from the project's secrets when left out.
    ///   - clock: For waiting: time-outs and the pauses between attempts.
    ///   - executor: For the tasks of runs; the default one when left out.
    ///   - now: Nanoseconds since 1970.
    ///   - grace: How long steps may go on when the process has to stop, and again when they were cancelled.
    public init(
        registry: StepRegistry, environment: TemplateEnvironment, services: Services, project: ProjectDirectory,
        values: ProjectValues, redactor: Redactor, seal: SecretSeal? = nil, logger: Logger,
        clock: any Clock<Duration> = ContinuousClock(), executor: (any TaskExecutor)? = nil,
        now: @escaping @Sendable () -> Int64,
        grace: Duration = .seconds(10)
    ) {
        self.registry = registry
        self.environment = environment
        self.services = services
        self.project = project
        self.values = values
        self.redactor = redactor
        self.seal = seal ?? SecretSeal(secrets: values.secrets)
        self.logger = logger
        self.clock = clock
        self.executor = executor
        self.now = now
        self.grace = grace
    }

    /// Runs the pipeline to its end without keeping anything. What goes wrong is in the result; cancelling the task
    /// cancels the run.
    ///
    /// - Parameter events: Gets everything as it happens and holds the run back while it is busy.
    public func run(
        _ pipeline: Pipeline, _ request: RunRequest, events: @escaping @Sendable (RunEvent) async -> Void
    ) async -> RunResult {
        await driveOnce(pipeline, request, events) ?? RunResult(id: request.id, outcome: .cancelled, outputs: [:])
    }

    /// Runs the pipeline like ``run(_:_:events:)`` up to the first step that costs or changes something.
    ///
    /// - Returns: nil where there was such a step; ``RunEvent/Kind/stepHeld(_:with:input:)`` says which.
    public func dryRun(
        _ pipeline: Pipeline, _ request: RunRequest, events: @escaping @Sendable (RunEvent) async -> Void
    ) async -> RunResult? {
        var copy = self
        copy.isDryRun = true
        return await copy.driveOnce(pipeline, request, events)
    }

    private func driveOnce(
        _ pipeline: Pipeline, _ request: RunRequest, _ events: @escaping @Sendable (RunEvent) async -> Void
    ) async -> RunResult? {
        let control = RunControl()
        // The task is awaited right here. It is one of its own because `finally` has to run after a cancellation.
        let work = Task(executorPreference: executor) {
            await RunDriver(
                runner: self, pipeline: pipeline, request: request, startedAt: now(), storage: nil, control: control,
                events: events
            ).drive()
        }
        let result = await withTaskCancellationHandler {
            await work.value
        } onCancel: {
            control.cancel()
        }
        guard case .ended(let result) = result else { return nil }
        return result
    }

    /// Works on a run of the journal until it has ended or this process has to stop.
    ///
    /// - Parameters:
    ///   - pipeline: As it was when the run was accepted.
    ///   - record: As it was claimed.
    ///   - control: To end the work from outside; cancelling the task does not.
    public func drive(
        _ pipeline: Pipeline, _ record: RunRecord, in journal: any Journal, as lease: Lease, control: RunControl,
        events: @escaping @Sendable (RunEvent) async -> Void
    ) async -> DriveResult {
        let steps: [StepRecord]
        do {
            // A run that nobody has worked on and that takes nothing over has none.
            let isNew = record.interruptions == 0 && record.retryOf == nil && record.wakeAt == nil
            steps = isNew ? [] : try await journal.steps(of: record.id)
        } catch {
            return .broken(error)
        }
        let request = RunRequest(
            id: record.id, inputs: seal.open(.object(record.inputs)).asObject ?? [:],
            trigger: seal.open(record.trigger), input: seal.open(record.input))
        let storage = RunStorage(
            journal: journal, lease: lease, seal: seal, steps: steps.map { $0.opened(by: seal) }, worked: record.worked,
            isSuspect: record.deaths > 0, isCancelled: record.isCancelRequested)
        // A task of its own, awaited right here: were the caller's cancelled, the cancellation would reach the steps
        // without the run knowing of it.
        return await Task(executorPreference: executor) {
            await RunDriver(
                runner: self, pipeline: pipeline, request: request, startedAt: record.startedAt ?? now(),
                storage: storage, control: control, events: events
            ).drive()
        }.value
    }
}

extension RunOutcome {
    func redacted(by redactor: Redactor) -> RunOutcome {
        switch self {
        case .succeeded(let output): .succeeded(output: redactor.redact(output))
        case .failed(let error): .failed(error.redacted(by: redactor))
        case .cancelled: .cancelled
        }
    }
}

extension Clock<Duration> {
    /// A mark to measure from.
    func measureStart() -> Stopwatch {
        let start = now
        return Stopwatch { start.duration(to: now) }
    }
}

/// Tells how long ago it was made.
struct Stopwatch: Sendable {
    let elapsed: @Sendable () -> Duration
}
