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
        into pairs: [YAMLPair], at index: Int, taken: Set<NodeIdentity>, source: YAMLSource,
        keys: inout KeyIdentities
    ) throws(YAMLError) -> [YAMLPair] {
        var taken = taken
        var merged: [YAMLPair] = []
        for mapping in value.items ?? [value] {
            guard let candidates = mapping.pairs else {
                throw YAMLError(
                    code: "bad-merge",
                    message: "The merge key \"<<\" needs a mapping or a list of mappings, but this is "
                        + "\(mapping.kindName).",
                    range: value.items == nil ? place : mapping.range, source: source,
                    hint: "Write `<<: *name`, where &name is the anchor of a mapping.")
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
