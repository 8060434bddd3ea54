import JSONSchema
import RunnelKit
import Testing

@Suite("Values that are known in part")
struct KnowledgeTests {
    /// Strings that hold `{{?}}` are unknown, those that hold `{{` are some string.
    private func problems(_ schema: String, _ text: String) throws -> [String] {
        let value = try Value.json(text)
        return try JSONSchema(Value.json(schema)).validate(value) { path in
            var current = value
            for element in path.elements {
                switch element {
                case .key(let key): current = current[key] ?? .null
                case .index(let index): current = current[index] ?? .null
                }
            }
            guard let text = current.asString else { return .known }
            return text.contains("{{?}}") ? .unknown : text.contains("{{") ? .someString : .known
        }.map(\.description)
    }

    @Test("some string passes checks of its content and fails where no string may be")
    func someString() throws {
        for schema in [
            #"{"type":"string"}"#, #"{"enum":["a",1]}"#, #"{"const":"a"}"#, #"{"pattern":"^a$"}"#, #"{"minLength":99}"#,
            #"{"maxLength":1}"#, #"{"not":{"const":"a"}}"#, #"{"oneOf":[{"type":"string"},{"type":"null"}]}"#,
        ] {
            #expect(try problems(schema, #""{{a}} b""#) == [], "\(schema)")
        }
        #expect(try problems(#"{"type":"integer"}"#, #""{{a}} b""#) == ["expected a whole number, found a string"])
        #expect(try problems(#"{"enum":[1,2]}"#, #""{{a}} b""#) == ["a string is not one of 1, 2"])
        #expect(
            try problems(#"{"anyOf":[{"type":"integer"},{"type":"array"}]}"#, #""{{a}} b""#)
                == ["expected a whole number or a list, found a string"])
    }

    @Test(
        "the unknown passes every check, in combinations too",
        arguments: [
            #"{"type":"integer"}"#, #"{"const":1}"#, #"{"not":{}}"#, #"{"not":{"type":"string"}}"#,
            #"{"anyOf":[{"type":"integer"},{"minimum":3}]}"#, #"{"oneOf":[{"type":"integer"},{"type":"number"}]}"#,
            #"{"allOf":[{"type":"integer"},{"type":"string"}]}"#, #"{"if":{"type":"null"},"then":false,"else":false}"#,
            #"{"type":"object","required":["a"],"additionalProperties":false}"#,
        ])
    func unknown(schema: String) throws {
        #expect(try problems(schema, #""{{?}}""#) == [])
        #expect(try problems(#"{"items":\#(schema)}"#, #"["{{?}}"]"#) == [])
        #expect(try problems(#"{"properties":{"a":\#(schema)}}"#, #"{"a":"{{?}}"}"#) == [])
    }

    @Test("what is beside the unknown is checked all the same")
    func beside() throws {
        let schema = #"{"properties":{"a":{"type":"integer"}},"required":["b"],"additionalProperties":false}"#
        #expect(
            try problems(schema, #"{"a":"{{?}}","c":"{{?}}"}"#) == [
                #"the required key "b" is missing"#, #"the key "c" is not known here"#,
            ])
    }

    @Test("an unknown element may be what contains and uniqueItems ask for")
    func elements() throws {
        #expect(try problems(#"{"contains":{"const":5}}"#, #"[1,"{{?}}"]"#) == [])
        #expect(
            try problems(#"{"contains":{"const":5},"minContains":2}"#, #"[1,"{{?}}"]"#)
                == [#"expected at least 2 items that fit "contains", found 1"#])
        #expect(try problems(#"{"contains":{"const":5},"maxContains":1}"#, #"[5,"{{?}}"]"#) == [])
        #expect(try problems(#"{"uniqueItems":true}"#, #"["{{?}}","{{?}}"]"#) == [])
        #expect(try problems(#"{"uniqueItems":true}"#, #"[1,"{{?}}",1]"#) == ["the items 0 and 2 are equal: 1"])
        #expect(try problems(#"{"not":{"uniqueItems":true}}"#, #"[1,"{{?}}"]"#) == [])
    }

    @Test("a constant is compared as far as the value is known")
    func constants() throws {
        #expect(try problems(#"{"const":{"a":1,"b":2}}"#, #"{"a":1,"b":"{{?}}"}"#) == [])
        #expect(
            try problems(#"{"const":{"a":1,"b":2}}"#, #"{"a":3,"b":"{{?}}"}"#)
                == [#"expected {"a":1,"b":2}, found {"a":3,"b":"{{?}}"}"#])
    }

    @Test("an alternative that may hold makes anyOf and oneOf pass, two that hold fail oneOf")
    func alternatives() throws {
        let pair = #"[{"properties":{"a":{"const":1}}},{"properties":{"a":{"const":2}}}]"#
        #expect(try problems(#"{"anyOf":\#(pair)}"#, #"{"a":"{{?}}"}"#) == [])
        #expect(try problems(#"{"oneOf":\#(pair)}"#, #"{"a":"{{?}}"}"#) == [])
        #expect(
            try problems(#"{"oneOf":[{"type":"string"},{"minimum":1},{"const":"a"}]}"#, #""{{a}}""#)
                == ["matches the alternatives 1 and 2 of 3, but may match only one"])
    }

    @Test("an open condition fails only if both branches do")
    func condition() throws {
        let start = #"{"if":{"properties":{"a":{"const":1}}},"then":{"required":["x"]}"#
        #expect(try problems(start + "}", #"{"a":"{{?}}"}"#) == [])
        #expect(
            try problems(start + #","else":{"required":["y"]}}"#, #"{"a":"{{?}}"}"#)
                == [#"the required key "x" is missing"#])
        #expect(try problems(start + "}", #"{"a":1}"#) == [#"the required key "x" is missing"#])
    }

    @Test("a key that an open alternative may have looked at is not called unevaluated, nor the opposite of it")
    func unevaluated() throws {
        let schema =
            #"{"anyOf":[{"properties":{"a":{"const":1},"b":true}},{"required":["z"]}],"unevaluatedProperties":false}"#
        #expect(try problems(schema, #"{"a":"{{?}}","b":2}"#) == [])
        #expect(try problems(#"{"not":\#(schema)}"#, #"{"a":"{{?}}","b":2}"#) == [])
        #expect(
            try problems(schema, #"{"a":"{{?}}","c":2}"#) == [#"the key "c" is not known here"#])
    }

    @Test("the names of keys are known")
    func names() throws {
        #expect(
            try problems(#"{"propertyNames":{"enum":["a"]}}"#, #"{"b":"{{?}}"}"#)
                == [#"the key "b" is not allowed here: expected "a", found "b""#])
    }
}
