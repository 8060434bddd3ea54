import RunnelKit

/// A keyword of a compiled schema.
protocol Keyword: Sendable {
    /// Validates `instance` and adds an issue to `run` for each violation.
    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict

    /// Schemas that always apply to the same value: a cycle through them never terminates.
    var alwaysInPlace: [NodeID] { get }
    /// Schemas that may apply to the same value.
    var inPlace: [NodeID] { get }
    /// The keys that the keyword declares, for suggestions.
    var declaredKeys: [String] { get }
}

extension Keyword {
    var alwaysInPlace: [NodeID] { [] }
    var inPlace: [NodeID] { alwaysInPlace }
    var declaredKeys: [String] { [] }
}

/// The declaration of a keyword: its name, drafts, shape and compiler.
struct KeywordEntry: Sendable {
    typealias Compile = @Sendable (KeywordSite, inout SchemaCompiler) throws(SchemaError) -> (any Keyword)?

    let name: String
    let vocabulary: Vocabulary
    let shape: KeywordShape
    /// The drafts that have it.
    let drafts: ClosedRange<Dialect.Draft>
    let compile: Compile

    init(
        _ name: String, _ vocabulary: Vocabulary, _ shape: KeywordShape = .none,
        from first: Dialect.Draft = .draft4, to last: Dialect.Draft = .draft2020, compile: @escaping Compile
    ) {
        self.name = name
        self.vocabulary = vocabulary
        self.shape = shape
        self.drafts = first...last
        self.compile = compile
    }
}

/// All keywords in evaluation order: the type of a value before its content, and `unevaluated…` after all applicators.
enum KeywordTable {
    static let entries: [KeywordEntry] = [
        KeywordEntry("type", .validation, compile: TypeKeyword.compile),
        KeywordEntry("const", .validation, from: .draft6, compile: EnumKeyword.compileConst),
        KeywordEntry("enum", .validation, compile: EnumKeyword.compile),

        KeywordEntry("minimum", .validation, compile: BoundKeyword.compile),
        KeywordEntry("exclusiveMinimum", .validation, compile: BoundKeyword.compile),
        KeywordEntry("maximum", .validation, compile: BoundKeyword.compile),
        KeywordEntry("exclusiveMaximum", .validation, compile: BoundKeyword.compile),
        KeywordEntry("multipleOf", .validation, compile: MultipleOfKeyword.compile),

        KeywordEntry("minLength", .validation, compile: SizeKeyword.compile),
        KeywordEntry("maxLength", .validation, compile: SizeKeyword.compile),
        KeywordEntry("pattern", .validation, compile: PatternKeyword.compile),
        KeywordEntry("format", .formatAnnotation, compile: FormatKeyword.compile),

        KeywordEntry("minItems", .validation, compile: SizeKeyword.compile),
        KeywordEntry("maxItems", .validation, compile: SizeKeyword.compile),
        KeywordEntry("uniqueItems", .validation, compile: UniqueItemsKeyword.compile),
        KeywordEntry("prefixItems", .applicator, .list, from: .draft2020, compile: PrefixItemsKeyword.compile),
        KeywordEntry("items", .applicator, .schemaOrList, compile: ItemsKeyword.compile),
        KeywordEntry("additionalItems", .applicator, .schema, to: .draft2019, compile: ItemsKeyword.compileAdditional),
        KeywordEntry("contains", .applicator, .schema, from: .draft6, compile: ContainsKeyword.compile),
        KeywordEntry("minContains", .validation, from: .draft2019, compile: ContainsKeyword.compileBound),
        KeywordEntry("maxContains", .validation, from: .draft2019, compile: ContainsKeyword.compileBound),

        KeywordEntry("minProperties", .validation, compile: SizeKeyword.compile),
        KeywordEntry("maxProperties", .validation, compile: SizeKeyword.compile),
        KeywordEntry("required", .validation, compile: RequiredKeyword.compile),
        KeywordEntry("dependentRequired", .validation, from: .draft2019, compile: DependentRequiredKeyword.compile),
        KeywordEntry("propertyNames", .applicator, .schema, from: .draft6, compile: PropertyNamesKeyword.compile),
        KeywordEntry("properties", .applicator, .map, compile: PropertiesKeyword.compile),
        KeywordEntry("patternProperties", .applicator, .map, compile: PatternPropertiesKeyword.compile),
        KeywordEntry("additionalProperties", .applicator, .schema, compile: AdditionalPropertiesKeyword.compile),

        KeywordEntry("$ref", .core, compile: ReferenceKeyword.compile),
        KeywordEntry("$dynamicRef", .core, from: .draft2020, compile: ReferenceKeyword.compileDynamic),
        KeywordEntry(
            "$recursiveRef", .core, from: .draft2019, to: .draft2019, compile: ReferenceKeyword.compileRecursive),
        KeywordEntry("allOf", .applicator, .list, compile: AllOfKeyword.compile),
        KeywordEntry("anyOf", .applicator, .list, compile: AnyOfKeyword.compile),
        KeywordEntry("oneOf", .applicator, .list, compile: OneOfKeyword.compile),
        KeywordEntry("not", .applicator, .schema, compile: NotKeyword.compile),
        KeywordEntry("if", .applicator, .schema, from: .draft7, compile: ConditionalKeyword.compile),
        KeywordEntry("then", .applicator, .schema, from: .draft7, compile: KeywordTable.schemasOnly),
        KeywordEntry("else", .applicator, .schema, from: .draft7, compile: KeywordTable.schemasOnly),
        KeywordEntry("dependentSchemas", .applicator, .map, from: .draft2019, compile: DependentSchemasKeyword.compile),
        KeywordEntry("dependencies", .applicator, .looseMap, compile: DependentSchemasKeyword.compileMixed),

        KeywordEntry(
            "unevaluatedItems", .unevaluated, .schema, from: .draft2019, compile: UnevaluatedItemsKeyword.compile),
        KeywordEntry(
            "unevaluatedProperties", .unevaluated, .schema, from: .draft2019,
            compile: UnevaluatedPropertiesKeyword.compile),

        KeywordEntry("$defs", .core, .map, from: .draft2019, compile: KeywordTable.definitions),
        KeywordEntry("definitions", .core, .map, compile: KeywordTable.definitions),
        KeywordEntry("contentSchema", .content, .schema, from: .draft2019, compile: KeywordTable.schemasOnly),
    ]

