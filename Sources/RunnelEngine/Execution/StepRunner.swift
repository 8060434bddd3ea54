import Logging
import RunnelKit
import Templates

/// Runs one step of one run: its condition, its rendered `with:`, its attempts.
struct StepRunner {
    let runner: PipelineRunner
    let pipeline: Pipeline
    let step: PipelineStep
    let emit: @Sendable (RunEvent.Kind) async -> Void

    enum Outcome {
        case succeeded(Value)
        case skipped
        case failed(RunError)
        case cancelled
    }

    private var place: RunEvent.StepPlace { RunEvent.StepPlace(id: step.id, uses: step.uses) }

    func run(scope: RunScope) async -> Outcome {
        do {
            if let condition = step.condition, try !evaluate(condition, scope).isTruthy {
                await emit(.stepSkipped(place))
                return .skipped
            }
        } catch {
            await emit(.stepStarted(place, attempt: 1))
            let failure = failure(error)
            await emit(.stepFailed(place, failure, took: .zero, retryIn: nil))
            return .failed(failure)
        }
        let plan = RetryPlan(declaration: step.retry)
        var attempt = 1
        while true {
            let start = runner.clock.measureStart()
            await emit(.stepStarted(place, attempt: attempt))
            do {
                let output = try await attemptOnce(scope: scope, attempt: attempt)
                await emit(.stepSucceeded(place, output: runner.redactor.redact(output), took: start.elapsed()))
                return .succeeded(output)
            } catch {
                if Task.isCancelled { return .cancelled }
                let failure = failure(error)
                let delay = plan.delay(after: failure, attempt: attempt, jitter: .random(in: 0...1))
                await emit(.stepFailed(place, failure, took: start.elapsed(), retryIn: delay))
                guard let delay else { return .failed(failure) }
                do {
                    try await runner.clock.sleep(for: delay)
                } catch {
                    return .cancelled
                }
                attempt += 1
            }
        }
    }

    private func evaluate(_ condition: PipelineStep.Condition, _ scope: RunScope) throws -> Value {
        do {
            return try condition.expression.evaluate(scope)
        } catch {
            throw PlacedTemplateFailure(failure: error, node: condition.node)
        }
    }

    private func attemptOnce(scope: RunScope, attempt: Int) async throws -> Value {
        guard let definition = runner.registry[step.uses] else {
            throw StepError("unknown-step", "there is no step \"\(step.uses)\"")
        }
        guard case .object(let with) = try step.with.render(scope) else {
            throw StepError("bad-with", "`with` has to hold keys and values")
        }
        let reporter = StepReporter(place: place, redactor: runner.redactor, emit: emit)
        let context = context(scope: scope, attempt: attempt, reporter: reporter)
        let limit = StepError(
            "step-timeout", "the step took longer than its `timeout` of \(DurationText.format(step.timeout ?? .zero))",
            isTransient: true)
        do {
            let output = try await withDeadline(step.timeout, clock: runner.clock, onTimeout: limit) {
                try await definition.run(with, context)
            }
            await reporter.finish()
            return output
        } catch {
            await reporter.finish()
            throw error
        }
    }

    private func context(scope: RunScope, attempt: Int, reporter: StepReporter) -> StepContext {
        var logger = runner.logger
        logger[metadataKey: "run"] = .string(scope.request.id)
        logger[metadataKey: "step"] = .string(step.id)
        return StepContext(
            identity: StepIdentity(
                pipeline: pipeline.name, runID: scope.request.id, stepID: step.id, attempt: attempt),
            input: scope.input, logger: logger, clock: runner.clock, now: runner.now, redactor: runner.redactor,
            services: runner.services, project: runner.project,
            render: { [environment = runner.environment] text, name in
                try environment.render(text, name: name, scope: scope)
            },
            progress: { await reporter.report($0) })
    }

    private func failure(_ error: any Error) -> RunError {
        RunError(error, step: step, in: pipeline.source).redacted(by: runner.redactor)
    }
}

extension TemplateEnvironment {
    /// Renders a text that is not part of the pipeline file, such as a template in a file of its own.
    func render(_ text: String, name: String, scope: any TemplateScope) throws -> Value {
        let (template, issues) = Template.parse(text, environment: self)
        if let issue = issues.first {
            throw StepError(
                issue.code, "\(name):\(Self.place(issue.utf8Range.lowerBound, in: text)): \(issue.message)",
                hint: issue.hint)
        }
        do {
            return try template.render(scope)
        } catch {
            throw StepError(
                error.code, "\(name):\(Self.place(error.utf8Range.lowerBound, in: text)): \(error.message)",
                hint: error.hint)
        }
    }

    /// Line and column, both from 1.
    private static func place(_ utf8Offset: Int, in text: String) -> String {
        let before = String(decoding: text.utf8.prefix(utf8Offset), as: UTF8.self)
        let lines = before.split(separator: "\n", omittingEmptySubsequences: false)
        return "\(lines.count):\((lines.last?.unicodeScalars.count ?? 0) + 1)"
    }
}
