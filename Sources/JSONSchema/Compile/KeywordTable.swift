/// What there is to know of a keyword before it is compiled.
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

/// All keywords, in the order in which they are checked: the kind of a value before its content, and `unevaluated…`
/// after everything that may look at members.
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

    /// Definitions check nothing by themselves; compiling them finds their mistakes.
    @Sendable private static func definitions(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        _ = try compiler.schemas(in: try site.object(), of: site)
        return nil
    }

    /// A schema that another keyword uses, or that is a remark.
    @Sendable private static func schemasOnly(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        _ = try compiler.schema(of: site)
        return nil
    }
}
