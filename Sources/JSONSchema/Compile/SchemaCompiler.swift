import RunnelKit
import RunnelSupport

/// Compiles schema documents into a program in which each reachable schema is one node.
struct SchemaCompiler {
    /// The maximum nesting of schemas, in tokens of a JSON pointer.
    static let maxDepth = 512
    /// The maximum number of schemas in a program.
    static let maxNodes = 100_000

    let assertFormats: Bool
    private var registry: SchemaRegistry
    private var program = SchemaProgram()
    private var nodes: [SchemaLocation: NodeID] = [:]
    private var waiting: [(id: NodeID, location: SchemaLocation)] = []
    private var entered: Set<ResourceID> = []
    /// Cache of compiled patterns, which schemas often repeat.
    private var patterns: [String: Pattern] = [:]

    init(resources: [String: Value], assertFormats: Bool) {
        self.assertFormats = assertFormats
        registry = SchemaRegistry(resources: resources)
    }

    mutating func compile(_ schema: Value) throws(SchemaError) -> SchemaProgram {
        guard schema.asObject != nil || schema.asBool != nil else {
            let found = Wording.found(Instance(value: schema, isContentKnown: true))
            throw SchemaError(
                code: .keyword, pointer: "", message: "a schema must be an object or true or false, found \(found)")
        }
        let root = try registry.add(schema, uri: nil)
        program.root = try node(at: registry.resources[root].location)
        while let next = waiting.popLast() { try compile(next.id, at: next.location) }
        program.dynamicAnchors = []
        for resource in registry.resources {
            program.dynamicAnchors.append(resource.dynamicAnchors.compactMapValues { nodes[$0] })
        }
        if let loop = LoopDetector.loop(in: program), let place = nodes.first(where: { $0.value == loop })?.key {
            throw registry.error(
                .loop, place,
                "the schema refers to itself without descending into the value, so validation would never end"
            )
        }
        return program
    }

    /// The node of the schema at `location`, compiled later.
    private mutating func node(at location: SchemaLocation) throws(SchemaError) -> NodeID {
        if let known = nodes[location] { return known }
        guard program.nodes.count < Self.maxNodes else {
            throw registry.error(.size, location, "there are more than \(Self.maxNodes) schemas")
        }
        let id = program.nodes.count
        let resource = try registry.owner(of: location)
        program.nodes.append(SchemaNode(literal: nil, resource: resource))
        nodes[location] = id
        waiting.append((id, location))
        if entered.insert(resource).inserted {
            // Each of them can be the target of a `$dynamicRef` when this resource is in the dynamic scope.
            for place in registry.resources[resource].dynamicAnchors.values { _ = try node(at: place) }
        }
        return id
    }

    private mutating func compile(_ id: NodeID, at location: SchemaLocation) throws(SchemaError) {
        guard let value = registry.value(at: location) else { return }
        if let literal = value.asBool {
            program.nodes[id].literal = literal
            return
        }
        guard let schema = value.asObject else {
            let found = Wording.found(Instance(value: value, isContentKnown: true))
            throw registry.error(.keyword, location, "a schema must be an object or true or false, found \(found)")
        }
        let resource = program.nodes[id].resource
        let dialect = registry.resources[resource].dialect
        var keywords: [any Keyword] = []
        for entry in KeywordTable.entries where entry.drafts.contains(dialect.draft) {
            guard let value = schema[entry.name], isActive(entry, in: dialect) else { continue }
            // Before 2019-09 siblings of a `$ref` are ignored, except for definitions it may point to.
            if dialect.draft <= .draft7, schema["$ref"] != nil, entry.name != "$ref", entry.name != "definitions" {
                continue
            }
            let site = KeywordSite(
                name: entry.name, value: value, schema: schema, location: location, resource: resource,
                dialect: dialect, document: registry.documents[location.document].uri)
            if let keyword = try entry.compile(site, &self) { keywords.append(keyword) }
        }
        program.nodes[id].keywords = keywords
    }

    private func isActive(_ entry: KeywordEntry, in dialect: Dialect) -> Bool {
        dialect.vocabularies.contains(entry.vocabulary)
            || entry.vocabulary == .formatAnnotation && dialect.vocabularies.contains(.formatAssertion)
    }

    // MARK: - For keywords

    mutating func trackEvaluated() { program.tracksEvaluated = true }
    mutating func trackScope() { program.tracksScope = true }

    /// The schema that is the keyword's value.
    mutating func schema(of site: KeywordSite) throws(SchemaError) -> NodeID {
        try schema(site.value, of: site, at: [])
    }

    /// The schema in the sibling keyword `name`.
    mutating func schema(besides site: KeywordSite, _ name: String) throws(SchemaError) -> NodeID? {
        guard let value = site.schema[name] else { return nil }
        guard value.asObject != nil || value.asBool != nil else { return nil }
        return try node(at: site.location.appending(name))
    }

    /// The schemas that are the elements of the keyword's value.
    mutating func schemas(listedBy site: KeywordSite) throws(SchemaError) -> [NodeID] {
        let list = try site.list()
        guard !list.isEmpty || site.dialect.draft <= .draft2019 && site.name == "items" else {
            throw site.error("\"\(site.name)\" must not be an empty list")
        }
        var ids: [NodeID] = []
        for (index, item) in list.enumerated() { ids.append(try schema(item, of: site, at: [String(index)])) }
        return ids
    }

