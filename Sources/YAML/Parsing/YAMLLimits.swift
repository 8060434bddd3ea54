/// What a document may cost at most, so that hostile input cannot hurt.
public struct YAMLLimits: Sendable, Hashable {
    /// The size of the file in bytes.
    public var maxBytes: Int
    /// How deep lists and mappings may be nested, aliases followed. Whoever walks a document may recurse this deep.
    public var maxDepth: Int
    /// How many nodes the document may have, each alias counted as all that it stands for.
    public var maxNodes: Int

    /// 8 MiB, 100 levels, 1,000,000 nodes.
    public static let `default` = YAMLLimits()

    /// Limits, each of which has a default.
    public init(maxBytes: Int = 8 << 20, maxDepth: Int = 100, maxNodes: Int = 1_000_000) {
        self.maxBytes = maxBytes
        self.maxDepth = maxDepth
        self.maxNodes = maxNodes
    }
}
