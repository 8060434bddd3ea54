import RunnelKit

/// The dialect of a schema: its draft and, in 2020-12, the vocabularies that its metaschema enables.
struct Dialect: Sendable, Hashable {
    /// The drafts in which a keyword changed its meaning.
    enum Draft: Int, Sendable, Comparable {
        case draft4 = 4, draft6, draft7, draft2019, draft2020

        static func < (left: Draft, right: Draft) -> Bool { left.rawValue < right.rawValue }
    }

    var draft: Draft
    var vocabularies: Set<Vocabulary>

    static let standard = Dialect(draft: .draft2020, vocabularies: Vocabulary.standard)

    /// The dialect of a published metaschema; nil for any other.
    init?(metaschema uri: String) {
        let name = uri.hasSuffix("#") ? String(uri.dropLast()) : uri
        guard let draft = Self.published[name] else { return nil }
        self.init(draft: draft, vocabularies: Vocabulary.standard)
    }

    init(draft: Draft, vocabularies: Set<Vocabulary>) {
        self.draft = draft
        self.vocabularies = vocabularies
    }

    static let published: [String: Draft] = [
        "https://json-schema.org/draft/2020-12/schema": .draft2020,
        "https://json-schema.org/draft/2019-09/schema": .draft2019,
        "http://json-schema.org/draft-07/schema": .draft7,
        "https://json-schema.org/draft-07/schema": .draft7,
        "http://json-schema.org/draft-06/schema": .draft6,
        "http://json-schema.org/draft-04/schema": .draft4,
        // The URI without a version denoted the newest draft.
        "http://json-schema.org/schema": .draft2020,
    ]
}

/// A group of keywords that a metaschema enables (JSON Schema 2020-12 core, section 8.1.2).
enum Vocabulary: String, Sendable {
    case core
    case applicator
    case unevaluated
    case validation
    case metaData = "meta-data"
    case formatAnnotation = "format-annotation"
    case formatAssertion = "format-assertion"
    case content

    /// The vocabularies that the standard metaschema enables.
    static let standard: Set<Vocabulary> = [
        .core, .applicator, .unevaluated, .validation, .metaData, .formatAnnotation, .content,
    ]

    init?(uri: String) {
        let prefixes = ["https://json-schema.org/draft/2020-12/vocab/", "https://json-schema.org/draft/2019-09/vocab/"]
        guard let prefix = prefixes.first(where: uri.hasPrefix) else { return nil }
        let name = String(uri.dropFirst(prefix.count))
        self.init(rawValue: name == "format" ? "format-annotation" : name)
    }
}

/// The published metaschemas that are built in.
enum Metaschema {
    /// The document at `uri`; nil if it is not built in.
    static func document(_ uri: String) -> Value? {
        // The text is built in and a test checks that it is JSON; if not, the reference stays unresolved.
        MetaschemaText.documents[uri].flatMap { try? Value.json($0) }
    }
}
