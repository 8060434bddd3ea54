/// A trigger that knows when it fires: `runnel schedule next` prints its times.
public protocol TimedTrigger: Trigger {
    /// When the trigger fires.
    ///
    /// - Throws: What is wrong with the keys, with the key in its path.
    func preview() throws(FieldError) -> TriggerPreview
}

/// When a trigger fires, as a pure function of the time.
public struct TriggerPreview: Sendable {
    /// The first time after another one at which the trigger fires, both in nanoseconds since 1970 (UTC); nil where it
    /// never does again.
    public var next: @Sendable (_ after: Int64) -> Int64?
    /// A time in the trigger's time zone, as RFC 3339: `2026-11-24T09:00:00+09:00`.
    public var text: @Sendable (_ time: Int64) -> String

    /// A preview of these times.
    public init(
        next: @escaping @Sendable (_ after: Int64) -> Int64?, text: @escaping @Sendable (_ time: Int64) -> String
    ) {
        self.next = next
        self.text = text
    }
}
