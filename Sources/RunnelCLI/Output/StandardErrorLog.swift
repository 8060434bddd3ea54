import Logging
import RunnelEngine
import RunnelKit
import RunnelSupport
import Synchronization

/// The process-wide log level, which can change at run time.
final class LogLevel: Sendable {
    private let level: Mutex<Logger.Level>

    private let standard: LogSettings.Level

    /// - Parameter standard: The level where the configuration names none.
    init(_ setting: LogSettings.Level?, standard: LogSettings.Level = .warning) {
        self.standard = standard
        level = Mutex(Logger.Level(setting ?? standard))
    }

    var value: Logger.Level { level.withLock { $0 } }
    func set(_ setting: LogSettings.Level?) { level.withLock { $0 = Logger.Level(setting ?? standard) } }
}

extension Logger.Level {
    fileprivate init(_ setting: LogSettings.Level) { self = Logger.Level(rawValue: setting.rawValue) ?? .warning }
}

/// Writes the log to standard error, one line per message, redacted. Line breaks in messages are escaped.
struct StandardErrorLog: LogHandler {
    let redactor: Redactor
    let level: LogLevel
    var metadata: Logger.Metadata = [:]
    /// The level of a logger that overrides the process-wide one.
    private var ownLevel: Logger.Level?

    init(redactor: Redactor, level: LogLevel) {
        self.redactor = redactor
        self.level = level
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
        let merged = metadata.merging(event.metadata ?? [:]) { _, later in later }
        let details = merged.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        let line = "\(Timestamp.text(nanoseconds: WallClock.nanoseconds())) \(event.level) \(event.message)\(details)"
        Streams.error.write(TerminalText.line(redactor.redact(line)) + "\n")
    }
}
