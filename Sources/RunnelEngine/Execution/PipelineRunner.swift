public import Logging
public import RunnelKit
public import Templates
import YAML

/// Runs pipelines with the steps, services and secrets of a worker.
public final class PipelineRunner: Sendable {
    let registry: StepRegistry
    /// The types of triggers whose payload holds no data from outside; see ``Trigger/bringsOutsideData``. A person who
    /// starts a run decides as the author does.
    let trustedTriggers: Set<String>
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
    /// The grace period of running steps when the process stops, and again after they were cancelled.
    let grace: Duration
    let prices: PriceTable
    let tracing: RunTracing
    let onUsage: @Sendable (UsageRecord) -> Void
    let jitter: @Sendable () -> Double
    /// Which run wrote which file.
    let origins = RunOrigins()

    /// - Parameters:
    ///   - seal: Derived from the project's secrets by default.
    ///   - clock: The clock for timeouts and pauses between attempts.
    ///   - executor: The executor for tasks of runs; nil for the default.
    ///   - now: Returns nanoseconds since 1970.
    ///   - grace: The grace period of running steps when the process stops, and again after they were cancelled.
    ///   - prices: What calls of models cost.
    ///   - tracing: Where the spans of runs go.
    ///   - onUsage: Gets what each call of a model has used, as soon as the step records it. Also called for runs that
    ///     are not kept, and for attempts that fail.
    ///   - jitter: Between 0 and 1: how much of the upper half of a pause between attempts is kept.
    public init(
        registry: StepRegistry, environment: TemplateEnvironment, services: Services, project: ProjectDirectory,
        values: ProjectValues, redactor: Redactor, seal: SecretSeal? = nil, logger: Logger,
        clock: any Clock<Duration> = ContinuousClock(), executor: (any TaskExecutor)? = nil,
        now: @escaping @Sendable () -> Int64,
        grace: Duration = .seconds(10), prices: PriceTable = PriceTable(), tracing: RunTracing = .off,
        onUsage: @escaping @Sendable (UsageRecord) -> Void = { _ in },
        jitter: @escaping @Sendable () -> Double = { .random(in: 0...1) }
    ) {
        self.registry = registry
        trustedTriggers = Set(registry.triggerNames.filter { registry.trigger(named: $0)?.bringsOutsideData == false })
            .union(["manual"])
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
        self.prices = prices
        self.tracing = tracing
        self.onUsage = onUsage
        self.jitter = jitter
    }

    /// Runs the pipeline to its end without a journal. Errors are in the result; cancelling the task cancels the run.
    ///
    /// - Parameter events: Called for each event; the run waits for it (backpressure).
    public func run(
        _ pipeline: Pipeline, _ request: RunRequest, events: @escaping @Sendable (RunEvent) async -> Void
    ) async -> RunResult {
        await driveOnce(pipeline, request, events) ?? RunResult(id: request.id, outcome: .cancelled, outputs: [:])
    }

    /// Runs the pipeline like ``run(_:_:events:)`` up to the first step that has a cost or a side effect.
    ///
    /// - Returns: nil if there was such a step, which ``RunEvent/Kind/stepHeld(_:with:input:)`` reports.
    public func dryRun(
        _ pipeline: Pipeline, _ request: RunRequest, events: @escaping @Sendable (RunEvent) async -> Void
    ) async -> RunResult? {
        await driveOnce(pipeline, request, isDryRun: true, events)
    }

    private func driveOnce(
        _ pipeline: Pipeline, _ request: RunRequest, isDryRun: Bool = false,
        _ events: @escaping @Sendable (RunEvent) async -> Void
    ) async -> RunResult? {
        let control = RunControl()
        // An unstructured task, awaited here, because `finally` must run after a cancellation.
        let work = Task(on: executor) { [self] in
            await RunDriver(
                runner: self, pipeline: ExecutablePipeline(pipeline, registry), request: request, startedAt: now(),
                storage: nil, control: control,
                trace: RunTrace(
                    isDryRun ? .off : tracing, pipeline, runID: request.id, trigger: request.trigger, now: now),
                isDryRun: isDryRun, events: events
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

    /// Works on a run of the journal until it has ended or the process stops.
    ///
    /// - Parameters:
    ///   - pipeline: The version with which the run was accepted.
    ///   - run: As it was claimed.
    ///   - cancellations: How often the run's cancellation was requested: 2 if that cancelled its `finally` as well.
    ///   - control: Ends the work from outside; cancelling the task does not.
    func drive(
        _ pipeline: ExecutablePipeline, _ run: ClaimedRun, cancellations: Int, in journal: any Journal,
        as lease: Lease, control: RunControl, events: @escaping @Sendable (RunEvent) async -> Void
    ) async -> DriveResult {
        let steps: [StepRecord]
        do throws(JournalError) {
            if let known = knownSteps(of: run) {
                steps = known
            } else {
                steps = try await journal.steps(of: run.id)
                try checkLosses(steps)
            }
        } catch {
            return .broken(error)
        }
        let earlier = tracing.tracer == nil ? nil : await earlierSpan(of: run, in: journal)
        let driver = makeDriver(
            pipeline, run, steps, earlier, cancellations: cancellations, in: journal, as: lease, control: control,
            events: events)
        // An unstructured task, awaited here: cancellation of the caller must not reach the steps without the run's
        // knowledge.
        return await Task(on: executor) { await driver.drive() }.value
    }

    // The next functions are not inlined, so that their variables do not stay in the async frame of a run.

    /// The step records of earlier claims; nil if only the journal knows them.
    @inline(never) private func knownSteps(of run: ClaimedRun) -> [StepRecord]? {
        if let known = run.steps { return known }
        // A new run without reused steps has no records.
        let record = run.record
        return record.interruptions == 0 && record.retryOf == nil && record.wakeAt == nil ? [] : nil
    }

    /// - Throws: The error of the first record that has lost a stored value.
    @inline(never) private func checkLosses(_ steps: [StepRecord]) throws(JournalError) {
        if let loss = steps.lazy.compactMap(\.lost).first { throw loss }
    }

    @inline(never) private func makeDriver(
        _ pipeline: ExecutablePipeline, _ run: ClaimedRun, _ steps: [StepRecord], _ earlier: TraceContext?,
        cancellations: Int, in journal: any Journal, as lease: Lease, control: RunControl,
        events: @escaping @Sendable (RunEvent) async -> Void
    ) -> sending RunDriver {
        let record = run.record
        let request =
            run.request
            ?? RunRequest(
                id: record.id, inputs: seal.unseal(.object(record.inputs)).asObject ?? [:],
                trigger: seal.unseal(record.trigger), input: seal.unseal(record.input), chain: record.chain)
        let storage = RunStorage(
            journal: journal, lease: lease, seal: seal, steps: steps.map { $0.opened(by: seal) }, worked: record.worked,
            isSuspect: record.deaths > 0, cancellations: cancellations)
        let trace = RunTrace(
            tracing, pipeline.declaration, runID: record.id, trigger: request.trigger,
            earlier: earlier, attributes: record.traceAttributes, now: now)
        return RunDriver(
            runner: self, pipeline: pipeline, request: request, startedAt: record.startedAt ?? now(),
            storage: storage, control: control, trace: trace, events: events)
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
    /// Starts a stopwatch.
    package func measureStart() -> Stopwatch {
        let start = now
        return Stopwatch { start.duration(to: now) }
    }
}

/// Measures the time since it was created.
package struct Stopwatch: Sendable {
    package let elapsed: @Sendable () -> Duration
}