    /// Definitions assert nothing by themselves; they are compiled to find errors in them.
    private static func definitions(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        _ = try compiler.schemas(in: try site.object(), of: site)
        return nil
    }

    /// A schema that another keyword uses, or an annotation.
    private static func schemasOnly(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        _ = try compiler.schema(of: site)
        return nil
    }
}

/// Where the value of a keyword holds subschemas.
enum KeywordShape: Sendable {
    case none
    /// The value is a schema.
    case schema
    /// A list of schemas.
    case list
    /// An object whose values are schemas.
    case map
    /// A schema, or a list of them in older drafts.
    case schemaOrList
    /// An object whose values are schemas or something else.
    case looseMap
}

extension KeywordShape {
    /// The subschemas in the value of a keyword of this shape, with the path to each.
    func schemas(in value: Value) -> [(tokens: [String], schema: Value)] {
        func isSchema(_ value: Value) -> Bool { value.asObject != nil || value.asBool != nil }
        switch (self, value) {
        case (.schema, _), (.schemaOrList, .object), (.schemaOrList, .bool): return isSchema(value) ? [([], value)] : []
        case (.list, .list(let items)), (.schemaOrList, .list(let items)):
            return items.enumerated().filter { isSchema($1) }.map { ([String($0)], $1) }
        case (.map, .object(let members)), (.looseMap, .object(let members)):
            return members.filter { isSchema($0.value) }.map { ([$0.key], $0.value) }
        default: return []
        }
    }
}

/// A keyword at its location in a schema, during compilation.
struct KeywordSite {
    let name: String
    let value: Value
    /// The schema that contains it.
    let schema: ValueObject
    /// The location of that schema.
    let location: SchemaLocation
    let resource: ResourceID
    let dialect: Dialect
    let document: String?

    /// An error at the keyword, or at `tokens` inside it.
    func error(
        _ message: String, at tokens: [String] = [], code: SchemaError.Code = .keyword, hint: String? = nil
    ) -> SchemaError {
        SchemaError(
            code: code, pointer: JSONPointer(tokens: location.tokens + [name] + tokens).text, document: document,
            message: message, hint: hint)
    }

    /// The error for a value of another type than `expected`.
    func mismatch(_ expected: String, found: Value, at tokens: [String] = []) -> SchemaError {
        let found = Wording.found(Instance(value: found, isContentKnown: true))
        return error("\"\(name)\" must be \(expected), found \(found)", at: tokens)
    }

    // MARK: - Reading the value

    func string() throws(SchemaError) -> String { try expect("a string", value.asString) }
    func bool() throws(SchemaError) -> Bool { try expect("true or false", value.asBool) }
    func number() throws(SchemaError) -> Number { try expect("a number", Number(value)) }
    func list() throws(SchemaError) -> [Value] { try expect("a list", value.asList) }
    func object() throws(SchemaError) -> ValueObject { try expect("an object", value.asObject) }

    private func expect<Content>(_ expected: String, _ content: Content?) throws(SchemaError) -> Content {
        guard let content else { throw mismatch(expected, found: value) }
        return content
    }

    func count() throws(SchemaError) -> Int {
        guard let whole = value.asInt, whole >= 0 else {
            // A bound beyond 64 bits never applies.
            if case .double(let real) = value, real > 0, real.rounded() == real { return Int.max }
            throw mismatch("a whole number from 0", found: value)
        }
        return Int(clamping: whole)
    }

    func strings() throws(SchemaError) -> [String] {
        try strings(value, at: [])
    }

    func strings(_ value: Value, at tokens: [String]) throws(SchemaError) -> [String] {
        guard let list = value.asList else { throw mismatch("a list of strings", found: value, at: tokens) }
        var strings: [String] = []
        for (index, item) in list.enumerated() {
            guard let text = item.asString else {
                throw mismatch("a list of strings", found: item, at: tokens + [String(index)])
            }
            strings.append(text)
        }
        return strings
    }
}
