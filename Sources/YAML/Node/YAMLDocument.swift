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