    /// The schemas that are the members of an object at the keyword.
    mutating func schemas(
        in members: ValueObject, of site: KeywordSite
    ) throws(SchemaError) -> [(key: String, id: NodeID)] {
        var ids: [(key: String, id: NodeID)] = []
        for (key, value) in members { ids.append((key, try schema(value, of: site, at: [key]))) }
        return ids
    }

    /// A schema inside the keyword's value.
    mutating func schema(_ value: Value, of site: KeywordSite, at tokens: [String]) throws(SchemaError) -> NodeID {
        guard value.asObject != nil || value.asBool != nil else {
            let found = Wording.found(Instance(value: value, isContentKnown: true))
            throw site.error("a schema must be an object or true or false, found \(found)", at: tokens)
        }
        return try node(
            at: SchemaLocation(document: site.location.document, tokens: site.location.tokens + [site.name] + tokens))
    }

    /// The pattern `text`, an ECMA-262 regular expression, which stands at `tokens` inside the keyword's value.
    mutating func pattern(_ text: String, of site: KeywordSite, at tokens: [String]) throws(SchemaError) -> Pattern {
        if let known = patterns[text] { return known }
        do throws(PatternError) {
            let pattern = try Pattern(text)
            patterns[text] = pattern
            return pattern
        } catch {
            throw site.error(
                "invalid pattern \(Wording.quoted(text)): \(error.message)", at: tokens, code: .pattern)
        }
    }

    // MARK: - References

    /// The target of a reference in the keyword's value.
    mutating func target(of reference: String, _ site: KeywordSite) throws(SchemaError) -> ReferenceTarget {
        let uri = registry.resources[site.resource].uri.resolving(URIReference(reference))
        guard let resource = try registry.resource(uri) else {
            throw site.error(
                "\"\(site.name)\" points to \(Wording.quoted(reference)), but there is no such document",
                code: .reference, hint: "documents are not fetched; add it as a resource")
        }
        let fragment = uri.fragment.flatMap { PercentDecoding.text($0) } ?? uri.fragment ?? ""
        let base = registry.resources[resource]
        var location = base.location
        if let pointer = JSONPointer(fragment) {
            location.tokens += pointer.tokens
        } else if let anchor = base.anchors[fragment] {
            location = anchor
        } else {
            let guess = Suggestion.closest(to: fragment, among: base.anchors.keys.sorted())
            throw site.error(
                "\"\(site.name)\" points to \(Wording.quoted(reference)), but there is no such anchor",
                code: .reference, hint: guess.map { "did you mean \"#\($0)\"?" })
        }
        guard let value = registry.value(at: location) else {
            throw unresolved(location, base: base.location, reference: reference, site)
        }
        guard value.asObject != nil || value.asBool != nil else {
            throw site.error(
                "\"\(site.name)\" points to \(Wording.quoted(reference)), which is not a schema", code: .reference)
        }
        let isDynamic = base.dynamicAnchors[fragment] != nil
        return ReferenceTarget(id: try node(at: location), dynamicName: isDynamic ? fragment : nil)
    }

    private func unresolved(
        _ location: SchemaLocation, base: SchemaLocation, reference: String, _ site: KeywordSite
    ) -> SchemaError {
        // Suggestions come from the keys at the last location that exists.
        var parent = location
        var last = parent.tokens.popLast() ?? ""
        while parent.tokens.count > base.tokens.count, registry.value(at: parent) == nil {
            last = parent.tokens.popLast() ?? ""
        }
        var hint: String?
        if let keys = registry.value(at: parent)?.asObject?.keys, let guess = Suggestion.closest(to: last, among: keys)
        {
            let way = Array(parent.tokens.dropFirst(base.tokens.count)) + [guess]
            hint = "did you mean \"#\(JSONPointer(tokens: way).text)\"?"
        }
        return site.error(
            "\"\(site.name)\" points to \(Wording.quoted(reference)), which does not exist", code: .reference,
            hint: hint)
    }
}

/// The target of a reference.
struct ReferenceTarget {
    let id: NodeID
    /// The anchor's name, when the target was found by a `$dynamicAnchor`.
    let dynamicName: String?
}

/// Detects schemas that apply to the same value again unconditionally, and so never terminate.
enum LoopDetector {
    private enum Mark { case open, done }

    /// A node of a cycle, if there is one.
    static func loop(in program: SchemaProgram) -> NodeID? {
        var marks: [Mark?] = Array(repeating: nil, count: program.nodes.count)
        for start in program.nodes.indices where marks[start] == nil {
            marks[start] = .open
            var way = [(node: start, next: next(start, program))]
            while let last = way.indices.last {
                guard let next = way[last].next.popLast() else {
                    marks[way[last].node] = .done
                    way.removeLast()
                    continue
                }
                switch marks[next] {
                case .open: return next
                case .done: break
                case nil:
                    marks[next] = .open
                    way.append((next, self.next(next, program)))
                }
            }
        }
        return nil
    }

    private static func next(_ node: NodeID, _ program: SchemaProgram) -> [NodeID] {
        program.nodes[node].keywords.flatMap(\.alwaysInPlace)
    }
}

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

/// A compiled schema.
struct SchemaProgram: Sendable {
    var nodes: [SchemaNode] = []
    var root: NodeID = 0
    /// For each resource, the schemas that `$dynamicRef` finds by name.
    var dynamicAnchors: [[String: NodeID]] = []
    /// Whether any `unevaluated…` keyword needs the evaluated members.
    var tracksEvaluated = false
    /// Whether any `$dynamicRef` needs the dynamic scope.
    var tracksScope = false

    /// The keys that the schema at `id` declares at this level, also through references and alternatives.
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
