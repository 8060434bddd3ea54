import RunnelKit

/// What becomes of ticks that came while nobody could start their runs.
enum MissedTicks: String, FieldChoice {
    /// They are left out.
    case skip
    /// The last of them stands for all.
    case once
    /// Each starts its run, up to `max_missed` of them, the latest.
    case all
}

/// How many runs `missed: all` starts at most.
struct MissedLimit: FieldValue, Hashable {
    let count: Int

    private static let range = 1...10_000

    static var schema: Value {
        ["type": "integer", "minimum": .int(Int64(range.lowerBound)), "maximum": .int(Int64(range.upperBound))]
    }

    init(_ count: Int) {
        self.count = count
    }

    init(field value: Value) throws(FieldError) {
        guard let whole = value.asInt, let count = Int(exactly: whole), Self.range.contains(count) else {
            throw .expected("a whole number from 1 to 10000", found: value)
        }
        self.count = count
    }

    var fieldDefault: Value? { .int(Int64(count)) }
}
