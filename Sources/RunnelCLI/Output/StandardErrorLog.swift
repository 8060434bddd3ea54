import Logging
import RunnelEngine
import RunnelKit
import RunnelSupport
import Synchronization

/// The least important messages that are written; all logs of a process follow when it changes.
final class LogLevel: Sendable {
    private let level: Mutex<Logger.Level>

    init(_ setting: LogSettings.Level) { level = Mutex(Logger.Level(setting)) }

    var value: Logger.Level { level.withLock { $0 } }
    func set(_ setting: LogSettings.Level) { level.withLock { $0 = Logger.Level(setting) } }
}

extension Logger.Level {
    fileprivate init(_ setting: LogSettings.Level) { self = Logger.Level(rawValue: setting.rawValue) ?? .warning }
}

/// Writes the log to standard error, a line a message, with secrets masked. What a message quotes begins no line of its
/// own.
struct StandardErrorLog: LogHandler {
    let redactor: Redactor
    let level: LogLevel
    var metadata: Logger.Metadata = [:]
    /// Of a logger that was given a level of its own.
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
