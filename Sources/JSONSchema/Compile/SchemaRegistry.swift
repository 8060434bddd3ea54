import RunnelKit

/// The schema documents, and the ids and anchors in them.
struct SchemaRegistry {
    private(set) var documents: [(uri: String?, value: Value)] = []
    private(set) var resources: [SchemaResource] = []
    private var byURI: [String: ResourceID] = [:]
    /// The resource of each visited schema.
    private var owners: [SchemaLocation: ResourceID] = [:]
    /// Documents without a reference to them so far, by URI.
    private var waiting: [String: Value]
    /// The dialect of documents without `$schema`: that of the root schema.
    private var standard = Dialect.standard

    init(resources: [String: Value]) {
        waiting = [:]
        for (uri, value) in resources { waiting[URIReference(uri).withoutFragment.text] = value }
    }

    // MARK: - Documents

    /// Adds a document with all its ids and anchors.
    mutating func add(_ value: Value, uri: String?) throws(SchemaError) -> ResourceID {
        let location = SchemaLocation(document: documents.count, tokens: [])
        documents.append((uri, value))
        let base = URIReference(uri ?? "")
        let root = try scan(value, at: location, base: base, parent: nil)
        if location.document == 0 { standard = resources[root].dialect }
        // Also register the retrieval URI if the `$id` differs.
        if byURI[base.text] == nil { byURI[base.text] = root }
        return root
    }

    /// The resource that `uri` names; nil when there is none.
    mutating func resource(_ uri: URIReference) throws(SchemaError) -> ResourceID? {
        let name = uri.withoutFragment.text
        if let known = byURI[name] { return known }
        if let value = waiting.removeValue(forKey: name) { return try add(value, uri: name) }
        if let value = Metaschema.document(name) { return try add(value, uri: name) }
        // The URI may be the `$id` of a subschema of a document with another URI.
        for key in waiting.keys.sorted() {
            guard let value = waiting.removeValue(forKey: key) else { continue }
            _ = try add(value, uri: key)
            if let known = byURI[name] { return known }
        }
        return nil
    }

    /// The value at a place; nil when there is none.
    func value(at location: SchemaLocation) -> Value? {
        var value = documents[location.document].value
        for token in location.tokens {
            switch value {
            case .object(let object):
                guard let next = object[token] else { return nil }
                value = next
            case .list(let list):
                guard let index = Int(token), list.indices.contains(index), String(index) == token else { return nil }
                value = list[index]
            default: return nil
            }
        }
        return value
    }

    /// The resource that the schema at `location` belongs to.
    ///
    /// A pointer can also target a location that is not a subschema of any keyword; it belongs to the enclosing
    /// resource.
    mutating func owner(of location: SchemaLocation) throws(SchemaError) -> ResourceID {
        if let owner = owners[location] { return owner }
        var outer = location
        while !outer.tokens.isEmpty {
            outer.tokens.removeLast()
            guard let owner = owners[outer] else { continue }
            if let value = value(at: location) {
                return try scan(value, at: location, base: resources[owner].uri, parent: owner)
            }
            return owner
        }
        return 0
    }

    // MARK: - Names in a document

    private struct Seen {
        let value: Value
        let location: SchemaLocation
        let owner: ResourceID?
    }

    /// Registers the ids and anchors of a schema and its subschemas; returns the resource of the outermost one.
    private mutating func scan(
        _ value: Value, at location: SchemaLocation, base: URIReference, parent: ResourceID?
    ) throws(SchemaError) -> ResourceID {
        var open = [Seen(value: value, location: location, owner: parent)]
        var first: ResourceID?
        while let seen = open.popLast() {
            guard seen.location.tokens.count <= SchemaCompiler.maxDepth else {
                throw error(.size, seen.location, "schemas nest deeper than \(SchemaCompiler.maxDepth) levels")
            }
            let owner = try enter(seen, base: base)
            if first == nil { first = owner }
            owners[seen.location] = owner
            guard case .object(let schema) = seen.value else { continue }
            for entry in KeywordTable.entries where entry.shape != .none {
                guard let value = schema[entry.name] else { continue }
                let place = seen.location.appending(entry.name)
                for (tokens, inner) in entry.shape.schemas(in: value) {
                    let location = SchemaLocation(document: place.document, tokens: place.tokens + tokens)
                    open.append(Seen(value: inner, location: location, owner: owner))
                }
            }
        }
        return first ?? 0
    }

