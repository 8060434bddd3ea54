internal import RunnelKit

/// How often a hook may be called: `60/min`.
struct CallRate: FieldValue, Hashable {
    let count: Int
    let period: Duration
    private let text: String

    private static let units: [(names: [Substring], period: Duration)] = [
        (["s", "sec", "second"], .seconds(1)), (["m", "min", "minute"], .seconds(60)),
        (["h", "hour"], .seconds(3600)), (["d", "day"], .seconds(86_400)),
    ]
    private static let highest = 1_000_000

    static var schema: Value {
        [
            "type": "string", "pattern": "^[1-9][0-9]*/(s|sec|second|m|min|minute|h|hour|d|day)$",
            "examples": ["60/min"],
        ]
    }

    init(field value: Value) throws(FieldError) {
        let parts = value.asString?.split(separator: "/", omittingEmptySubsequences: false) ?? []
        guard let text = value.asString, parts.count == 2, let count = Int(parts[0]),
            (1...Self.highest).contains(count),
            let unit = Self.units.first(where: { $0.names.contains(parts[1]) })
        else {
            throw .expected(
                "a number of calls in a time, such as \"60/min\"; the times are s, min, h and day", found: value)
        }
        self.count = count
        self.text = text
        period = unit.period
    }

    var fieldDefault: Value? { .string(text) }
}
