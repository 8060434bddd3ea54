/// A name that a template reads, and the path behind it as far as it is written out.
public struct Reference: Sendable, Hashable {
    public enum Element: Sendable, Hashable {
        case key(String)
        case index(Int)
    }

    public var root: String
    public var path: [Element]
    /// Of the whole path, in the template's text.
    public var utf8Range: Range<Int>
    /// Whether `default`, `??` or `is defined` answers for its being missing.
    public var isOptional: Bool
}
