import Logging
import RunnelKit
import RunnelSupport
import Templates

/// One attempt of an execution of a step: renders `with:`, applies the timeout, and runs the step.
struct StepAttempt: Sendable {
    let runner: PipelineRunner
    /// The name of the pipeline.
    let pipeline: String
    let step: ExecutablePipeline.Step
    let key: ExecutionKey
    let number: Int
    let scope: RunScope
    /// The epoch of the claim; nil for a run without a journal.
    let epoch: Int64?
    /// See ``RunDriver/isDryRun``.
    let isDryRun: Bool
    let journal: AttemptJournal
    let trace: StepTrace
    let control: RunControl
    let progress: @Sendable (StepProgress) async -> Void

    /// - Throws: The error of the step; a ``LocatedTemplateError`` if `with:` cannot be rendered.
    func run() async throws -> Value {
        let run = try prepared()
        guard let timeout = step.declaration.timeout else { return try await run() }
        let (result, isLate) = await withDeadline(timeout, clock: runner.clock, run)
        // The step may have finished in the very moment it was cancelled; what it did then counts.
        if isLate, case .failure = result {
            throw StepError(
                RunErrorCode.stepTimeout, "the step took longer than its `timeout` of \(DurationText.format(timeout))",
                isTransient: true, partialOutput: journal.partialOutput)
        }
        return try result.get()
    }

    /// The closure that runs the step. A function of its own, so that its variables do not stay in the async frame of a
    /// running step.
    @inline(never) private func prepared() throws -> @Sendable () async throws -> Value {
        let declaration = step.declaration
        guard let definition = step.definition else {
            throw StepError(
                RunErrorCode.unknownStep, "unknown step \"\(declaration.uses)\"",
                hint: "its plugin may have been removed; `runnel steps` lists all steps")
        }
        try checkSecrets()
        let needsSecret = isDryRun && usesUnfetchedSecret
        // What is shown of a held step has the stand-ins.
        let scope = needsSecret ? scope.with(runner.values) : scope
        guard case .object(let rendered) = try declaration.with.render(scope) else {
            throw StepError(StepErrorCode.badWith, "`with` must be a mapping")
        }
        if let places = definition.paths {
            try PathChecker(project: runner.project).check(places, declaration.with, rendered: rendered)
        }
        journal.rendered(rendered)
        if needsSecret || isDryRun && !definition.isReadOnly(rendered) {
            throw HeldStep(with: rendered, input: scope.visible.input)
        }
        return { [context, with = declaration.with, journal] in
            do {
                return try await definition.run(rendered, context)
            } catch let error as StepError {
                journal.partialOutput = error.partialOutput
                throw with.attributing(error)
            }
        }
    }

    private var usesUnfetchedSecret: Bool {
        let unfetched = runner.values.unfetchedSecrets
        return !unfetched.isEmpty && usedSecrets.contains { $0.map(unfetched.contains) ?? true }
    }

    /// A run that was accepted while a secret had a value fails at the step that needs it.
    private func checkSecrets() throws {
        let unavailable = runner.values.unavailableSecrets
        guard !unavailable.isEmpty else { return }
        for case let name? in usedSecrets {
            guard let reason = unavailable[name] else { continue }
            throw StepError(
                PipelineErrorCode.secretUnavailable,
                "the secret \"\(name)\" \(UnavailableSecret(reason: reason).predicate)",
                hint: "see `secrets:` in runnel.yaml")
        }
    }

    /// The names of the secrets that `with:` uses; nil for one that is chosen when it is rendered.
    private var usedSecrets: [String?] {
        step.declaration.with.templates.flatMap { template, _ in
            template.references.filter { $0.root == "secrets" }.map { reference in
                if case .key(let name)? = reference.path.first { name } else { nil }
            }
        }
    }

    private var context: StepContext {
        var context = trustedContext
        context.trace = trace
        context.settings = step.declaration.with.partialSettings
        // What a trigger event brought may stand in any value of the run; configuration is the author's.
        let type = scope.request.trigger["type"]?.asString ?? ""
        context.isFromOutside = !runner.trustedTriggers.contains(type)
        context.dataKeys = step.dataKeys
        return context
    }

    private var trustedContext: StepContext {
        var logger = runner.logger
        logger[metadataKey: "run"] = .string(scope.request.id)
        logger[metadataKey: "step"] = .string(key.description)
        let traceID =
            trace.isRecording
            ? trace.context?.traceID : runner.tracing.traceID(of: scope.request.id, trigger: scope.request.trigger)
        if let traceID { logger[metadataKey: "trace"] = .string(traceID) }
        return StepContext(
            identity: StepIdentity(
                pipeline: pipeline, runID: scope.request.id, stepID: step.declaration.id, items: key.items,
                attempt: number, epoch: epoch),
            input: scope.visible.input, logger: logger, clock: runner.clock, now: runner.now,
            redactor: runner.redactor, services: runner.services, project: runner.project,
            chain: scope.request.chain, origins: runner.origins,
            render: { [environment = runner.environment, scope] text, name in
                try environment.render(text, name: name, scope: scope)
            },
            journal: journal, prices: runner.prices, isInterrupted: { [journal] in journal.isInterrupted },
            checkOwnership: control.checkOwnership,
            progress: progress)
    }
}

/// Ends a dry run at a step that has a cost or a side effect, or needs a secret that a dry run does not fetch.
struct HeldStep: Error {
    let with: ValueObject
    let input: Value
}

extension TemplateEnvironment {
    /// Renders a text outside of the pipeline file, such as a template file.
    func render(_ text: String, name: String, scope: any TemplateScope) throws -> Value {
        let (template, issues) = Template.parse(text, environment: self)
        if let issue = issues.first {
            throw StepError(
                reported: issue.code, "\(name):\(Self.place(issue.utf8Range.lowerBound, in: text)): \(issue.message)",
                hint: issue.hint)
        }
        do {
            return try template.render(scope)
        } catch {
            throw StepError(
                reported: error.code, "\(name):\(Self.place(error.utf8Range.lowerBound, in: text)): \(error.message)",
                hint: error.hint)
        }
    }

    /// Line and column, both from 1.
    static func place(_ utf8Offset: Int, in text: String) -> String {
        let before = String(decoding: text.utf8.prefix(utf8Offset), as: UTF8.self)
        let lines = before.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
        return "\(lines.count):\((lines.last?.count ?? 0) + 1)"
    }
}
