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
                    await converse(lines, context, process)
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
        _ lines: LineChannel, _ context: StepContext, _ process: PluginProcess
    ) async -> ExecConversation {
        var conversation = ExecConversation(plugin: program.name)
        do {
            while case let batch = try await lines.next(), !batch.isEmpty {
                for line in batch {
                    switch try conversation.receive(line) {
                    case .progress(let progress)?: await context.report(progress)
                    case .wrote(let path)?: context.writing(path) {}
                    case nil: break
                    }
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

    static let types = ["text", "note", "wrote", "result", "error"]

    /// The reason why a line is invalid, as a predicate.
    struct Unreadable: Error, Hashable {
        let message: String
        var hint: String?
    }

    init(line: [UInt8]) throws(Unreadable) {
        let (object, type) = try Self.object(line, example: #"write objects such as {"type":"result","output":1}"#)
        switch type {
        case "text": self = .text(try Self.text("text", of: object, type))
        case "note": self = .note(try Self.text("text", of: object, type))
        case "wrote": self = .wrote(try Self.text("path", of: object, type))
        case "result":
            if let key = object.keys.first(where: { $0 != "type" && $0 != "output" }) {
                throw Unreadable(
                    message: "is a message of type \"result\" with the unknown key \(Value.string(key).quoted())",
                    hint: "the output of the step stands under \"output\"")
            }
            self = .result(object["output"] ?? .null)
        case "error": self = .error(try ExecFailure(object))
        default: throw Self.unknown(type, among: Self.types)
        }
    }

    /// The JSON object of a line and its type.
    ///
    /// - Parameter example: The hint for an object that is no message.
    static func object(
        _ line: [UInt8], example: String
    ) throws(Unreadable) -> (object: ValueObject, type: String) {
        let value: Value
        do {
            value = try Value.json(line)
        } catch {
            throw Unreadable(
                message: "is not JSON: \(PluginLog.quoted(line)) (column \(error.column): \(error.message))",
                hint: "write one JSON object per line to standard output, and everything else to standard error")
        }
        guard let object = value.asObject else {
            throw Unreadable(message: "is \(value.kindName), not an object: \(value.quoted())", hint: example)
        }
        guard let type = object["type"]?.asString else {
            throw Unreadable(message: "has no \"type\": \(value.quoted())", hint: example)
        }
        return (object, type)
    }

    static func unknown(_ type: String, among types: [String]) -> Unreadable {
        let quoted = types.map { "\"\($0)\"" }
        return Unreadable(
            message: "has the unknown type \(Value.string(type).quoted())",
            hint: Suggestion.closest(to: type, among: types).map { "did you mean \"\($0)\"?" }
                ?? "the types are \(quoted.dropLast().joined(separator: ", ")) and \(quoted.last ?? "")")
    }

    static func text(_ key: String, of object: ValueObject, _ type: String) throws(Unreadable) -> String {
        guard let text = object[key]?.asString else {
            let found = object[key].map { "found \($0.kindName)" } ?? "it is missing"
            throw Unreadable(message: "is a message of type \"\(type)\" whose \"\(key)\" should be a string: \(found)")
        }
        return text
    }

}

/// The error message of an `exec` plugin.
struct ExecFailure: Sendable, Hashable {
    let code: String
    let message: String
    let hint: String?
    let isTransient: Bool

    init(_ object: ValueObject) throws(ExecMessage.Unreadable) {
        message = try ExecMessage.text("message", of: object, "error")
        let code = object["code"]?.asString ?? ""
        self.code = PluginName.isWord(code) ? code : PluginErrorCode.pluginError.rawValue
        hint = object["hint"]?.asString
        isTransient = object["transient"]?.asBool ?? false
    }
}
