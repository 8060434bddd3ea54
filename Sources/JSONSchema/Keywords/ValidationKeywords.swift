import RunnelKit

/// The types of JSON Schema.
enum ValueKind: String, Sendable, CaseIterable {
    case string, number, integer, boolean, array, object, null

    /// The name of the type for messages.
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

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
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
            hint: Suggestion.hint(for: name, among: names))
    }
}

/// `enum`, and `const`, which is an `enum` of one.
struct EnumKeyword: Keyword {
    let name: String
    let values: [Value]
    /// Fast path for completely known values.
    private let set: Set<ExactValue>

    init(name: String, values: [Value]) {
        self.name = name
        self.values = values
        set = Set(values.map(ExactValue.init))
    }

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        let verdict = compare(instance, run)
        guard verdict == .invalid else { return verdict }
        let expected = values.map(Wording.quoted)
        let suggestion = suggestion(for: instance)
        return run.fail(
            name, suggestion: suggestion, expected: expected,
            Self.message(expected, instance: instance, suggestion: suggestion))
    }

    static func message(_ expected: [String], instance: Instance, suggestion: String?) -> String {
        let guess = Wording.didYouMean(suggestion)
        if expected.count == 1 { return "expected \(expected[0]), found \(found(instance))\(guess)" }
        return "\(found(instance)) is not one of \(Wording.list(expected))\(guess)"
    }

    private static func found(_ instance: Instance) -> String {
        switch instance.value {
        case _ where !instance.isContentKnown: "a string"
        case .bytes: "binary data"
        default: Wording.quoted(instance.value)
        }
    }

    private func compare(_ instance: Instance, _ run: Evaluation) -> Verdict {
        guard instance.isContentKnown else {
            return values.contains { $0.asString != nil } ? .unknown : .invalid
        }
        guard run.knowledge != nil else { return Verdict(set.contains(ExactValue(value: instance.value))) }
        let equality = PartialEquality(knowledge: run.knowledge)
        var isOpen = false
        for value in values {
            switch equality.compare(instance.value, at: run.path, with: value) {
            case .valid: return .valid
            case .unknown: isOpen = true
            case .invalid: break
            }
        }
        return isOpen ? .unknown : .invalid
    }

    private func suggestion(for instance: Instance) -> String? {
        guard instance.isContentKnown, let text = instance.value.asString else { return nil }
        return Suggestion.closest(to: text, among: values.lazy.compactMap(\.asString))
    }

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
        EnumKeyword(name: "enum", values: try site.list())
    }

    static func compileConst(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        EnumKeyword(name: "const", values: [site.value])
    }
}

/// `multipleOf` in decimal arithmetic: 0.3 is a multiple of 0.1.
struct MultipleOfKeyword: Keyword {
    let unit: Number
    let decimal: Decimal

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard let number = Number(instance.value) else { return .valid }
        if case (.int(let whole), .int(let unit)) = (number, unit) {
            if whole.isMultiple(of: unit) { return .valid }
        } else if let value = Decimal(number), value.isMultiple(of: decimal) {
            return .valid
        }
        return run.fail(
            "multipleOf",
            "expected a multiple of \(Wording.quoted(unit.value)), found \(Wording.quoted(instance.value))")
    }

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
        guard let unit = Number(site.value), unit > .int(0), let decimal = Decimal(unit) else {
            throw site.mismatch("a number above 0", found: site.value)
        }
        return MultipleOfKeyword(unit: unit, decimal: decimal)
    }
}

/// `minimum`, `maximum`, `exclusiveMinimum` and `exclusiveMaximum`.
struct BoundKeyword: Keyword {
    let name: String
    let bound: Number
    let isLower: Bool
    let isExclusive: Bool

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard let number = Number(instance.value) else { return .valid }
        let holds =
            isLower
            ? (isExclusive ? number > bound : number >= bound) : (isExclusive ? number < bound : number <= bound)
        if holds { return .valid }
        let side =
            switch (isLower, isExclusive) {
            case (true, false): "at least"
            case (true, true): "more than"
            case (false, false): "at most"
            case (false, true): "less than"
            }
        return run.fail(
            name, "expected \(side) \(Wording.quoted(bound.value)), found \(Wording.quoted(instance.value))")
    }

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
        let isLower = site.name.lowercased().hasSuffix("minimum")
        let isExclusive = site.name.hasPrefix("exclusive")
        if site.dialect.draft == .draft4 {
            // In draft 4 `exclusiveMinimum: true` makes `minimum` exclusive.
            if isExclusive {
                _ = try site.bool()
                return nil
            }
            let flag = site.schema[isLower ? "exclusiveMinimum" : "exclusiveMaximum"]
            return BoundKeyword(
                name: site.name, bound: try site.number(), isLower: isLower, isExclusive: flag?.asBool == true)
        }
        return BoundKeyword(name: site.name, bound: try site.number(), isLower: isLower, isExclusive: isExclusive)
    }
}

