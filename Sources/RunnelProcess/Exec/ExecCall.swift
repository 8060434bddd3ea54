internal import RunnelKit
internal import RunnelSupport

/// A call of an `exec` plugin, which runs one process.
struct ExecCall: Sendable {
    let program: PluginProgram
    /// The second part of the step's name.
    let step: String

    func run(_ with: ValueObject, _ context: StepContext) async throws -> Value {
        let supervisor = try await context.services.get(ProcessSupervisorKey.self)
        return try await supervisor.gate(program.manifest).withPermit {
            try await call(with, context, supervisor)
        }
    }

    private func call(
        _ with: ValueObject, _ context: StepContext, _ supervisor: ProcessSupervisor
    ) async throws -> Value {
        try Task.checkCancellation()
        try context.checkOwnership()
        let manifest = program.manifest
        let log = PluginLog(plugin: program.name, logger: context.logger, redactor: context.redactor, isShared: false)
        let lines = LineChannel(lineLimit: manifest.maxLine.bytes, outputLimit: manifest.maxOutput.bytes)
        let sinks = PluginProcess.Sinks(
            output: { lines.append($0) }, error: { log.append($0) },
            end: { _ in
                log.finish()
                lines.finish()
            })
        let process = try await program.start(sinks: sinks, environment: context.trace.context?.environment ?? [:])
        lines.onResume { process.resumeOutput() }
        process.write(request(with, context).jsonBytes() + [0x0A])
        process.closeInput()

        let conversation = try await supervisor.withChild(process) {
            let (outcome, isLate) = await withDeadline(manifest.timeout, clock: context.clock) {
                await withTaskCancellationHandler {
                    await converse(lines, context, process, log)
                } onCancel: {
                    process.stop(.prompt)
                }
            }
            let conversation = try outcome.get()
            if Task.isCancelled {
                throw conversation.partialOutput.map(StepError.cancelled(partialOutput:)) ?? CancellationError()
            }
            if isLate { throw timeOut(conversation, log) }
            return conversation
        }
        return try conversation.finish(await process.waitForExit(), lastLines: log.lastLines)
    }

    private func converse(
        _ lines: LineChannel, _ context: StepContext, _ process: PluginProcess, _ log: PluginLog
    ) async -> ExecConversation {
        var conversation = ExecConversation(plugin: program.name, redactor: context.redactor)
        do {
            while case let batch = try await lines.next(), !batch.isEmpty {
                for line in batch {
                    for effect in try conversation.receive(line) {
                        switch effect {
                        case .progress(let progress): await context.report(progress)
                        case .wrote(let path): note(written: path, context, log)
                        case .warning(let text): log.note(text)
                        }
                    }
                }
            }
        } catch {
            if let failure = error as? LineChannel.Failure { _ = conversation.reject(failure) }
            process.stop(.immediate)
        }
        return conversation
    }

    private func note(written path: String, _ context: StepContext, _ log: PluginLog) {
        do throws(StepError) {
            context.writing(try context.project.confinedFile(path).text) {}
        } catch {
            log.note("\"wrote\" of the plugin \"\(program.name)\" has no effect: \(error.message)")
        }
    }

    private func timeOut(_ conversation: ExecConversation, _ log: PluginLog) -> StepError {
        StepError(
            PluginErrorCode.pluginTimeout,
            "the plugin \"\(program.name)\" did not end within \(DurationText.format(program.manifest.timeout)) (timeout)"
                + PluginLog.errorText(log.lastLines),
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

/// A message (one line) of an `exec` plugin.
enum ExecMessage: Sendable, Hashable {
    case text(String)
    case note(String)
    /// A file of the project that the program has written.
    case wrote(String)
    case result(Value)
    case error(ExecFailure)

    /// The types with their keys.
    static let keys: MessageLine.Keys = [
        "text": ["text"], "note": ["text"], "wrote": ["path"], "result": ["output"], "error": ExecFailure.keys,
    ]
    static let example = #"write objects such as {"type":"result","output":1}"#

    init(_ line: MessageLine) throws(MessageLine.Problem) {
        switch line.type {
        case "text": self = .text(try line.text("text"))
        case "note": self = .note(try line.text("text"))
        case "wrote": self = .wrote(try line.text("path"))
        case "result":
            // An error, because the output of a misspelled key would be null.
            if var problem = line.unknownKeys(among: Self.keys).first {
                problem.hint = "the output of the step stands under \"output\""
                throw problem
            }
            self = .result(line.object["output"] ?? .null)
        case "error": self = .error(try ExecFailure(line))
        default: throw line.unknownType(among: Self.keys)
        }
    }
}

/// The error message of an `exec` plugin.
struct ExecFailure: Sendable, Hashable {
    static let keys = ["code", "message", "hint", "transient"]

    let code: String
    let message: String
    let hint: String?
    let isTransient: Bool

    init(_ line: MessageLine) throws(MessageLine.Problem) {
        let message = try line.text("message")
        self.message =
            message.contains { !$0.isWhitespace } ? message : "the plugin reported an error without a message"
        let code = line.object["code"]?.asString ?? ""
        self.code = PluginName.isWord(code) ? code : PluginErrorCode.pluginError.rawValue
        hint = line.object["hint"]?.asString
        isTransient = line.object["transient"]?.asBool ?? false
    }

    /// A problem for each value that is not what its key expects.
    static func ignoredValues(in line: MessageLine) -> [MessageLine.Problem] {
        func problem(_ key: String, _ expected: String, _ hint: String?, _ found: String) -> MessageLine.Problem {
            MessageLine.Problem(
                message: "is a message of type \"\(line.type)\" whose \"\(key)\" should be \(expected): found \(found)",
                hint: hint)
        }
        let given = line.object.filter { !$0.value.isNull }
        return given.compactMap { key, value in
            switch (key, value) {
            case ("code", .string(let code)):
                PluginName.isWord(code) ? nil : problem(key, "a word", PluginName.rule, value.quoted())
            case ("code", _), ("hint", _):
                value.asString == nil ? problem(key, "a string", nil, value.kindName) : nil
            case ("transient", _):
                value.asBool == nil ? problem(key, "true or false", nil, value.quoted()) : nil
            default: nil
            }
        }
    }
}
