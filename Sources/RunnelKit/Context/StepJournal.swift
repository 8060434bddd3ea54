/// What a step keeps in the journal beside its output.
///
/// Attributes and usage of an attempt are written in the transaction that ends it, whether it succeeded or not. Secrets
/// are taken out of everything before it is stored. A run that is not kept has a journal that forgets.
public protocol StepJournal: Sendable {
    /// What ``save(checkpoint:)`` stored before the process was interrupted in this attempt; nil at the first try of an
    /// attempt.
    var checkpoint: Value? { get }

    /// Stores where the attempt is, durably, in the place of an earlier checkpoint. It is forgotten when the attempt ends.
    ///
    /// For work outside of Runnel that goes on while nobody waits for it: an interrupted attempt finds its job again,
    /// instead of starting another one.
    /// - Throws: A ``StepError`` with the code `checkpoint-too-large` above 64 KiB; also when the run belongs to another
    ///   worker now.
    func save(checkpoint: Value) async throws

    /// Facts about the attempt for people and programs, such as `model`; shown by `runnel runs show`. A key that was set
    /// before is replaced; null removes it. Long texts are cut. `time_to_first_token_ms` is also measured, as
    /// `runnel_chat_first_token_seconds`.
    func describe(_ attributes: ValueObject)

    /// Adds what a call of a model has used; see ``UsageRecord``.
    func record(_ usage: UsageRecord)

    /// Changes what steps of this kind remember over runs; in the transaction that ends the attempt.
    func remember(_ change: StepMemoryChange)

    /// What steps of this kind remember under a key, by ``StepMemoryChange/set(_:_:keep:)``.
    func value(for key: String) async throws -> Value?

    /// What was appended to a key, the oldest first, by ``StepMemoryChange/append(_:_:limit:keep:)``.
    func entries(of key: String) async throws -> [Value]

    /// What models have used, over all processes that share the journal.
    ///
    /// - Parameters:
    ///   - since: Nanoseconds since 1970.
    ///   - pipeline: Of one pipeline; nil for all.
    func usage(since: Int64, pipeline: String?) async throws -> UsageTotal
}

/// A change of what the steps of one kind remember. It belongs to the kind of step (`uses`), not to a run, so that a later
/// run, in whatever pipeline and process, finds it.
@nonexhaustive public enum StepMemoryChange: Sendable, Hashable {
    /// Sets the value of a key. It is forgotten so long after the last change.
    case set(_ key: String, _ value: Value, keep: Duration)
    /// Appends to the list of a key. Beyond `limit` entries, or 4 MiB together, the oldest go. Changes of runs at the same
    /// time are all there afterwards.
    case append(_ key: String, _ value: Value, limit: Int, keep: Duration)
    /// Forgets the value and the list of a key.
    case remove(_ key: String)
}

/// The step cannot begin before a time: the run waits in the journal until then, without holding a slot, and the step is
/// executed again as the same attempt. To be thrown by ``Step/run(_:)``.
public struct StepPostponement: Error, Sendable, Hashable {
    /// Nanoseconds since 1970; at most 400 days ahead.
    public var until: Int64
    /// Why, for the person who looks at the run.
    public var reason: String

    /// A postponement; see the properties.
    public init(until: Int64, reason: String) {
        self.until = until
        self.reason = reason
    }
}

/// The journal of a run that is not kept: everything is forgotten.
package struct ForgetfulStepJournal: StepJournal {
    package init() {}
    package var checkpoint: Value? { nil }
    package func save(checkpoint: Value) {}
    package func describe(_ attributes: ValueObject) {}
    package func record(_ usage: UsageRecord) {}
    package func remember(_ change: StepMemoryChange) {}
    package func value(for key: String) -> Value? { nil }
    package func entries(of key: String) -> [Value] { [] }
    package func usage(since: Int64, pipeline: String?) -> UsageTotal { UsageTotal() }
}
