import RunnelKit
import Testing

private struct Sample: Step {
    enum Mode: String, FieldChoice { case text, json }
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

    func run(_ context: StepContext) async throws -> Value { .string(path) }
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

    @Test("null says the same as leaving an optional key out")
    func null() throws {
        #expect(try Sample(fields: ["path": "a", "limit": .null, "as": .null]).limit == nil)
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
                #""limit" and "inner" cannot be given together"#
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
                ],
                "required": ["path"],
                "additionalProperties": false,
                "allOf": [["not": ["anyOf": [["required": ["limit", "inner"]]]]]],
            ])
    }
}
