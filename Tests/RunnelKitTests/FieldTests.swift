import RunnelKit
import Testing

private struct Sample: Step {
    enum Mode: String, FieldChoice {
        case text, json
        static let otherNames: [String: Mode] = ["plain": .text]
    }
    struct Inner: FieldGroup {
        @Field("Who.") var user: String
        @Field("How long.") var wait: Duration = .seconds(2)
    }

    static let name = "sample"
    static let summary = "A step for tests."
    static let documentation = StepDocumentation(output: "null")
    static let rules: [FieldRule] = [.atMostOne(["limit", "inner"])]

    @Field("Where.") var path: String
    @Field("How.", key: "as") var mode: Mode = .text
    @Field("How many.") var limit: Int?
    @Field("More.") var inner: Inner?
    @Field("Names.") var messageIDs: [String] = []
    @Field("A colour.") var ownWords: Colour?

    func run(_ context: StepContext) async throws -> Value { .string(path) }
}

/// Says what is wrong in words of its own.
private struct Colour: FieldValue {
    static var schema: Value { ["type": "string"] }

    init(field value: Value) throws(FieldError) {
        guard value.asString != nil else { throw FieldError("a colour is missing") }
    }
}

private struct AnyValue: FieldGroup {
    @Field("Anything.") var value: Value?
    @Field("Anything, or a default.") var other: Value = "default"
}

@Suite("Fields") struct FieldTests {
    @Test("a group reads its keys in snake case and fills in the defaults")
    func reading() throws {
        let sample = try Sample(fields: ["path": "a", "message_ids": ["x"], "inner": ["user": "u"]])
        #expect(sample.path == "a")
        #expect(sample.mode == .text)
        #expect(sample.limit == nil)
        #expect(sample.messageIDs == ["x"])
        #expect(sample.inner?.wait == .seconds(2))
    }

