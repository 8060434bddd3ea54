import Logging
import RunnelEngine
import RunnelKit
import RunnelSupport
import Synchronization

/// The process-wide log level, which can change at run time.
final class LogLevel: Sendable {
    private let level: Mutex<Logger.Level>
    private let standard: LogSettings.Level
    private let fixed: LogSettings.Level?

    /// - Parameters:
    ///   - setting: What the configuration says.
    ///   - standard: The level where the configuration names none.
    ///   - fixed: The level that wins over the configuration.
    init(_ setting: LogSettings.Level?, standard: LogSettings.Level = .warning, fixed: LogSettings.Level? = nil) {
        (self.standard, self.fixed) = (standard, fixed)
        level = Mutex(Logger.Level(fixed ?? setting ?? standard))
    }

    var value: Logger.Level { level.withLock { $0 } }
    func set(_ setting: LogSettings.Level?) { level.withLock { $0 = Logger.Level(fixed ?? setting ?? standard) } }
}

extension Logger.Level {
    fileprivate init(_ setting: LogSettings.Level) { self = Logger.Level(rawValue: setting.rawValue) ?? .warning }
}

/// Writes the log to standard error, one line per message, redacted. Line breaks in messages are escaped.
struct StandardErrorLog: LogHandler {
    let redactor: Redactor
    let level: LogLevel
    let format: LogSettings.Format
    var metadata: Logger.Metadata = [:]
    /// The level of a logger that overrides the process-wide one.
    private var ownLevel: Logger.Level?

    init(redactor: Redactor, level: LogLevel, format: LogSettings.Format) {
        self.redactor = redactor
        self.level = level
        self.format = format
    }

    var logLevel: Logger.Level {
        get { ownLevel ?? level.value }
        set { ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let details = metadata.merging(event.metadata ?? [:]) { _, later in later }.sorted { $0.key < $1.key }
        let line = LogLine(
            time: WallClock.nanoseconds(), level: event.level, message: redactor.redactMessage("\(event.message)"),
            details: details.map { ($0.key, redactor.redactMessage("\($0.value)")) })
        Streams.error.write(line.text(format) + "\n")
    }
}

/// One message of the log. Its texts are redacted.
struct LogLine {
    /// Nanoseconds since 1970.
    let time: Int64
    let level: Logger.Level
    let message: String
    let details: [(name: String, value: String)]

    /// Without a line break at its end.
    func text(_ format: LogSettings.Format) -> String {
        switch format {
        case .text: TerminalText.line("\(Timestamp.text(nanoseconds: time)) \(level) \(sentence)")
        case .journald: "<\(priority)>" + TerminalText.line(sentence)
        case .json:
            Value.object(
                ValueObject(
                    [
                        ("time", .string(Timestamp.text(nanoseconds: time))), ("level", .string("\(level)")),
                        ("message", .string(message)),
                    ] + details.filter { !Self.own.contains($0.name) }.map { ($0.name, .string($0.value)) })
            ).json()
        }
    }

    private static let own: Set<String> = ["time", "level", "message"]

    /// The message with the details that it does not name itself.
    private var sentence: String {
        details.reduce(into: message) { text, detail in
            if !message.holds(detail.value) { text += " \(detail.name)=\(detail.value)" }
        }
    }

    /// As syslog counts: https://www.freedesktop.org/software/systemd/man/latest/sd-daemon.html
    private var priority: Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}

extension LogSettings.Format {
    /// Writes what `runnel serve` says of itself to standard error, at any level: as a plain line, or in the form of the
    /// log where a program reads it.
    func announce(_ text: String) {
        guard self == .text else { return write(.notice, text) }
        Streams.error.write(text + "\n")
    }

    /// Warns in the same way.
    func warn(_ problem: String, hint: String? = nil) {
        guard self == .text else { return write(.warning, problem + (hint.map { "; \($0)" } ?? "")) }
        Streams.error.write("warning: \(problem)\n" + (hint.map { "  = \($0)\n" } ?? ""))
    }

    private func write(_ level: Logger.Level, _ text: String) {
        let line = LogLine(time: WallClock.nanoseconds(), level: level, message: text, details: [])
        Streams.error.write(line.text(self) + "\n")
    }
}

extension String {
    /// Whether the bytes of `part` stand in it. Each call of a hook writes lines, and the standard library's search by
    /// characters was a tenth of what the call cost.
    fileprivate func holds(_ part: String) -> Bool {
        var (text, part) = (self, part)
        return text.withUTF8 { text in
            part.withUTF8 { part in
                guard let first = part.first else { return true }
                var start = 0
                while start + part.count <= text.count {
                    if text[start] == first, text[start..<(start + part.count)].elementsEqual(part) { return true }
                    start += 1
                }
                return false
            }
        }
    }
}
