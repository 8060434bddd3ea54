internal import Logging
internal import RunnelKit
internal import RunnelSupport
internal import Synchronization

/// Where a child's standard error and its protocol's remarks go: the worker's log, masked, and bounded in length and
/// rate. It remembers the last lines, which explain why a child died.
final class PluginLog: Sendable {
    /// Longer lines are cut, in characters.
    static let lineLength = 2000
    /// More of a line is not even looked at, in bytes.
    private static let lineLimit = 16 << 10
    private static let remembered = 5
    private static let rememberedLength = 300

    private struct State {
        var partial: [UInt8] = []
        /// Whether the rest of an overlong line is passing by.
        var isSkipping = false
        var allowance = LineAllowance()
        var last: [String] = []
    }

    private let logger: Logger
    private let redactor: Redactor
    private let start = ContinuousClock.now
    private let state = Mutex(State())

    /// - Parameter isShared: Whether the child serves many runs, so that its lines do not belong to the one that
    ///   happened to start it.
    init(plugin: String, logger: Logger, redactor: Redactor, isShared: Bool) {
        var logger = logger
        logger[metadataKey: "plugin"] = .string(plugin)
        if isShared { for key in ["run", "step", "pipeline", "trigger"] { logger[metadataKey: key] = nil } }
        self.logger = logger
        self.redactor = redactor
    }

    /// The last lines of standard error, masked and cut.
    var lastLines: [String] { state.withLock { $0.last } }

    /// Takes bytes of standard error.
    func append(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        while let end = rest.firstIndex(of: 0x0A) {
            collect(rest[..<end])
            flush()
            rest = rest[(end + 1)...]
        }
        collect(rest)
    }

    /// Standard error has ended.
    func finish() {
        flush()
    }

    /// A remark of Runnel on what the plugin does, or one that the plugin's protocol carries.
    func note(_ text: String, level: Logger.Level = .warning) {
        write(Self.cut(redactor.redact(text), Self.lineLength), level: level)
    }

    private func collect(_ bytes: Slice<UnsafeRawBufferPointer>) {
        state.withLock { state in
            guard !state.isSkipping else { return }
            state.partial += bytes.prefix(Self.lineLimit - state.partial.count)
            state.isSkipping = state.partial.count == Self.lineLimit
        }
    }

    private func flush() {
        let bytes = state.withLock { state -> [UInt8] in
            defer {
                state.partial = []
                state.isSkipping = false
            }
            return state.partial
        }
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.contains(where: { !$0.isWhitespace }) else { return }
        // Masked before it is cut: half a secret could not be recognised.
        let line = TerminalText.line(redactor.redact(text))
        state.withLock { state in
            state.last.append(Self.cut(line, Self.rememberedLength))
            if state.last.count > Self.remembered { state.last.removeFirst() }
        }
        write(Self.cut(line, Self.lineLength), level: .info)
    }

    private func write(_ line: String, level: Logger.Level) {
        let time = start.duration(to: .now)
        switch state.withLock({ $0.allowance.take(at: time) }) {
        case .leaveOut: break
        case .write(leftOut: 0): logger.log(level: level, "\(line)")
        case .write(let count):
            logger.warning("the plugin wrote too much: \(count) lines are left out here")
            logger.log(level: level, "\(line)")
        }
    }

    private static func cut(_ text: String, _ length: Int) -> String {
        text.count <= length ? text : text.prefix(length - 1) + "…"
    }
}
