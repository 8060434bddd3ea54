public import RunnelKit

/// The name of a process plugin: lower-case letters, digits, "-" and "_", beginning with a letter, 64 at most.
public struct PluginName: FieldValue, Hashable {
    /// The name as it is written.
    public let text: String

    public static var schema: Value { ["type": "string", "pattern": "^[a-z][a-z0-9_-]{0,63}$"] }

    public init(field value: Value) throws(FieldError) {
        guard let text = value.asString, Self.isWord(text) else {
            throw FieldError("expected a name such as \"weather\", found \(value.quoted())", hint: Self.rule)
        }
        self.text = text
    }

    public var fieldDefault: Value? { .string(text) }

    static let rule = "use lower-case letters, digits, \"-\" and \"_\", and begin with a letter"

    static func isWord(_ text: String) -> Bool {
        guard let first = text.utf8.first, (0x61...0x7A).contains(first), text.utf8.count <= 64 else { return false }
        return text.utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2D || byte == 0x5F
        }
    }
}

extension PluginName: CustomStringConvertible {
    public var description: String { text }
}

/// How many, from 1 on.
public struct PositiveCount: FieldValue, Hashable {
    /// At least 1.
    public let count: Int

    init(_ count: Int) {
        self.count = max(1, count)
    }

    public static var schema: Value { ["type": "integer", "minimum": 1] }

    public init(field value: Value) throws(FieldError) {
        guard let whole = value.asInt, let count = Int(exactly: whole), count >= 1 else {
            throw .expected("a whole number from 1 on", found: value)
        }
        self.count = count
    }

    public var fieldDefault: Value? { .int(Int64(count)) }
}
