extension YAMLNode {
    /// The scalar, if the node is one.
    public var scalar: YAMLScalar? {
        if case .scalar(let scalar) = content { scalar } else { nil }
    }

    /// The text, if the node is a string (`12` is a number; see ``scalar`` for its text).
    public var asString: String? {
        if case .string(let text)? = scalar?.value { text } else { nil }
    }

    /// The number, if the node is a whole number of at most 64 bits.
    public var asInt: Int64? {
        if case .int(let number)? = scalar?.value { number } else { nil }
    }

    /// The number, if the node is one, whole or not.
    public var asDouble: Double? {
        switch scalar?.value {
        case .int(let number)?: Double(number)
        case .float(let number)?: number
        default: nil
        }
    }

    /// The truth value, if the node is one.
    public var asBool: Bool? {
        if case .bool(let value)? = scalar?.value { value } else { nil }
    }

    /// Whether the node is null, written or left out.
    public var isNull: Bool { scalar?.value == .null }

    /// The values of a list.
    public var items: [YAMLNode]? {
        if case .sequence(let items) = content { items } else { nil }
    }

    /// The pairs of a mapping.
    public var pairs: [YAMLPair]? {
        if case .mapping(let pairs) = content { pairs } else { nil }
    }

    /// The value of the key with this text, if the node is a mapping that has it.
    public subscript(key: String) -> YAMLNode? {
        pair(for: key)?.value
    }

    /// The node of the key with this text, for messages about the key itself.
    public func keyNode(for key: String) -> YAMLNode? {
        pair(for: key)?.key
    }

    /// What the node is, for messages: "a string", "a number", "true or false", "null", "a list" or "a mapping".
    public var kindName: String {
        switch content {
        case .sequence: "a list"
        case .mapping: "a mapping"
        case .scalar(let scalar):
            switch scalar.value {
            case .null: "null"
            case .bool: "true or false"
            case .int, .float: "a number"
            case .string: "a string"
            }
        }
    }

    private func pair(for key: String) -> YAMLPair? {
        pairs?.first { $0.key.scalar?.text == key }
    }
}
