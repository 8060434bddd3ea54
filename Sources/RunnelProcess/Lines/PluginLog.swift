package import Logging
package import RunnelKit
internal import RunnelSupport
internal import Synchronization

/// Writes a child's standard error and protocol notes to the worker's log: redacted, and limited in length and rate. It
/// keeps the last lines, which explain why a child died.
package final class PluginLog: Sendable {
    /// The maximum length of a line in characters; longer ones are truncated.
    static let lineLength = 2000
    /// The maximum buffered part of a line in bytes.
    fileprivate static let lineLimit = 16 << 10
    private static let remembered = 5
    private static let rememberedLength = 300

    private struct State {
        var partial: [UInt8] = []
        /// Whether the rest of an overlong line is being skipped.
        var isSkipping = false
        var allowance = LineAllowance()
        var last: [String] = []
    }

    private let logger: Logger
    private let redactor: Redactor
    private let start = ContinuousClock.now
    private let state = Mutex(State())

    /// - Parameter isShared: Whether the child serves many runs, so that its lines do not belong to the run that
    ///   started it.
    package init(plugin: String, logger: Logger, redactor: Redactor, isShared: Bool) {
        var logger = logger
        logger[metadataKey: "plugin"] = .string(plugin)
        if isShared { for key in ["run", "step", "pipeline", "trigger"] { logger[metadataKey: key] = nil } }
        self.logger = logger
        self.redactor = redactor
    }

    /// The last lines of standard error, redacted and truncated.
    package var lastLines: [String] { state.withLock { $0.last } }

    /// Appends bytes of standard error.
    package func append(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        while let end = rest.firstIndex(of: 0x0A) {
            collect(rest[..<end])
            flush()
            rest = rest[(end + 1)...]
        }
        collect(rest)
    }

    /// Marks the end of standard error.
    package func finish() {
        flush()
        noteOmission(of: state.withLock { $0.allowance.takeSuppressed() })
    }

    /// Logs a note of Runnel about the plugin, or one from the plugin's protocol.
    package func note(_ text: String, level: Logger.Level = .warning) {
        write(redactor.redact(text, limit: Self.lineLength), level: level)
    }

    private func collect(_ bytes: Slice<UnsafeRawBufferPointer>) {
        state.withLock { state in
            guard !state.isSkipping else { return }
            state.partial += bytes.prefix(Self.lineLimit - state.partial.count)
            state.isSkipping = state.partial.count == Self.lineLimit
        }
    }

    private func flush() {
        let (bytes, isCut) = state.withLock { state -> ([UInt8], Bool) in
            defer {
                state.partial = []
                state.isSkipping = false
            }
            return (state.partial, state.isSkipping)
        }
        let text = redactor.redact(bytes, isCut: isCut)
        guard text.contains(where: { !$0.isWhitespace }) else { return }
        let line = TerminalText.line(text)
        state.withLock { state in
            state.last.append(line.truncated(to: Self.rememberedLength))
            if state.last.count > Self.remembered { state.last.removeFirst() }
        }
        write(line.truncated(to: Self.lineLength), level: .info)
    }

    private func write(_ line: String, level: Logger.Level) {
        let time = start.duration(to: .now)
        switch state.withLock({ $0.allowance.take(at: time) }) {
        case .leaveOut: break
        case .write(let count):
            noteOmission(of: count)
            logger.log(level: level, "\(line)")
        }
    }

    private func noteOmission(of count: Int) {
        guard count > 0 else { return }
        logger.warning(
            "the plugin wrote too much: \(count == 1 ? "1 line is" : "\(count) lines are") left out here")
    }

    /// The last lines of standard error, as the end of a sentence.
    package static func errorText(_ lines: [String]) -> String {
        lines.isEmpty ? "" : "; last lines of standard error:" + lines.map { "\n    \($0)" }.joined()
    }
}

extension Redactor {
    /// A line that cannot be decoded, quoted for a message.
    package func quoted(_ line: [UInt8]) -> String {
        let limit = PluginLog.lineLimit
        return Value.string(redact(Array(line.prefix(limit)), isCut: line.count > limit)).quoted()
    }
}

/// Limits the log lines of a child: a burst, then a fixed number per second.
struct LineAllowance: Sendable {
    private var bucket: TokenBucket
    private var suppressed = 0

    init(burst: Int = 200, perSecond: Int = 50) {
        bucket = TokenBucket(size: burst, per: .seconds(burst) / perSecond)
    }

    enum Verdict: Hashable {
        /// Write the line, after a note that this number of lines was dropped.
        case write(leftOut: Int)
        case leaveOut
    }

    /// The verdict for a line at `time` (relative to any fixed moment).
    mutating func take(at time: Duration) -> Verdict {
        guard bucket.take(at: time) == nil else {
            suppressed += 1
            return .leaveOut
        }
        return .write(leftOut: takeSuppressed())
    }

    /// The number of lines that were dropped since the last one that was written. Counting begins anew.
    mutating func takeSuppressed() -> Int {
        defer { suppressed = 0 }
        return suppressed
    }
}
