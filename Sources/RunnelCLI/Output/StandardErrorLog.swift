import Logging
import RunnelKit
import RunnelSupport

/// Writes the log to standard error, a line a message, with secrets masked. What a message quotes begins no line of its
/// own.
struct StandardErrorLog: LogHandler {
    let redactor: Redactor
    var logLevel: Logger.Level = .warning
    var metadata: Logger.Metadata = [:]

    init(redactor: Redactor) {
        self.redactor = redactor
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
