/// Collects the items of a list or the pairs of a mapping until its end.
struct CollectionBuilder {
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
    private var keyPlaces: [KeyIdentity: YAMLRange] = [:]
    private var pendingKey: YAMLNode?
    private var merge: (index: Int, value: YAMLNode, place: YAMLRange)?
    private var lastEnd: YAMLPosition

    /// Whether the next node is a key.
    var expectsKey: Bool { kind == .mapping && pendingKey == nil }

    init(_ kind: Kind, _ properties: YAMLEvent.Properties, isFlow: Bool, range: YAMLRange) {
        self.kind = kind
        self.properties = properties
        self.isFlow = isFlow
        self.range = range
        lastEnd = range.end
    }

    /// Adds the next item, key or value. `place` is its position; for an alias it differs from the position of the
    /// node.
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

    /// The finished node. `end` is libyaml's end mark of the collection.
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
                    code: YAMLErrorCode.duplicateKey, message: "the key \(name) appears twice in one mapping",
                    range: place,
                    source: source, hint: "remove one of the two, or rename it",
                    related: [.init(message: "the first use is here", range: first)])
            }
        }
    }
}

/// A merge key (`<<`, as YAML 1.1 describes it): takes over the pairs of one mapping or of a list of mappings.
///
/// Keys of the mapping itself win over merged ones, and earlier mappings in the list over later ones. The merged pairs
/// stand where `<<` stood.
struct MergeKey {
    let value: YAMLNode
    let place: YAMLRange

    /// Only the plain scalar `<<` is a merge key; `"<<"` is an ordinary key.
    static func isMergeKey(_ key: YAMLNode) -> Bool {
        guard let scalar = key.scalar else { return false }
        return scalar.style == .plain && scalar.text == "<<" && key.tag == nil
    }

    /// The pairs with the merged ones inserted at `index`; `taken` are the keys of the mapping itself.
    func merged(
        into pairs: [YAMLPair], at index: Int, taken: Set<KeyIdentity>, source: YAMLSource,
        keys: inout KeyIdentities
    ) throws(YAMLError) -> [YAMLPair] {
        var taken = taken
        var merged: [YAMLPair] = []
        for mapping in value.items ?? [value] {
            guard let candidates = mapping.pairs else {
                throw YAMLError(
                    code: YAMLErrorCode.badMerge,
                    message: "the merge key \"<<\" needs a mapping or a list of mappings, but this is "
                        + "\(mapping.kindName)",
                    range: value.items == nil ? place : mapping.range, source: source,
                    hint: "write `<<: *name`, where &name is the anchor of a mapping")
            }
            for pair in candidates {
                let identities = keys.identities(of: pair.key)
                if taken.isDisjoint(with: identities) { merged.append(pair) }
                taken.formUnion(identities)
            }
        }
        return Array(pairs[..<index]) + merged + Array(pairs[index...])
    }
}

/// The identity of a mapping key, to detect duplicates.
///
/// Two scalars are the same key if their values are equal (`10` and `0xA`) or their texts are (`1` and `"1"`), because
/// mappings become objects with string keys. Two collections are the same key if their elements are, in order.
enum KeyIdentity: Hashable {
    case value(YAMLScalarValue)
    case text(String)
    /// A list or mapping, by the number that ``KeyIdentities`` gave to its content.
    case collection(Int)
}

/// Computes the identities of keys. Each collection is visited once and memoised, so that nested keys take linear time.
struct KeyIdentities {
    private var numbers: [[KeyIdentity]: Int] = [:]
    // Retains the nodes: an `ObjectIdentifier` is unique only while its object is alive.
    private var known: [ObjectIdentifier: (node: YAMLNode, identity: KeyIdentity)] = [:]

    /// The identities of a key; two keys are the same when they share one.
    mutating func identities(of node: YAMLNode) -> [KeyIdentity] {
        guard let scalar = node.scalar else { return [identity(of: node)] }
        if case .string = scalar.value { return [.text(scalar.text)] }
        return [.text(scalar.text), .value(scalar.value)]
    }

    private mutating func identity(of node: YAMLNode) -> KeyIdentity {
        if let found = known[ObjectIdentifier(node)] { return found.identity }
        var parts: [KeyIdentity]
        switch node.content {
        case .scalar(let scalar): return .value(scalar.value)
        case .sequence(let items):
            parts = [.text("list")]
            for item in items { parts.append(identity(of: item)) }
        case .mapping(let pairs):
            parts = [.text("mapping")]
            for pair in pairs { parts += [identity(of: pair.key), identity(of: pair.value)] }
        }
        let number = numbers[parts] ?? numbers.count
        numbers[parts] = number
        known[ObjectIdentifier(node)] = (node, .collection(number))
        return .collection(number)
    }
}
