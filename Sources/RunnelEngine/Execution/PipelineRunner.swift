public import Logging
public import RunnelKit
public import Templates
import YAML

/// Runs pipelines: one step after another, each fed by the one before.
public struct PipelineRunner: Sendable {
    let registry: StepRegistry
    let environment: TemplateEnvironment
    let services: Services
    let project: ProjectDirectory
    let values: ProjectValues
    let redactor: Redactor
    let logger: Logger
    let clock: any Clock<Duration>
    let now: @Sendable () -> Int64

    /// - Parameters:
    ///   - clock: For waiting: time-outs and the pauses between attempts.
    ///   - now: Nanoseconds since 1970.
    public init(
        registry: StepRegistry, environment: TemplateEnvironment, services: Services, project: ProjectDirectory,
        values: ProjectValues, redactor: Redactor, logger: Logger,
        clock: any Clock<Duration> = ContinuousClock(), now: @escaping @Sendable () -> Int64
    ) {
        self.registry = registry
        self.environment = environment
        self.services = services
        self.project = project
        self.values = values
        self.redactor = redactor
        self.logger = logger
        self.clock = clock
        self.now = now
    }

    /// Runs the pipeline to its end. What goes wrong is in the result; cancelling the task cancels the run.
    ///
    /// - Parameter events: Gets everything as it happens and holds the run back while it is busy.
    public func run(
        _ pipeline: Pipeline, _ request: RunRequest, events: @escaping @Sendable (RunEvent) async -> Void
    ) async -> RunResult {
        let start = clock.measureStart()
        let emit: @Sendable (RunEvent.Kind) async -> Void = { [now] kind in
            await events(RunEvent(runID: request.id, time: now(), kind: kind))
        }
        await emit(.runStarted(pipeline: pipeline.name, steps: pipeline.steps.count))
        var scope = RunScope(request: request, pipeline: pipeline.name, values: values, now: now())
        var outcome = await runSteps(pipeline, scope: &scope, emit: emit)
        if case .failed(let error) = outcome {
            scope.error = error
            await runAfterwards(pipeline.onFailure, of: pipeline, scope: &scope, outcome: &outcome, emit: emit)
        }
        if case .cancelled = outcome {
        } else {
            await runAfterwards(pipeline.finally, of: pipeline, scope: &scope, outcome: &outcome, emit: emit)
        }
        await emit(.runFinished(outcome.redacted(by: redactor), took: start.elapsed()))
        return RunResult(id: request.id, outcome: outcome, outputs: scope.outputs)
    }

    private func runSteps(
        _ pipeline: Pipeline, scope: inout RunScope, emit: @escaping @Sendable (RunEvent.Kind) async -> Void
    ) async -> RunOutcome {
        let initial = scope
        do {
            let limit = StepError(
                "run-timeout",
                "the run took longer than its `timeout` of \(DurationText.format(pipeline.timeout ?? .zero))")
            let (finished, failure) = try await withDeadline(pipeline.timeout, clock: clock, onTimeout: limit) {
                var scope = initial
                let failure = await runInOrder(pipeline.steps, of: pipeline, scope: &scope, emit: emit)
                return (scope, failure)
            }
            scope = finished
            // The steps end as cancelled when the time is up; only the caller's cancelling makes the run cancelled.
            if case .cancelled? = failure, !Task.isCancelled { throw limit }
            if let failure { return failure }
            return .succeeded(output: try renderOutput(pipeline, scope))
        } catch let error as StepError {
            return .failed(RunError(error.code, error.message, hint: error.hint))
        } catch let error as RunError {
            return .failed(error)
        } catch {
            return .cancelled
        }
    }

    /// - Returns: How the run ended, when it did not get through all the steps.
    private func runInOrder(
        _ steps: [PipelineStep], of pipeline: Pipeline, scope: inout RunScope,
        emit: @escaping @Sendable (RunEvent.Kind) async -> Void
    ) async -> RunOutcome? {
        for step in steps {
            if Task.isCancelled { return .cancelled }
            let runner = StepRunner(runner: self, pipeline: pipeline, step: step, emit: emit)
            switch await runner.run(scope: scope) {
            case .succeeded(let output): scope.record(output, of: step.id)
            case .skipped: scope.recordSkip(of: step.id)
            case .cancelled: return .cancelled
            case .failed(let error):
                guard step.onError == .continue else { return .failed(error) }
                scope.recordSkip(of: step.id)
            }
        }
        return nil
    }

    /// Runs `on_failure` or `finally`. A failure there becomes the run's, unless it had one already.
    private func runAfterwards(
        _ steps: [PipelineStep], of pipeline: Pipeline, scope: inout RunScope, outcome: inout RunOutcome,
        emit: @escaping @Sendable (RunEvent.Kind) async -> Void
    ) async {
        guard let failure = await runInOrder(steps, of: pipeline, scope: &scope, emit: emit) else { return }
        if case .succeeded = outcome { outcome = failure }
    }

    private func renderOutput(_ pipeline: Pipeline, _ scope: RunScope) throws(RunError) -> Value {
        guard let output = pipeline.output else { return scope.input }
        do {
            return try output.render(scope)
        } catch {
            var failure = RunError(error.failure.code, error.failure.message, hint: error.failure.hint)
            failure.file = pipeline.source.name
            failure.range = pipeline.source.range(ofUTF8Range: error.failure.utf8Range, in: error.node)
            throw failure.redacted(by: redactor)
        }
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
