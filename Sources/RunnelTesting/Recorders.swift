public import Logging
public import RunnelKit
internal import Synchronization

/// The journal of a step under test: keeps everything in memory. Changes of the memory are there at once.
public final class StepJournalRecorder: StepJournal {
    private struct State {
        var checkpoint: Value?
        var checkpoints: [Value] = []
        var attributes: ValueObject = [:]
        var usage: [UsageRecord] = []
        var values: [String: Value] = [:]
        var entries: [String: [Value]] = [:]
        var spent = UsageTotal()
    }

    /// In bytes of JSON.
    private static let checkpointLimit = 64 << 10

    private let state: Mutex<State>

    /// - Parameter checkpoint: What an interrupted attempt has left.
    public init(checkpoint: Value? = nil) {
        state = Mutex(State(checkpoint: checkpoint))
    }

    /// What the interrupted attempt has left.
    public var checkpoint: Value? { state.withLock { $0.checkpoint } }
    /// What was saved, in order.
    public var checkpoints: [Value] { state.withLock { $0.checkpoints } }
    /// The facts as they are now.
    public var attributes: ValueObject { state.withLock { $0.attributes } }
    /// What was used, in order.
    public var usage: [UsageRecord] { state.withLock { $0.usage } }
    /// What others have used already, as ``usage(since:pipeline:)`` tells.
    public var spent: UsageTotal {
        get { state.withLock { $0.spent } }
        set { state.withLock { $0.spent = newValue } }
    }

    /// Keeps the checkpoint.
    /// - Throws: A `StepError` with the code `checkpoint-too-large` above 64 KiB.
    public func save(checkpoint: Value) throws(StepError) {
        let size = checkpoint.json().utf8.count
        guard size <= Self.checkpointLimit else {
            throw StepError(StepErrorCode.checkpointTooLarge, "a checkpoint of \(size) bytes is too large")
        }
        state.withLock { $0.checkpoints.append(checkpoint) }
    }

    /// Keeps the facts.
    public func describe(_ attributes: ValueObject) {
        state.withLock { state in
            for (key, value) in attributes { state.attributes[key] = value.isNull ? nil : value }
        }
    }

    /// Keeps the record.
    public func record(_ usage: UsageRecord) {
        state.withLock { $0.usage.append(usage) }
    }

    /// Makes the change.
    public func remember(_ change: StepMemoryChange) {
        state.withLock { state in
            switch change {
            case .set(let key, let value, _): state.values[key] = value
            case .append(let key, let value, let limit, _):
                state.entries[key] = Array(((state.entries[key] ?? []) + [value]).suffix(limit))
            case .remove(let key):
                state.values[key] = nil
                state.entries[key] = nil
            }
        }
    }

    /// The value that was set.
    public func value(for key: String) -> Value? { state.withLock { $0.values[key] } }

    /// The values that were appended.
    public func entries(of key: String) -> [Value] { state.withLock { $0.entries[key] ?? [] } }

    /// What ``spent`` says.
    public func usage(since: Int64, pipeline: String?) -> UsageTotal { spent }
}

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