/// `minLength`, `maxLength`, `minItems`, `maxItems`, `minProperties` and `maxProperties`.
struct SizeKeyword: Keyword {
    private enum Measure: String, Sendable {
        case character = "Length"
        case item = "Items"
        case key = "Properties"

        var noun: String {
            switch self {
            case .character: "character"
            case .item: "item"
            case .key: "key"
            }
        }

        /// The size of what is measured; nil for other kinds of values.
        func size(_ instance: Instance) -> Int? {
            switch self {
            // A character is a code point.
            case .character: instance.text?.unicodeScalars.count
            case .item: instance.list?.count
            case .key: instance.object?.count
            }
        }
    }

    private let name: String
    private let measure: Measure
    private let bound: Int
    private let isLower: Bool

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard instance.isContentKnown else { return measure == .character ? .unknown : .valid }
        guard let size = measure.size(instance) else { return .valid }
        if isLower ? size >= bound : size <= bound { return .valid }
        return run.fail(
            name, "expected at \(isLower ? "least" : "most") \(Wording.count(bound, measure.noun)), found \(size)")
    }

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
        guard let measure = Measure(rawValue: String(site.name.dropFirst(3))) else { return nil }
        return SizeKeyword(
            name: site.name, measure: measure, bound: try site.count(), isLower: site.name.hasPrefix("min"))
    }
}

/// `uniqueItems: true`.
struct UniqueItemsKeyword: Keyword {
    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard let items = instance.list else { return .valid }
        let equality = PartialEquality(knowledge: run.knowledge)
        var places: [ExactValue: Int] = [:]
        var isOpen = false
        for (index, item) in items.enumerated() {
            guard equality.isWhollyKnown(item, at: run.path + [.index(index)]) else {
                isOpen = true
                continue
            }
            if let first = places.updateValue(index, forKey: ExactValue(value: item)) {
                return run.fail(
                    "uniqueItems", "the items \(first) and \(index) are equal: \(Wording.quoted(item))")
            }
        }
        return isOpen ? .unknown : .valid
    }

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
        try site.bool() ? UniqueItemsKeyword() : nil
    }
}

/// `required`.
struct RequiredKeyword: Keyword {
    let keys: [String]

    var declaredKeys: [String] { keys }

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard let object = instance.object else { return .valid }
        var verdict = Verdict.valid
        for key in keys where object[key] == nil {
            verdict = run.fail("required", key: key, "the required key \(Wording.quoted(key)) is missing")
        }
        return verdict
    }

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
        RequiredKeyword(keys: try site.strings())
    }
}

/// `dependentRequired`.
struct DependentRequiredKeyword: Keyword {
    let dependencies: [Dependency]

    struct Dependency: Sendable {
        let key: String
        let needs: [String]
    }

    var declaredKeys: [String] { dependencies.flatMap { [$0.key] + $0.needs } }

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard let object = instance.object else { return .valid }
        var verdict = Verdict.valid
        for dependency in dependencies where object[dependency.key] != nil {
            for key in dependency.needs where object[key] == nil {
                verdict = run.fail(
                    "dependentRequired", key: key,
                    "the key \(Wording.quoted(key)) is required where \(Wording.quoted(dependency.key)) is given")
            }
        }
        return verdict
    }

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
        var dependencies: [Dependency] = []
        for (key, value) in try site.object() {
            dependencies.append(Dependency(key: key, needs: try site.strings(value, at: [key])))
        }
        return DependentRequiredKeyword(dependencies: dependencies)
    }
}

/// `pattern`.
struct PatternKeyword: Keyword {
    let pattern: Pattern

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard instance.isContentKnown else { return .unknown }
        guard let text = instance.text else { return .valid }
        switch run.matches(pattern, text) {
        case true: return .valid
        case false:
            return run.fail(
                "pattern", "\(Wording.quoted(text)) does not match the pattern \(Wording.quoted(pattern.source))")
        case nil:
            return run.fail(
                "pattern",
                "a string of \(text.unicodeScalars.count) characters is too long to be checked against the pattern "
                    + Wording.quoted(pattern.source))
        }
    }

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
        PatternKeyword(pattern: try compiler.pattern(try site.string(), of: site, at: []))
    }
}

/// `format` as an assertion.
struct FormatKeyword: Keyword {
    let format: StringFormat

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard instance.isContentKnown else { return .unknown }
        guard let text = instance.value.asString, !format.accepts(text) else { return .valid }
        return run.fail("format", "\(Wording.quoted(text)) is not \(format.words)")
    }

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
        let name = try site.string()
        guard compiler.assertFormats || site.dialect.vocabularies.contains(.formatAssertion) else { return nil }
        return StringFormat(rawValue: name).map(FormatKeyword.init)
    }
}
