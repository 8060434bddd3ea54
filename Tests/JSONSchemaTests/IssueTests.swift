import JSONSchema
import RunnelKit
import Testing

/// The issues as a person reads them: `path: message`.
func problems(_ schema: String, _ value: String) throws -> [String] {
    try JSONSchema(Value.json(schema)).validate(Value.json(value)).map(\.description)
}

@Suite("Issues in words")
struct IssueTests {
    @Test("a wrong type names what was expected and what was found")
    func type() throws {
        #expect(try problems(#"{"type":"string"}"#, "5") == ["expected a string, found the number 5"])
        #expect(
            try problems(#"{"type":["integer","array","null"]}"#, #""x""#)
                == [#"expected a whole number, a list or null, found the string "x""#])
        #expect(
            try problems(
                #"{"properties":{"messages":{"items":{"properties":{"content":{"type":"string"}}}}}}"#,
                #"{"messages":[{"content":{"a":1}}]}"#) == ["messages[0].content: expected a string, found an object"])
    }

    @Test("a value that is not permitted is quoted with the permitted ones and a suggestion")
    func enumeration() throws {
        let schema = #"{"enum":["bug","feature","question"]}"#
        #expect(
            try problems(schema, #""bugg""#)
                == [#""bugg" is not one of "bug", "feature", "question"; did you mean "bug"?"#])
        #expect(try problems(schema, "7") == [#"7 is not one of "bug", "feature", "question""#])
        #expect(try problems(#"{"const":"a"}"#, #""b""#) == [#"expected "a", found "b""#])
    }

    @Test("missing and unknown keys are named, the unknown with a suggestion")
    func keys() throws {
        let schema = #"{"properties":{"label":{},"text":{}},"required":["label"],"additionalProperties":false}"#
        #expect(
            try problems(schema, #"{"text":1,"labell":2}"#) == [
                #"the required key "label" is missing"#,
                #"the key "labell" is not known here; did you mean "label"?"#,
            ])
        let issue = try JSONSchema(Value.json(schema)).validate(["labell": 1, "label": 1])[0]
        #expect(issue.keyword == "additionalProperties")
        #expect(issue.key == "labell")
        #expect(issue.suggestion == nil, "the key that was meant is there already")
        #expect(issue.path.isRoot)
    }

    @Test("an unevaluated key is suggested from alternatives and references too")
    func unevaluated() throws {
        let schema = """
            {"$ref":"#/$defs/base","anyOf":[{"properties":{"colour":{"type":"string"}}}],
             "unevaluatedProperties":false,"$defs":{"base":{"properties":{"name":{}}}}}
            """
        #expect(
            try problems(schema, #"{"nmae":1,"coluor":2}"#) == [
                #"the key "nmae" is not known here; did you mean "name"?"#,
                #"the key "coluor" is not known here; did you mean "colour"?"#,
            ])
        #expect(
            try problems(schema, #"{"colour":2,"name":1}"#) == ["colour: expected a string, found the number 2"],
            "a key of an alternative that failed is not called unknown")
    }

    @Test("alternatives of simple kinds are joined in one sentence")
    func simpleAlternatives() throws {
        #expect(
            try problems(#"{"anyOf":[{"type":"string"},{"type":"array"}]}"#, "5")
                == ["expected a string or a list, found the number 5"])
        #expect(
            try problems(#"{"oneOf":[{"type":"integer","minimum":1},{"enum":["auto"]}]}"#, #""atuo""#)
                == [#"expected a whole number or "auto", found the string "atuo"; did you mean "auto"?"#])
        #expect(
            try problems(#"{"anyOf":[{"const":"a"},{"const":"b"}]}"#, "1") == [#"1 is not one of "a", "b""#])
    }

    @Test("of other alternatives the closest one reports its issues")
    func closestAlternative() throws {
        let schema = """
            {"oneOf":[
              {"type":"string"},
              {"properties":{"kind":{"const":"file"},"path":{"type":"string"}},"required":["kind","path"]},
              {"properties":{"kind":{"const":"web"},"url":{"type":"string"}},"required":["kind","url"]}]}
            """
        #expect(try problems(schema, #"{"kind":"web","url":3}"#) == ["url: expected a string, found the number 3"])
        #expect(try problems(schema, #"{"kind":"web"}"#) == [#"the required key "url" is missing"#])
    }

    @Test("more than one match of oneOf says which")
    func tooManyMatches() throws {
        #expect(
            try problems(#"{"oneOf":[{"type":"integer"},{"type":"null"},{"minimum":1}]}"#, "5")
                == ["matches the alternatives 1 and 3 of 3, but may match only one"])
    }

    @Test(
        "sizes, bounds and the rest are said in full",
        arguments: [
            (#"{"minimum":10}"#, "9", "expected at least 10, found 9"),
            (#"{"exclusiveMaximum":10}"#, "10", "expected less than 10, found 10"),
            (#"{"multipleOf":0.01}"#, "0.005", "expected a multiple of 0.01, found 0.005"),
            (#"{"minLength":3}"#, #""ab""#, "expected at least 3 characters, found 2"),
            (#"{"maxItems":1}"#, "[1,2]", "expected at most 1 item, found 2"),
            (#"{"minProperties":1}"#, "{}", "expected at least 1 key, found 0"),
            (#"{"pattern":"^x"}"#, #""abc""#, #""abc" does not match the pattern "^x""#),
            (#"{"uniqueItems":true}"#, "[5,6,5.0]", "the items 0 and 2 are equal: 5.0"),
            (#"{"contains":{"type":"null"}}"#, "[1]", #"expected at least 1 item that fits "contains", found 0"#),
            (#"{"prefixItems":[{}],"items":false}"#, "[1,2]", "expected at most 1 item, found 2"),
            (#"{"dependentRequired":{"a":["b"]}}"#, #"{"a":1}"#, #"the key "b" is required where "a" is given"#),
            (
                #"{"propertyNames":{"maxLength":1}}"#, #"{"ab":1}"#,
                #"the key "ab" is not allowed here: expected at most 1 character, found 2"#
            ),
            (#"{"properties":{"a":false}}"#, #"{"a":1}"#, #"a: the key "a" is not allowed here"#),
            (#"{"not":{"type":"null"}}"#, "null", #"null like this is not allowed here: it matches "not""#),
            ("false", "[]", "nothing is allowed here, found an empty list"),
        ])
    func words(schema: String, value: String, message: String) throws {
        #expect(try problems(schema, value) == [message])
    }

    @Test("issues come in the order of the value, whatever that of the schema")
    func order() throws {
        let schema = #"{"properties":{"b":{"type":"string"},"a":{"type":"string"}},"additionalProperties":false}"#
        let issues = try JSONSchema(Value.json(schema)).validate(Value.json(#"{"a":1,"zzz":0,"b":2}"#))
        #expect(issues.map { $0.key ?? $0.path.description } == ["a", "zzz", "b"])
    }

    @Test("a report ends after a hundred issues")
    func bounded() throws {
        let schema = try JSONSchema(["items": ["type": "string"]])
        #expect(schema.validate(.list(Array(repeating: 1, count: 1000))).count == 100)
    }

    @Test("a long value is cut in a message")
    func long() throws {
        let text = String(repeating: "x", count: 1_000_000)
        let issue = try JSONSchema(["const": "a"]).validate(.string(text))[0]
        #expect(issue.message == "expected \"a\", found \"" + String(repeating: "x", count: 58) + "…")
    }

    @Test("a format is checked only on request")
    func format() throws {
        let schema: Value = ["format": "date"]
        #expect(try JSONSchema(schema).validate("2026-02-30").isEmpty)
        #expect(
            try JSONSchema(schema, assertFormats: true).validate("2026-02-30").map(\.message)
                == [#""2026-02-30" is not a date such as 2026-01-31"#])
    }

    @Test("a path has a form for people and a JSON pointer")
    func path() {
        let path = InstancePath([.key("headers"), .key("content-type"), .index(2), .key("a/b~c")])
        #expect(path.description == #"headers["content-type"][2]["a/b~c"]"#)
        #expect(path.pointer == "/headers/content-type/2/a~1b~0c")
        #expect(InstancePath().description == "")
        #expect(InstancePath([.index(0), .key("a")]).description == "[0].a")
    }
}
