/// A list or mapping whose end has not come yet.
struct OpenCollection {
    enum Kind: String {
        case sequence = "list"
        case mapping = "mapping"
    }

    let kind: Kind
    let properties: YAMLEvent.Properties
    let isFlow: Bool
    let range: YAMLRange
    /// How many nodes the document had before this one.
    var nodesBefore = 0
    /// The number of its anchor, if it has one.
    var anchorNumber = 0
    /// 1 for a collection of scalars, 2 for one that holds such collections, and so on.
    private(set) var height = 1
    private var items: [YAMLNode] = []
    private var pairs: [YAMLPair] = []
    private var keyPlaces: [NodeIdentity: YAMLRange] = [:]
    private var pendingKey: YAMLNode?
    private var merge: (index: Int, value: YAMLNode, place: YAMLRange)?
    private var lastEnd: YAMLPosition

    init(_ kind: Kind, _ properties: YAMLEvent.Properties, isFlow: Bool, range: YAMLRange) {
        self.kind = kind
        self.properties = properties
        self.isFlow = isFlow
        self.range = range
        lastEnd = range.end
    }

    /// Takes the next item, key or value. `place` is where it stands, which for an alias is not the node's own place.
    mutating func add(
        _ node: YAMLNode, height: Int, place: YAMLRange, source: YAMLSource, keys: inout KeyIdentities
    ) throws(YAMLError) {
        self.height = max(self.height, height + 1)
        lastEnd = max(lastEnd, place.end)
        if kind == .sequence {
            items.append(node)
        } else if let key = pendingKey {
            pendingKey = nil
            if MergeKey.isMergeKey(key) {
                merge = (pairs.count, node, place)
            } else {
                pairs.append(YAMLPair(key: key, value: node))
            }
        } else {
            try refuseDuplicate(node, place, source, &keys)
            pendingKey = node
        }
    }

    /// The finished node; `end` is where libyaml says that the collection ends.
    func node(
        endingAt end: YAMLRange, source: YAMLSource, keys: inout KeyIdentities
    ) throws(YAMLError) -> YAMLNode {
        // libyaml ends a block collection where the next token starts, after blank lines and comments.
        let hasClosingBracket = isFlow && end.start != end.end
        let range = YAMLRange(start: range.start, end: hasClosingBracket ? end.end : lastEnd)
        var content = kind == .sequence ? YAMLNode.Content.sequence(items) : .mapping(pairs)
        if let merge {
            content = .mapping(
                try MergeKey(value: merge.value, place: merge.place)
                    .merged(into: pairs, at: merge.index, taken: Set(keyPlaces.keys), source: source, keys: &keys))
        }
        return YAMLNode(content: content, range: range, tag: properties.tag, anchor: properties.anchor)
    }

    private mutating func refuseDuplicate(
        _ key: YAMLNode, _ place: YAMLRange, _ source: YAMLSource, _ keys: inout KeyIdentities
    ) throws(YAMLError) {
        for identity in keys.identities(of: key) {
            if let first = keyPlaces.updateValue(place, forKey: identity) {
                let name = key.scalar.map { "\"\($0.text.shortened)\"" } ?? "(\(key.kindName))"
                throw YAMLError(
                    code: "duplicate-key", message: "The key \(name) is used twice in one mapping.", range: place,
                    source: source, hint: "Keep one of the two, or give one another name.",
                    related: [.init(message: "It is used here first.", range: first)])
            }
        }
    }
}
