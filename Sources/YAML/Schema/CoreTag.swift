/// The tags a document may use: those of the core schema, and `!`, which says "not resolved".
enum CoreTag: String, CaseIterable {
    case string = "!!str"
    case integer = "!!int"
    case float = "!!float"
    case bool = "!!bool"
    case null = "!!null"
    case sequence = "!!seq"
    case mapping = "!!map"
    case nonSpecific = "!"

    /// The tag with this full name; nil for a tag that the core schema does not have.
    init?(fullName: String) {
        self.init(rawValue: Self.shorthand(fullName))
    }

    /// A tag's full name in the way people write it: `!!str` for `tag:yaml.org,2002:str`, `!mine`, `!<other>`.
    static func shorthand(_ fullName: String) -> String {
        let prefix = "tag:yaml.org,2002:"
        if fullName.hasPrefix(prefix) { return "!!" + fullName.dropFirst(prefix.count) }
        return fullName.hasPrefix("!") ? fullName : "!<\(fullName)>"
    }

    /// The value of a scalar with this tag; nil when its text is not of that kind.
    func value(of text: String) -> YAMLScalarValue? {
        switch self {
        case .string, .nonSpecific: return .string(text)
        case .integer: return CoreSchema.integer(text)
        case .bool: return CoreSchema.bool(text)
        case .null: return CoreSchema.null(text)
        case .sequence, .mapping: return nil
        case .float:
            if case .int(let number)? = CoreSchema.integer(text) { return .float(Double(number)) }
            return CoreSchema.float(text)
        }
    }

    /// What the tag promises, for messages.
    var meaning: String {
        switch self {
        case .string, .nonSpecific: "a string"
        case .integer: "a whole number"
        case .float: "a number"
        case .bool: "true or false"
        case .null: "null"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}
