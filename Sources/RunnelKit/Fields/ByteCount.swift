internal import RunnelSupport

/// A number of bytes, written as a whole number or with a unit: `512`, `64KiB`, `10MiB`, `1MB`.
public struct ByteCount: Sendable, Hashable, FieldValue {
    /// How many bytes.
    public var bytes: Int

    /// So many bytes.
    public init(_ bytes: Int) {
        self.bytes = bytes
    }

    /// So many times 1024 bytes.
    public static func kibibytes(_ count: Int) -> ByteCount { ByteCount(count << 10) }
    /// So many times 1024 KiB.
    public static func mebibytes(_ count: Int) -> ByteCount { ByteCount(count << 20) }

    private static let units: [(name: String, size: Int)] = [
        ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000),
        ("KB", 1000), ("B", 1),
    ]

    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value {
        [
            "anyOf": [
                ["type": "integer", "minimum": 0],
                ["type": "string", "pattern": "^[0-9]+ ?(B|[kK]B|MB|GB|KiB|MiB|GiB)$"],
            ]
        ]
    }

    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        if let whole = value.asInt, let bytes = Int(exactly: whole), bytes >= 0 {
            self.bytes = bytes
            return
        }
        if let text = value.asString {
            for (name, size) in Self.units where text.hasSuffix(name) {
                let number = text.dropLast(name.count)
                let digits = number.hasSuffix(" ") ? number.dropLast() : number
                if digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int(digits) {
                    let (bytes, overflow) = count.multipliedReportingOverflow(by: size)
                    if !overflow {
                        self.bytes = bytes
                        return
                    }
                }
                break
            }
        }
        throw .expected("a size such as 65536, \"64KiB\" or \"10MiB\"", found: value)
    }

    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: Value? { .string(description) }
}

extension ByteCount: CustomStringConvertible {
    /// The size in the largest binary unit that divides it: "10MiB", "1000B".
    public var description: String { SizeText.format(bytes) }
}
