internal import RunnelKit

/// What an `exec` plugin said in one call, and what follows from it. Pure: lines and the end go in, the step's output
/// or its error comes out.
struct ExecConversation: Sendable {
    /// More text than this is not kept for the sake of an error, in bytes.
    private static let partialLimit = 1 << 20

    let plugin: String
    private var result: Value?
    private var failure: ExecFailure?
    private var broken: StepError?
    /// A last line that cannot be read; why the program ended there says more, where that is known.
    private var brokenOff: LineChannel.Line?
    private var text = ""

    init(plugin: String) {
        self.plugin = plugin
    }

    /// Takes a line; gives what is to be reported.
    /// - Throws: Where the plugin does not keep to the protocol, so that there is no use in reading on.
    mutating func receive(_ line: LineChannel.Line) throws(StepError) -> StepProgress? {
        guard line.bytes.contains(where: { $0 > 0x20 }) else { return nil }
        let message: ExecMessage
        do {
            message = try ExecMessage(line: line.bytes)
        } catch {
            guard line.isWhole else {
                brokenOff = line
                return nil
            }
            throw reject(
                StepError(
                    "plugin-bad-output", "line \(line.number) of what \(who) wrote \(error.message)", hint: error.hint))
        }
        switch message {
        case .text(let piece):
            if text.utf8.count < Self.partialLimit { text += piece }
            return .text(piece)
        case .note(let note): return .note(note)
        case .result(let output):
            guard result == nil else {
                throw reject(
                    StepError(
                        "plugin-two-results", "\(who) gave a second result in line \(line.number) of its output",
                        hint: "write one line of type \"result\" a call"))
            }
            result = output
        case .error(let error): failure = failure ?? error
        }
        return nil
    }

    /// The output was more than is accepted.
    mutating func reject(_ failure: LineChannel.Failure) -> StepError {
        switch failure {
        case .lineTooLong(let number, let limit):
            reject(
                StepError(
                    "plugin-output-too-long",
                    "line \(number) of what \(who) wrote is longer than \(ByteCount(limit)) (max_line)",
                    hint: "write less, or raise max_line in plugin.yaml"))
        case .tooMuch(let limit):
            reject(
                StepError(
                    "plugin-output-too-long", "\(who) wrote more than \(ByteCount(limit)) in one call (max_output)",
                    hint: "write less, or raise max_output in plugin.yaml"))
        }
    }

    private mutating func reject(_ error: StepError) -> StepError {
        var error = error
        error.partialOutput = partialOutput
        broken = error
        return error
    }

    /// The verdict once the program has ended.
    /// - Parameter lastLines: Of standard error.
    func finish(_ exit: ChildExit, lastLines: [String]) throws(StepError) -> Value {
        if let broken { throw broken }
        if let failure {
            throw StepError(
                failure.code, failure.message, hint: failure.hint, isTransient: failure.isTransient,
                partialOutput: partialOutput)
        }
        guard exit.isSuccess else {
            let code = if case .status = exit { "plugin-exit-status" } else { "plugin-crashed" }
            let after = result == nil ? "" : " after it had given its result"
            throw StepError(
                code, "\(who) \(exit.words)\(after)\(Self.errorText(lastLines))", isTransient: exit.isTransient,
                partialOutput: partialOutput)
        }
        if let line = brokenOff {
            throw StepError(
                "plugin-bad-output",
                "\(who) ended in the middle of line \(line.number) of its output: \(ExecMessage.quoted(line.bytes))",
                hint: "write whole lines, and flush standard output before the program ends",
                partialOutput: partialOutput)
        }
        guard let result else {
            throw StepError(
                "plugin-no-result", "\(who) ended without a result\(Self.errorText(lastLines))",
                hint: #"write a line such as {"type":"result","output":null} before the program ends"#,
                partialOutput: partialOutput)
        }
        return result
    }

    private var who: String { "the plugin \"\(plugin)\"" }

    var partialOutput: Value? { text.isEmpty ? nil : .string(text) }

    /// The last lines of standard error behind a sentence.
    static func errorText(_ lines: [String]) -> String {
        lines.isEmpty ? "" : "; the end of its standard error: " + lines.joined(separator: " ⏎ ")
    }
}
