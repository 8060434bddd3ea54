/// A value in a document, which knows its place.
///
/// An alias is the very node of its anchor: `===` holds and the range is that of the original.
public final class YAMLNode: Sendable {
    /// What a node holds.
    public enum Content: Sendable {
        /// A string, number, truth value or null.
        case scalar(YAMLScalar)
        /// A list.
        case sequence([YAMLNode])
        /// A mapping, in the order of the text, without duplicates; merge keys (`<<`) are already resolved.
        case mapping([YAMLPair])
    }

    /// What the node holds.
    public let content: Content
    /// Its tag in full (`tag:yaml.org,2002:str`), when one is written.
    public let tag: String?
    /// The name of its anchor, when it has one.
    public let anchor: String?
    // Four 32-bit numbers: a document may have a million nodes.
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
