/// A value in a document with its position.
///
/// An alias is the same object as the node of its anchor (`===`), with the same range.
public final class YAMLNode: Sendable {
    /// What a node holds.
    public enum Content: Sendable {
        /// A string, number, boolean or null.
        case scalar(YAMLScalar)
        /// A list.
        case sequence([YAMLNode])
        /// A mapping, in source order, without duplicates; merge keys (`<<`) are already resolved.
        case mapping([YAMLPair])
    }

    /// What the node holds.
    public let content: Content
    /// Its full tag (`tag:yaml.org,2002:str`), if one is written.
    public let tag: String?
    /// The name of its anchor, when it has one.
    public let anchor: String?
    // Four 32-bit numbers to save memory: a document may have a million nodes.
    private let startLine, startColumn, endLine, endColumn: UInt32

    package init(content: Content, range: YAMLRange, tag: String? = nil, anchor: String? = nil) {
        self.content = content
        self.tag = tag
        self.anchor = anchor
        startLine = UInt32(clamping: range.start.line)
        startColumn = UInt32(clamping: range.start.column)
        endLine = UInt32(clamping: range.end.line)
        endColumn = UInt32(clamping: range.end.column)
    }

    /// From its tag, anchor or first character to after its last. A block collection ends where its last value ends;
    /// a block scalar ends at the start of the line after it.
    public var range: YAMLRange {
        YAMLRange(
            start: YAMLPosition(line: Int(startLine), column: Int(startColumn)),
            end: YAMLPosition(line: Int(endLine), column: Int(endColumn)))
    }
}

/// A key of a mapping and its value.
public struct YAMLPair: Sendable {
    /// The key, which YAML allows to be any node.
    public let key: YAMLNode
    /// The value; null when nothing is written.
    public let value: YAMLNode

    package init(key: YAMLNode, value: YAMLNode) {
        self.key = key
        self.value = value
    }
}

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

    /// The boolean, if the node is one.
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

/// How a scalar is written.
public enum YAMLScalarStyle: Sendable {
    /// Without quotes.
    case plain
    /// In `'single quotes'`.
    case singleQuoted
    /// In `"double quotes"`.
    case doubleQuoted
    /// A block after `|`.
    case literal
    /// A block after `>`.
    case folded
}

/// The value of a scalar by the core schema of YAML 1.2 (section 10.3) and its tag, if it has one.
public enum YAMLScalarValue: Sendable, Hashable {
    /// `null`, `~` or nothing.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A whole number of at most 64 bits.
    case int(Int64)
    /// Any other number. A whole number of more than 64 bits becomes the nearest `Double`, as JSON readers do; its
    /// digits remain in ``YAMLScalar/text``.
    case float(Double)
    /// Anything else, and everything in quotes or blocks.
    case string(String)
}

/// A scalar: the text, how it is written and what it means.
public struct YAMLScalar: Sendable {
    /// The text, with escapes and folding resolved.
    public let text: String
    /// How it is written.
    public let style: YAMLScalarStyle
    /// What it means.
    public let value: YAMLScalarValue

    package init(text: String, style: YAMLScalarStyle, value: YAMLScalarValue) {
        self.text = text
        self.style = style
        self.value = value
    }
}

/// A parsed document.
public struct YAMLDocument: Sendable {
    /// The text it was read from.
    public let source: YAMLSource
    /// Its value; nil when nothing is written (an empty text, only comments, only `---`).
    public let root: YAMLNode?

    package init(source: YAMLSource, root: YAMLNode?) {
        self.source = source
        self.root = root
    }
}
