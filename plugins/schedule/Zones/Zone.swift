import RunnelKit

/// A time zone: its name and its rules.
struct Zone: Hashable, Sendable {
    /// As in the IANA database: `Asia/Tokyo`.
    let name: String
    let rules: ZoneRules

    static let utc = Zone(name: "UTC", rules: .utc)
}

extension Zone: FieldValue {
    static var schema: Value { ["type": "string", "examples": ["Asia/Tokyo", "Europe/Berlin", "UTC"]] }

    init(field value: Value) throws(FieldError) {
        guard let name = value.asString else {
            throw .expected("the name of a time zone such as \"Asia/Tokyo\"", found: value)
        }
        self = try ZoneDatabase.system.zone(named: name)
    }

    var fieldDefault: Value? { .string(name) }
}
