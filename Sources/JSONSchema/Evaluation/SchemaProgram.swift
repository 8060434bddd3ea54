/// The number of a compiled schema in ``SchemaProgram/nodes``.
typealias NodeID = Int
/// The number of a schema resource: a document or a part of one with an `$id` of its own.
typealias ResourceID = Int

/// A compiled schema object, or `true` or `false`.
struct SchemaNode: Sendable {
    var literal: Bool?
    var resource: ResourceID
    var keywords: [any Keyword] = []
}

/// Everything a schema compiles to.
struct SchemaProgram: Sendable {
    var nodes: [SchemaNode] = []
    var root: NodeID = 0
    /// For each resource, the schemas that `$dynamicRef` finds by name.
    var dynamicAnchors: [[String: NodeID]] = []
    /// Whether any `unevaluated…` keyword needs to know what was looked at.
    var tracksEvaluated = false
    /// Whether any `$dynamicRef` needs to know the way through the resources.
    var tracksScope = false

    /// The keys that the schema at `id` gives a meaning at this level, through references and alternatives as well.
    func declaredKeys(of id: NodeID) -> [String] {
        var keys: [String] = []
        var seen: Set<NodeID> = [id]
        var waiting = [id]
        while let next = waiting.popLast() {
            for keyword in nodes[next].keywords {
                keys += keyword.declaredKeys
                waiting += keyword.inPlace.filter { seen.insert($0).inserted }
            }
        }
        return keys
    }
}
