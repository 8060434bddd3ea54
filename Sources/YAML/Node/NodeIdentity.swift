/// What makes two keys of a mapping the same.
///
/// Scalars are the same when their values are (`10` and `0xA`), and also when their texts are (`1` and `"1"`), because
/// mappings become objects whose keys are strings. Collections are the same when their parts are, in order.
enum NodeIdentity: Hashable {
    case value(YAMLScalarValue)
    case text(String)
    /// A list or mapping, by the number that ``KeyIdentities`` gave to its content.
    case collection(Int)
}

/// The identities of keys. Each collection is looked at once, however often it is part of other keys, so that keys inside
/// keys cost no more than they are long.
struct KeyIdentities {
    private var numbers: [[NodeIdentity]: Int] = [:]
    // Holds the nodes, because an object's identifier is only unique as long as the object lives.
    private var known: [ObjectIdentifier: (node: YAMLNode, identity: NodeIdentity)] = [:]

    /// The identities of a key; two keys are the same when they share one.
    mutating func identities(of node: YAMLNode) -> [NodeIdentity] {
        guard let scalar = node.scalar else { return [identity(of: node)] }
        if case .string = scalar.value { return [.text(scalar.text)] }
        return [.text(scalar.text), .value(scalar.value)]
    }

    private mutating func identity(of node: YAMLNode) -> NodeIdentity {
        if let found = known[ObjectIdentifier(node)] { return found.identity }
        var parts: [NodeIdentity]
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