    /// Registers the anchors of a schema and returns its resource, which is a new one if it has an `$id`.
    private mutating func enter(_ seen: Seen, base: URIReference) throws(SchemaError) -> ResourceID {
        let schema = seen.value.asObject ?? ValueObject()
        let place = seen.location
        var owner = seen.owner
        let dialect: Dialect
        if owner == nil || (schema["$id"] != nil && schema["$schema"] != nil) {
            dialect = try self.dialect(schema, at: place)
        } else {
            dialect = owner.map { resources[$0].dialect } ?? standard
        }
        let base = owner.map { resources[$0].uri } ?? base
        let idKeyword = dialect.draft == .draft4 ? "id" : "$id"
        // Before 2019-09 siblings of a `$ref` are ignored.
        let isReference = dialect.draft <= .draft7 && schema["$ref"] != nil
        var anchors: [String] = []
        if let id = schema[idKeyword], !isReference {
            guard let text = id.asString else {
                throw error(
                    .keyword, place.appending(idKeyword), "\"\(idKeyword)\" must be a string, found \(describe(id))")
            }
            let reference = URIReference(text)
            if let fragment = reference.fragment, !fragment.isEmpty {
                guard dialect.draft <= .draft7 else {
                    throw error(
                        .keyword, place.appending(idKeyword), "\"$id\" must not have a fragment, found \(describe(id))",
                        hint: "use \"$anchor\"")
                }
                anchors.append(fragment)
            }
            if owner == nil || !reference.withoutFragment.text.isEmpty {
                owner = open(base.resolving(reference).withoutFragment, at: place, dialect: dialect)
            }
        }
        let resource = owner ?? open(base, at: place, dialect: dialect)
        if dialect.draft >= .draft2019 {
            anchors += try anchor("$anchor", in: schema, at: place).map { [$0] } ?? []
        }
        if dialect.draft == .draft2020, let name = try anchor("$dynamicAnchor", in: schema, at: place) {
            anchors.append(name)
            if resources[resource].dynamicAnchors[name] == nil { resources[resource].dynamicAnchors[name] = place }
        }
        if dialect.draft == .draft2019, schema["$recursiveAnchor"]?.asBool == true {
            resources[resource].dynamicAnchors[""] = place
        }
        for name in anchors where resources[resource].anchors[name] == nil {
            resources[resource].anchors[name] = place
        }
        return resource
    }

    private mutating func open(_ uri: URIReference, at location: SchemaLocation, dialect: Dialect) -> ResourceID {
        resources.append(SchemaResource(uri: uri, location: location, dialect: dialect))
        if byURI[uri.text] == nil { byURI[uri.text] = resources.count - 1 }
        return resources.count - 1
    }

    private func anchor(
        _ keyword: String, in schema: ValueObject, at place: SchemaLocation
    ) throws(SchemaError) -> String? {
        guard let value = schema[keyword] else { return nil }
        guard let name = value.asString, let first = name.utf8.first, isNameStart(first),
            name.utf8.allSatisfy({
                isNameStart($0) || isDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
            })
        else {
            throw error(
                .keyword, place.appending(keyword),
                "\"\(keyword)\" must be a name that begins with a letter or \"_\", found \(describe(value))")
        }
        return name
    }

    private func isNameStart(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    // MARK: - Dialects

    private mutating func dialect(_ schema: ValueObject, at place: SchemaLocation) throws(SchemaError) -> Dialect {
        guard let value = schema["$schema"] else { return standard }
        guard let uri = value.asString else {
            throw error(.keyword, place.appending("$schema"), "\"$schema\" must be a string, found \(describe(value))")
        }
        if let published = Dialect(metaschema: uri) { return published }
        guard let metaschema = metaschemaDocument(uri)?.asObject else {
            throw error(
                .dialect, place.appending("$schema"), "unknown dialect \(Wording.quoted(uri))",
                hint: "use \"https://json-schema.org/draft/2020-12/schema\", or add the metaschema as a resource")
        }
        let base = metaschema["$schema"]?.asString.flatMap { Dialect(metaschema: $0) } ?? .standard
        guard let switches = metaschema["$vocabulary"]?.asObject else { return base }
        var vocabularies: Set<Vocabulary> = [.core]
        for (name, isRequired) in switches {
            if let vocabulary = Vocabulary(uri: name) {
                vocabularies.insert(vocabulary)
            } else if isRequired.asBool == true {
                throw error(
                    .dialect, place.appending("$schema"),
                    "the dialect \(Wording.quoted(uri)) needs the vocabulary \(Wording.quoted(name)), "
                        + "which is not supported")
            }
        }
        return Dialect(draft: base.draft, vocabularies: vocabularies)
    }

    private func metaschemaDocument(_ uri: String) -> Value? {
        let name = URIReference(uri).withoutFragment.text
        if let value = waiting[name] { return value }
        return byURI[name].flatMap { value(at: resources[$0].location) }
    }

    // MARK: - Errors

    /// An error at a place.
    func error(
        _ code: SchemaError.Code, _ place: SchemaLocation, _ message: String, hint: String? = nil
    ) -> SchemaError {
        let document = documents.indices.contains(place.document) ? documents[place.document].uri : nil
        return SchemaError(
            code: code, pointer: JSONPointer(tokens: place.tokens).text, document: document, message: message,
            hint: hint)
    }

    private func describe(_ value: Value) -> String {
        Wording.found(Instance(value: value, isContentKnown: true))
    }
}

/// A schema resource: a document, or a part of one with its own `$id`; the base of relative references and anchors.
struct SchemaResource {
    let uri: URIReference
    let location: SchemaLocation
    let dialect: Dialect
    var anchors: [String: SchemaLocation] = [:]
    var dynamicAnchors: [String: SchemaLocation] = [:]
}

/// A location in one of the schema documents.
struct SchemaLocation: Hashable {
    /// The number of the document; 0 is the schema itself.
    var document: Int
    /// The JSON pointer's tokens.
    var tokens: [String]

    func appending(_ more: String...) -> SchemaLocation {
        SchemaLocation(document: document, tokens: tokens + more)
    }
}
