public import RunnelKit

/// `priority:` of a pipeline, or of a run: which of the queued runs begins first.
///
/// A queued run rises by one level for each ``aging`` that it waits, so that no run starves. All runs rise at the same
/// pace, so the order of two runs never changes, and ``RunRecord/queueKey`` is fixed when a run is accepted.
public struct RunPriority: FieldValue, Hashable {
    public let level: Int

    /// The levels that can be chosen; 0 is the default.
    public static let levels = -10...10
    /// How long a run waits until it has risen by one level.
    public static let aging = Duration.seconds(600)

    public static var schema: Value {
        Int.schema(from: levels.lowerBound, to: levels.upperBound)
    }

    public init(field value: Value) throws(FieldError) {
        guard let level = value.asInt.flatMap({ Int(exactly: $0) }), Self.levels.contains(level) else {
            throw .expected(
                "a whole number from \(Self.levels.lowerBound) to \(Self.levels.upperBound)", found: value)
        }
        self.level = level
    }

    public var fieldDefault: Value? { .int(Int64(level)) }
}

extension RunRecord {
    /// The key by which queued runs are sorted, in nanoseconds since 1970: the time at which it was accepted, or would
    /// have been accepted if it had the priority 0. The lowest comes first.
    var queueKey: Int64 { createdAt - Int64(priority) * RunPriority.aging.nanoseconds }

    /// Whether a queued run comes before another one: those that had begun first, then by ``queueKey``.
    func precedes(_ other: RunRecord) -> Bool {
        (startedAt == nil ? 1 : 0, queueKey, id) < (other.startedAt == nil ? 1 : 0, other.queueKey, other.id)
    }
}
