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

/// What a scalar means under the core schema of YAML 1.2 (section 10.3) and its tag, if it has one.
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
