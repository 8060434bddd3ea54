internal import RunnelKit

/// The protocol state of one call of an `exec` plugin. Pure: lines and the exit go in, the step's output or error comes
/// out.
struct ExecConversation: Sendable {
    /// The maximum partial text that is kept for an error, in bytes.
    private static let partialLimit = 1 << 20

    let plugin: String
    private let redactor: Redactor
    private var result: Value?
    private var failure: ExecFailure?
    private var broken: StepError?
    /// An invalid last line; if the exit explains it, that is reported instead.
    private var brokenOff: LineChannel.Line?
    private var text = ""
    private var ignoredKeys = IgnoredKeyWarnings()

    /// - Parameter redactor: Redacts secrets where an invalid line is quoted.
    init(plugin: String, redactor: Redactor) {
        self.plugin = plugin
        self.redactor = redactor
    }

    /// What a line asks for.
    enum Effect: Equatable {
        case progress(StepProgress)
        /// A file of the project was written.
        case wrote(String)
        /// A line for the log.
        case warning(String)
    }

    /// Processes a line; returns what is to be done.
    /// - Throws: If the plugin violates the protocol, so that reading on is useless.
    mutating func receive(_ line: LineChannel.Line) throws(StepError) -> [Effect] {
        let place = "line \(line.number) of what \(who) wrote"
        let message: ExecMessage
        var effects: [Effect]
        do {
            let read = try MessageLine(line.bytes, example: ExecMessage.example, redactor: redactor)
            message = try ExecMessage(read)
            effects = ignoredKeys.warnings(about: read, ExecMessage.keys, at: place).map { .warning($0) }
        } catch {
            guard line.isWhole else {
                brokenOff = line
                return []
            }
            throw reject(
                StepError(PluginErrorCode.pluginBadOutput, "\(place) \(error.message)", hint: error.hint))
        }
        switch message {
        case .text(let piece):
            if text.utf8.count < Self.partialLimit { text += piece }
            effects.append(.progress(.text(piece)))
        case .note(let note): effects.append(.progress(.note(note)))
        case .wrote(let path): effects.append(.wrote(path))
        case .result(let output):
            guard result == nil else {
                throw reject(
                    StepError(
                        PluginErrorCode.pluginTwoResults,
                        "\(who) wrote a second result in line \(line.number) of its output",
                        hint: "write one line of type \"result\" per call"))
            }
            result = output
        case .error(let error): failure = failure ?? error
        }
        return effects
    }

    /// The error for output that exceeds a limit.
    mutating func reject(_ failure: LineChannel.Failure) -> StepError {
        switch failure {
        case .lineTooLong(let number, let limit):
            reject(
                StepError(
                    PluginErrorCode.pluginOutputTooLong,
                    "line \(number) of what \(who) wrote is longer than \(ByteCount(limit)) (max_line)",
                    hint: "write less, or raise max_line in plugin.yaml"))
        case .tooMuch(let limit):
            reject(
                StepError(
                    PluginErrorCode.pluginOutputTooLong,
                    "\(who) wrote more than \(ByteCount(limit)) in one call (max_output)",
                    hint: "write less, or raise max_output in plugin.yaml"))
        }
    }

    private mutating func reject(_ error: StepError) -> StepError {
        var error = error
        error.partialOutput = partialOutput
        broken = error
        return error
    }

    /// The result after the program has ended.
    /// - Parameter lastLines: Of standard error.
    func finish(_ exit: ChildExit, lastLines: [String]) throws(StepError) -> Value {
        if let broken { throw broken }
        if let failure {
            throw StepError(
                reported: failure.code, failure.message, hint: failure.hint, isTransient: failure.isTransient,
                partialOutput: partialOutput)
        }
        guard exit.isSuccess else {
            let code =
                if case .status = exit { PluginErrorCode.pluginExitStatus } else { PluginErrorCode.pluginCrashed }
            let after = result == nil ? "" : " after it had written its result"
            throw StepError(
                code, "\(who) \(exit.words)\(after)\(PluginLog.errorText(lastLines))", isTransient: exit.isTransient,
                partialOutput: partialOutput)
        }
        if let line = brokenOff {
            throw StepError(
                PluginErrorCode.pluginBadOutput,
                "\(who) ended in the middle of line \(line.number) of its output: \(redactor.quoted(line.bytes))",
                hint: "write complete lines, and flush standard output before the program ends",
                partialOutput: partialOutput)
        }
        guard let result else {
            throw StepError(
                PluginErrorCode.pluginNoResult, "\(who) ended without a result\(PluginLog.errorText(lastLines))",
                hint: #"write a line such as {"type":"result","output":null} before the program ends"#,
                partialOutput: partialOutput)
        }
        return result
    }

    private var who: String { "the plugin \"\(plugin)\"" }

    var partialOutput: Value? { text.isEmpty ? nil : .string(text) }

}
