public import Logging
internal import Synchronization

/// Keeps what is logged, for a test to look at.
public final class LogRecorder: Sendable {
    private let recorded = Mutex<[(line: String, message: String)]>([])

    /// A recorder without entries.
    public init() {}

    /// What was logged so far, a line each: `warning the message key=value`.
    public var lines: [String] { recorded.withLock { $0.map(\.line) } }

    /// The same without level and metadata.
    public var messages: [String] { recorded.withLock { $0.map(\.message) } }

    /// A logger that writes here.
    ///
    /// - Parameter level: The least important messages that are kept.
    public func logger(level: Logger.Level = .info) -> Logger {
        Logger(label: "test") { _ in Handler(recorder: self, logLevel: level) }
    }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var logLevel: Logger.Level
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
            let line = "\(event.level) \(event.message)" + all.map { " \($0.key)=\($0.value)" }.joined()
            recorder.recorded.withLock { $0.append((line, event.message.description)) }
        }
    }
}
