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
    public func save(checkpoint: Value) {
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
