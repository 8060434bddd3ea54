internal import RunnelKit

/// One call of an `exec` plugin: one process.
struct ExecCall: Sendable {
    let program: PluginProgram
    /// The second half of the step's name.
    let step: String

    func run(_ with: ValueObject, _ context: StepContext) async throws -> Value {
        let supervisor = try await context.services.get(ProcessSupervisorKey.self)
        return try await supervisor.gate(program.manifest).pass {
            try await call(with, context, supervisor)
        }
    }

    private func call(
        _ with: ValueObject, _ context: StepContext, _ supervisor: ProcessSupervisor
    ) async throws -> Value {
        try Task.checkCancellation()
        let manifest = program.manifest
        let log = PluginLog(plugin: program.name, logger: context.logger, redactor: context.redactor, isShared: false)
        let lines = LineChannel(lineLimit: manifest.maxLine.bytes, outputLimit: manifest.maxOutput.bytes)
        let sinks = PluginProcess.Sinks(
            output: { lines.append($0) }, error: { log.append($0) },
            end: { _ in
                log.finish()
                lines.finish()
            })
        let process = try await program.start(sinks: sinks)
        lines.onResume { process.resumeOutput() }
        process.write(request(with, context).jsonBytes() + [0x0A])
        process.closeInput()

        let conversation = try await supervisor.withChild(process) {
            let (outcome, isLate) = try await withTimeLimit(manifest.timeout, clock: context.clock) {
                await withTaskCancellationHandler {
                    await converse(lines, context, process)
                } onCancel: {
                    process.stop(.prompt)
                }
            }
            let conversation = try outcome.get()
            if isLate { throw timeOut(conversation, log) }
            return conversation
        }
        return try conversation.finish(await process.waitForExit(), lastLines: log.lastLines)
    }

    private func converse(
        _ lines: LineChannel, _ context: StepContext, _ process: PluginProcess
    ) async -> ExecConversation {
        var conversation = ExecConversation(plugin: program.name)
        do {
            while case let batch = try await lines.next(), !batch.isEmpty {
                for line in batch {
                    if let progress = try conversation.receive(line) { await context.report(progress) }
                }
            }
        } catch {
            if let failure = error as? LineChannel.Failure { _ = conversation.reject(failure) }
            process.stop(.immediate)
        }
        return conversation
    }

    private func timeOut(_ conversation: ExecConversation, _ log: PluginLog) -> StepError {
        StepError(
            "plugin-timeout",
            "the plugin \"\(program.name)\" did not end within \(DurationText.format(program.manifest.timeout)) (timeout)"
                + ExecConversation.errorText(log.lastLines),
            hint: "raise timeout in plugin.yaml if it needs longer", isTransient: true,
            partialOutput: conversation.partialOutput)
    }

    private func request(_ with: ValueObject, _ context: StepContext) -> Value {
        let identity = context.identity
        var run: ValueObject = [
            "id": .string(identity.runID),
            "pipeline": .string(identity.pipeline),
            "step": .string(identity.stepID),
            "attempt": .int(Int64(identity.attempt)),
            "idempotency_key": .string(identity.idempotencyKey),
        ]
        run["epoch"] = identity.epoch.map { .int($0) }
        return [
            "step": .string(step),
            "with": .object(with),
            "input": context.input,
            "run": .object(run),
        ]
    }
}
