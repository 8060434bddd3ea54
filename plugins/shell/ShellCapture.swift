import RunnelKit

/// Collects what a script writes, within limits, and shows it as it comes.
actor ShellCapture {
    private let limit: ByteCount
    private let context: StepContext
    private var output: [UInt8] = []
    /// The number of bytes of ``output`` that were shown.
    private var shown = 0
    private var error: [UInt8] = []
    /// The beginning of a line of standard error.
    private var line: [UInt8] = []
    private var notes = 0

    /// How much of standard error is kept, in bytes.
    private static let errorLimit = 64 << 10
    /// The maximum buffered part of a line, in bytes.
    private static let lineLimit = 16 << 10
    /// The maximum length of a line that is shown, in characters.
    private static let noteLength = 2000
    /// How many lines of standard error are shown.
    private static let noteLimit = 1000

    init(limit: ByteCount, context: StepContext) {
        (self.limit, self.context) = (limit, context)
    }

    func take(_ piece: Subprocess.Output) async throws {
        switch piece {
        case .standardOutput(let bytes):
            output += bytes
            guard output.count <= limit.bytes else {
                throw StepError(
                    ShellErrorCode.outputTooLarge, "the script wrote more than \(limit) to standard output",
                    hint: "raise `max_output`, or write to a file of the project")
            }
            await show(isLast: false)
        case .standardError(let bytes):
            error += bytes
            if error.count > 2 * Self.errorLimit { cutError() }
            await note(bytes)
        @unknown default: break
        }
    }

    /// Whether standard output is valid UTF-8 so far.
    var isText: Bool { String(validating: output, as: UTF8.self) != nil }

    /// What was written, as text: invalid UTF-8 is replaced.
    func finish() async -> (output: String, error: String) {
        await show(isLast: true)
        if !line.isEmpty { await note([0x0A]) }
        cutError()
        return (Self.text(output), Self.text(error))
    }

    /// The text without line ends at its end, as `$(…)` gives it.
    private static func text(_ bytes: [UInt8]) -> String {
        let end = bytes.lastIndex { $0 != 0x0A && $0 != 0x0D }.map { $0 + 1 } ?? 0
        return String(decoding: bytes[..<end], as: UTF8.self)
    }

    /// Keeps the end of standard error, which begins with a line if one begins in its first half: the end of a secret
    /// would not be recognised. Otherwise secrets are masked before the text is cut.
    private func cutError() {
        guard error.count > Self.errorLimit else { return }
        let window = error[(error.count - Self.errorLimit - 1)..<(error.count - 1)]
        let beginning = window.prefix(Self.errorLimit / 2)
        if let lineEnd = beginning.firstIndex(of: 0x0A) ?? beginning.firstIndex(of: 0x0D) {
            error.removeFirst(lineEnd + 1)
        } else if case .bytes(let bytes) = context.redactor.redact(.bytes(error)) {
            error = Array(bytes.suffix(Self.errorLimit))
        }
    }

    /// Shows whole characters: one may be split between two pieces.
    private func show(isLast: Bool) async {
        var end = output.count
        if !isLast {
            var start = end
            while start > shown, end - start < 4, output[start - 1] & 0xC0 == 0x80 { start -= 1 }
            if start > shown, output[start - 1] >= 0xC0 {
                let length = output[start - 1] >= 0xF0 ? 4 : output[start - 1] >= 0xE0 ? 3 : 2
                if end - start + 1 < length { end = start - 1 }
            }
        }
        guard end > shown else { return }
        let text = String(decoding: output[shown..<end], as: UTF8.self)
        shown = end
        await context.report(.text(text))
    }

    private func note(_ bytes: [UInt8]) async {
        for byte in bytes {
            guard byte == 0x0A else {
                if line.count < Self.lineLimit { line.append(byte) }
                continue
            }
            let whole = line
            line = []
            guard !whole.isEmpty, notes <= Self.noteLimit else { continue }
            notes += 1
            guard notes <= Self.noteLimit else {
                await context.report(.note("more lines of standard error are not shown"))
                continue
            }
            let isCut = whole.count == Self.lineLimit
            await context.report(.note(context.redactor.redact(whole, isCut: isCut, limit: Self.noteLength)))
        }
    }
}

/// The codes of errors of `shell`.
enum ShellErrorCode: String, ErrorCode {
    case exit = "shell-exit"
    case killed = "shell-killed"
    case output = "shell-output"
    case outputTooLarge = "shell-output-too-large"
    case timeout = "shell-timeout"

    static let part = "shell"

    /// What it means, and what to do.
    var explanation: ErrorExplanation {
        switch self {
        case .exit:
            ErrorExplanation(
                "the script ended with the exit code …; last lines of standard error: …",
                hints: "`allow_exit` lists the exit codes that are a success")
        case .killed: ErrorExplanation("the script was killed by signal …", "the script ended in an unknown way")
        case .output:
            ErrorExplanation(
                "standard output is not JSON: …", "standard output is not UTF-8 text",
                hints: "write progress and messages to standard error, or leave `parse` out",
                "convert it in the script, such as with iconv, or write it to a file and use `file.read`")
        case .outputTooLarge:
            ErrorExplanation(
                "the script wrote more than … to standard output",
                hints: "raise `max_output`, or write to a file of the project")
        case .timeout:
            ErrorExplanation("the script did not end within …", hints: "raise `timeout` if it needs longer")
        }
    }
}
