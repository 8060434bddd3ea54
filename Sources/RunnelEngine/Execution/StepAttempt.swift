import Logging
import RunnelKit
import Templates

/// One attempt of one execution of a step: its rendered `with:`, its time-out, its work.
struct StepAttempt: Sendable {
    let runner: PipelineRunner
    let pipeline: Pipeline
    let step: PipelineStep
    let key: ExecutionKey
    let number: Int
    let scope: RunScope
    /// Of the claim by which the run is worked on; nil for a run without a journal.
    let epoch: Int64?
    let progress: @Sendable (StepProgress) async -> Void

    /// - Throws: What the step threw; a ``PlacedTemplateFailure`` when `with:` cannot be rendered.
    func run() async throws -> Value {
        guard let definition = runner.registry[step.uses] else {
            throw StepError(
                "unknown-step", "there is no step \"\(step.uses)\"",
                hint: "the plugin that brought it may have been removed; `runnel steps` lists what there is")
        }
        guard case .object(let with) = try step.with.render(scope) else {
            throw StepError("bad-with", "`with` has to hold keys and values")
        }
        if let places = definition.paths {
            try PathChecker(project: runner.project).check(places, step.with, rendered: with)
        }
        if runner.isDryRun, !definition.isReadOnly(with) { throw HeldStep(with: with, input: scope.visible.input) }
        let limit = StepError(
            "step-timeout", "the step took longer than its `timeout` of \(DurationText.format(step.timeout ?? .zero))",
            isTransient: true)
        return try await withDeadline(step.timeout, clock: runner.clock, onTimeout: limit) { [context, step] in
            do {
                return try await definition.run(with, context)
            } catch let error as StepError {
                throw step.with.attributing(error)
            }
        }
    }

    private var context: StepContext {
        var logger = runner.logger
        logger[metadataKey: "run"] = .string(scope.request.id)
        logger[metadataKey: "step"] = .string(key.description)
        return StepContext(
            identity: StepIdentity(
                pipeline: pipeline.name, runID: scope.request.id, stepID: step.id, items: key.items, attempt: number,
                epoch: epoch),
            input: scope.visible.input, logger: logger, clock: runner.clock, now: runner.now,
            redactor: runner.redactor, services: runner.services, project: runner.project,
            render: { [environment = runner.environment, scope] text, name in
                try environment.render(text, name: name, scope: scope)
            },
            progress: progress)
    }
}

/// Ends a dry run at the step that would have cost or changed something.
struct HeldStep: Error {
    let with: ValueObject
    let input: Value
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