    @Test(
        "null is given like any other value, and an error where the type does not take it",
        arguments: [
            (["path": "a", "limit": .null], "`limit`: expected a whole number, found null"),
            (["path": "a", "as": .null], #"`as`: expected one of "text", "json", found null"#),
            (["path": "a", "inner": .null], "`inner`: expected a mapping, found null"),
            (["path": "a", "inner": ["user": .null]], "`inner.user`: expected a string, found null"),
            (
                ["path": "a", "inner": ["user": "u", "wait": .null]],
                #"`inner.wait`: expected a duration such as "500ms", "2s" or "1h30m", found null"#
            ),
            (["path": "a", "message_ids": .null], "`message_ids`: expected a list, found null"),
            (["path": "a", "message_ids": ["x", .null]], "`message_ids[1]`: expected a string, found null"),
            (["path": .null], "`path`: expected a string, found null"),
            (["path": "a", "own_words": .null], "`own_words`: a colour is missing"),
        ] as [(ValueObject, String)])
    func null(fields: ValueObject, message: String) throws {
        let error = try #require(throws: FieldError.self) { try Sample(fields: fields) }
        #expect(StepError(badConfiguration: error).message == message)
        #expect(StepError(badConfiguration: error).code == "empty-value")
        #expect(StepError(badConfiguration: error).field == error.path)
        #expect(Value.object(fields).value(at: error.path) == .null)
        let key = try #require(fields.keys.last)
        #expect(Sample.problems(key: key, value: fields[key] ?? .null).first?.code == "empty-value")
    }

    @Test(
        "for a word of another tool, the hint suggests the choice with that meaning",
        arguments: [("Plain", "did you mean \"text\"?"), ("jsn", "did you mean \"json\"?"), ("xml", nil)])
    func otherNames(word: String, hint: String?) throws {
        let error = try #require(throws: FieldError.self) { try Sample(fields: ["path": "a", "as": .string(word)]) }
        #expect(error.message == #"expected one of "text", "json", found "\#(word)""#)
        #expect(error.hint == hint)
    }

    @Test("a key that takes any value is null when null is given, and has its default only when it is left out")
    func anyValue() throws {
        #expect(try AnyValue(fields: ["value": .null]).value == .some(.null))
        #expect(try AnyValue(fields: [:]).value == nil)
        #expect(try AnyValue(fields: ["other": .null]).other == .null)
        #expect(try AnyValue(fields: [:]).other == "default")
    }

    @Test("rules over several keys can be read back from the schema")
    func rulesOfSchema() {
        struct Ruled: FieldGroup {
            static let rules: [FieldRule] = [
                .exactlyOne(["a", "b"]), .atMostOne(["a", "b", "c"]), .requires("c", ["a", "b"]),
            ]
        }
        let schemas = Ruled.schema["allOf"]?.asList ?? []
        #expect(schemas.compactMap { FieldRule(schema: $0) } == Ruled.rules)
        let others: [Value] = [
            [:], true, ["required": ["a"]], ["oneOf": [["required": ["a"]], ["required": ["b", "c"]]]],
            ["oneOf": [["required": ["a"], "type": "object"]]], ["dependentRequired": ["a": ["b"], "b": ["c"]]],
            ["oneOf": [["required": ["a"]]], "minProperties": 1],
        ]
        for schema in others { #expect(FieldRule(schema: schema) == nil, "\(schema)") }
    }

    @Test("a null counts for the rules over several keys")
    func nullInRules() throws {
        let error = try #require(throws: FieldError.self) {
            try Sample(fields: ["path": "a", "limit": .null, "inner": ["user": "u"]])
        }
        #expect(error.message == #""limit" and "inner" are mutually exclusive"#)
    }

    @Test(
        "what is wrong is said with the path that leads to it",
        arguments: [
            (["limit": 1], "`path`: it is missing"),
            (["path": 5], "`path`: expected a string, found the number 5"),
            (["path": "a", "as": "xml"], #"`as`: expected one of "text", "json", found "xml""#),
            (["path": "a", "inner": [:]], "`inner.user`: it is missing"),
            (["path": "a", "message_ids": ["x", 2]], "`message_ids[1]`: expected a string, found the number 2"),
            (
                ["path": "a", "inner": ["user": "u", "wait": "2 parsecs"]],
                #"`inner.wait`: expected a duration such as "500ms", "2s" or "1h30m", found "2 parsecs""#
            ),
            (
                ["path": "a", "limit": 1, "inner": ["user": "u"]],
                #""limit" and "inner" are mutually exclusive"#
            ),
        ] as [(ValueObject, String)])
    func wrong(fields: ValueObject, message: String) throws {
        let error = try #require(throws: FieldError.self) { try Sample(fields: fields) }
        #expect(StepError(badConfiguration: error).message == message)
    }

    @Test("the schema says types, help, defaults and what is required")
    func schema() {
        #expect(
            Sample.schema == [
                "type": "object",
                "properties": [
                    "path": ["type": "string", "description": "Where."],
                    "as": ["enum": ["text", "json"], "description": "How.", "default": "text"],
                    "limit": ["type": "integer", "description": "How many."],
                    "inner": [
                        "type": "object",
                        "properties": [
                            "user": ["type": "string", "description": "Who."],
                            "wait": [
                                "type": "string", "pattern": #"^([0-9]+(\.[0-9]+)?(ms|us|ns|s|m|h|d))+$"#,
                                "examples": ["500ms", "2s", "1h30m"], "description": "How long.", "default": "2s",
                            ],
                        ],
                        "required": ["user"], "additionalProperties": false, "description": "More.",
                    ],
                    "message_ids": [
                        "type": "array", "items": ["type": "string"], "description": "Names.", "default": [],
                    ],
                    "own_words": ["type": "string", "description": "A colour."],
                ],
                "required": ["path"],
                "additionalProperties": false,
                "allOf": [["not": ["anyOf": [["required": ["limit", "inner"]]]]]],
            ])
    }
}
