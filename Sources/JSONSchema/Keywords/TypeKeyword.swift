import RunnelKit

/// The kinds of values that JSON Schema tells apart.
enum ValueKind: String, Sendable, CaseIterable {
    case string, number, integer, boolean, array, object, null

    /// The kind in words, as a message has it.
    var words: String {
        switch self {
        case .string: "a string"
        case .number: "a number"
        case .integer: "a whole number"
        case .boolean: "true or false"
        case .array: "a list"
        case .object: "an object"
        case .null: "null"
        }
    }

    func includes(_ value: Value) -> Bool {
        switch (self, value) {
        case (.string, .string), (.string, .bytes), (.number, .int), (.number, .double), (.integer, .int),
            (.boolean, .bool), (.array, .list), (.object, .object), (.null, .null):
            true
        case (.integer, .double(let real)): real.isFinite && real.rounded() == real
        default: false
        }
    }
}

/// `type`.
struct TypeKeyword: Keyword {
    let kinds: [ValueKind]

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        if kinds.contains(where: { $0.includes(instance.value) }) { return .valid }
        let words = kinds.map(\.words)
        return run.fail(
            "type", expected: words, "expected \(Wording.alternatives(words)), found \(Wording.found(instance))")
    }

    @Sendable static func compile(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        if site.value.asString != nil { return TypeKeyword(kinds: [try kind(site.value, site, at: [])]) }
        guard let list = site.value.asList, !list.isEmpty else {
            throw site.mismatch("the name of a type or a list of such names", found: site.value)
        }
        var kinds: [ValueKind] = []
        for (index, item) in list.enumerated() { kinds.append(try kind(item, site, at: [String(index)])) }
        return TypeKeyword(kinds: kinds)
    }

    private static func kind(
        _ value: Value, _ site: KeywordSite, at tokens: [String]
    ) throws(SchemaError) -> ValueKind {
        guard let name = value.asString else { throw site.mismatch("the name of a type", found: value, at: tokens) }
        if let kind = ValueKind(rawValue: name) { return kind }
        let names = ValueKind.allCases.map(\.rawValue)
        throw site.error(
            "\(Wording.quoted(name)) is not a type; types are \(names.joined(separator: ", "))", at: tokens,
            hint: Suggestion.closest(to: name, among: names).map { "did you mean \"\($0)\"?" })
    }
}
