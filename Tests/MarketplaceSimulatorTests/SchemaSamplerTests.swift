import RunnelValue
import Testing

@testable import MarketplaceSimulator

@Suite("Schema sampler")
struct SchemaSamplerTests {
    private func sample(_ schema: String, prompt: String = "A prompt.") throws -> String {
        var sampler = SchemaSampler(schema: try Value.received(schema), prompt: prompt)
        return sampler.sample().json()
    }

    @Test("an object has its properties, optional ones too, in the schema's order")
    func objects() throws {
        let schema = #"""
            {"type":"object","required":["extra"],"properties":{"z":{"type":"string"},"a":{"const":1},"m":{"type":"null"}}}
            """#
        #expect(try sample(schema) == #"{"z":"Simulated: A prompt.","a":1,"m":null,"extra":"Simulated: A prompt."}"#)
    }

    @Test(
        "an enumeration yields the value that the prompt speaks of",
        arguments: [
            ("Label it bug, feature or question.\nThe app has a bug: it crashes.", "bug"),
            ("Label it bug, feature or question.\nI have a question on the invoice.", "question"),
            ("Label it bug, feature or question.\nTwo features are missing.", "feature"),
            ("This one must be a FEATURE", "feature"),
        ])
    func enumerations(prompt: String, label: String) throws {
        let schema = #"{"properties":{"label":{"enum":["bug","feature","question"]}}}"#
        #expect(try sample(schema, prompt: prompt) == #"{"label":"\#(label)"}"#)
    }

    @Test("an enumeration that the prompt does not speak of yields always the same value for the same prompt")
    func enumerationByHash() throws {
        let schema = #"{"enum":[1,null,"x"]}"#
        let first = try sample(schema, prompt: "Hm")
        #expect(["1", "null", #""x""#].contains(first))
        #expect(try sample(schema, prompt: "Hm") == first)
    }

    @Test(
        "numbers keep to their bounds",
        arguments: [
            #"{"type":"integer","minimum":3,"maximum":3}"#,
            #"{"type":"integer","exclusiveMinimum":2,"exclusiveMaximum":4}"#,
            #"{"type":"integer","minimum":2.5,"maximum":3.5}"#,
            #"{"type":"integer","multipleOf":3,"minimum":1,"maximum":5}"#,
        ])
    func integers(schema: String) throws {
        for prompt in ["a", "b", "c"] { #expect(try sample(schema, prompt: prompt) == #"3"#) }
    }

    @Test("a number lies between exclusive bounds, and an open end gets one")
    func numbers() throws {
        for prompt in ["a", "b", "c", "d"] {
            let between = try #require(
                Double(sample(#"{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1}"#, prompt: prompt)))
            #expect(between > 0 && between < 1)
            let below = try #require(Double(sample(#"{"type":"number","maximum":-5}"#, prompt: prompt)))
            #expect(below <= -5)
            let open = try #require(Int(sample(#"{"type":"integer"}"#, prompt: prompt)))
            #expect((1...100).contains(open))
        }
        #expect(try sample(#"{"type":"number","multipleOf":0.25,"minimum":0.3}"#) == "0.5")
    }

    @Test("strings keep to their lengths, and begin with \"Simulated: \" where they may")
    func strings() throws {
        #expect(try sample(#"{"type":"string"}"#) == #""Simulated: A prompt.""#)
        #expect(try sample(#"{"type":"string","maxLength":5}"#) == #""Simul""#)
        #expect(try sample(#"{"type":"string","minLength":25}"#) == #""Simulated: A prompt......""#)
        let title = #"{"properties":{"title":{"type":"string"}}}"#
        #expect(try sample(title, prompt: "Do it.\n# The heading\nText.") == #"{"title":"Simulated: The heading"}"#)
    }

    @Test(
        "a format is met",
        arguments: [
            ("email", "simulated@example.com"), ("uri", "https://example.com/simulated"), ("time", "09:30:00Z"),
        ])
    func formats(format: String, text: String) throws {
        #expect(try sample(#"{"type":"string","format":"\#(format)"}"#) == "\"\(text)\"")
    }

    @Test("dates and times have their form")
    func dates() throws {
        let date = try sample(#"{"type":"string","format":"date"}"#)
        #expect(date.wholeMatch(of: /"2026-[01]\d-[0-3]\d"/) != nil)
        let time = try sample(#"{"type":"string","format":"date-time"}"#)
        #expect(time.wholeMatch(of: /"2026-[01]\d-[0-3]\dT09:30:00Z"/) != nil)
    }

    @Test(
        "a pattern of the usual kind is matched",
        arguments: [
            (#"^[A-Z]{3}-\\d+$"#, "AAA-1"), (#"^(?:foo|bar)_[^x]{2,4}$"#, "foo_XX"), ("^v1\\\\.0?$", "v1.0"),
            ("[0-9]{4}", "Simulated: 0000"), ("(?=x)y", "Simulated: A prompt."),
        ])
    func patterns(pattern: String, text: String) throws {
        #expect(try sample(#"{"type":"string","pattern":"\#(pattern)"}"#) == "\"\(text)\"")
    }

    @Test("arrays have as many items as they must, two where they may, each once if unique")
    func arrays() throws {
        #expect(try sample(#"{"type":"array","items":{"const":1}}"#) == "[1,1]")
        #expect(try sample(#"{"type":"array","items":{"const":1},"minItems":3}"#) == "[1,1,1]")
        #expect(try sample(#"{"type":"array","items":{"const":1},"maxItems":1}"#) == "[1]")
        #expect(try sample(#"{"prefixItems":[{"const":1},{"const":"x"}],"items":false}"#) == #"[1,"x"]"#)
        let unique = #"{"items":{"enum":["a","b","c"]},"uniqueItems":true,"minItems":3}"#
        let values = try Value.json(sample(unique, prompt: "b")).asList?.compactMap(\.asString)
        #expect(values?.first == "b")
        #expect(values?.sorted() == ["a", "b", "c"])
    }

    @Test("references, the first alternative, and all parts of allOf are followed")
    func composition() throws {
        let schema = #"""
            {"$defs":{"a/b":{"type":"object","properties":{"x":{"const":1}}}},
             "allOf":[{"$ref":"#/$defs/a~1b"},{"required":["x","y"],"properties":{"y":{"oneOf":[{"const":2},{"const":3}]}}}]}
            """#
        #expect(try sample(schema) == #"{"x":1,"y":2}"#)
        let two = #"""
            {"$defs":{"a":{"properties":{"x":{"const":1}}},"b":{"properties":{"y":{"const":2}}}},
             "allOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/b"}]}
            """#
        #expect(try sample(two) == #"{"x":1,"y":2}"#)
        #expect(try sample(#"{"anyOf":[{"type":"boolean"},{"type":"null"}]}"#).contains(/true|false/))
        #expect(try sample(#"{"type":["null","integer"],"minimum":7,"maximum":7}"#) == "7")
    }

    @Test("schemas without an end, and ones that ask for too much, still end")
    func endless() throws {
        let tree =
            ##"{"$defs":{"n":{"properties":{"next":{"$ref":"#/$defs/n"}},"required":["next"]}},"$ref":"#/$defs/n"}"##
        #expect(try sample(tree).hasPrefix(#"{"next":{"next":"#))
        #expect(try sample(##"{"$ref":"#"}"##) == #""Simulated: A prompt.""#)
        let many = #"{"type":"array","minItems":2000000,"items":{"type":"array","minItems":2000000}}"#
        #expect(try sample(many).utf8.count < 1_000_000)
    }

    @Test("numbers beyond every range and counts that make no sense do no harm")
    func absurdBounds() throws {
        let literal = try sample(#"{"type":"integer","minimum":1e999,"maximum":-1e999}"#)
        #expect((1...100).contains(try #require(Int(literal))))
        #expect(try sample(#"{"type":"number","minimum":1e308,"multipleOf":1e308}"#) == "1e+308")
        #expect(try sample(#"{"type":"array","minItems":-3,"maxItems":-1,"items":true}"#) == "[]")
        #expect(try sample(#"{"type":"string","minLength":-1,"maxLength":-1}"#) == #""Simulated: A prompt.""#)
        let twice = ##"{"$defs":{"a":{"allOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/a"}]}},"$ref":"#/$defs/a"}"##
        #expect(try sample(twice) == #""Simulated: A prompt.""#)
    }

    @Test("a spoilt sample lacks a required property or has another type")
    func mismatch() throws {
        let schema = try Value.json(
            #"{"type":"object","required":["a"],"properties":{"a":{"const":1},"b":{"const":2}}}"#)
        #expect(SchemaMismatch.value(from: ["a": 1, "b": 2], schema: schema) == ["b": 2])
        #expect(SchemaMismatch.value(from: [1], schema: ["type": "array"]) == "Simulated: does not fit the schema")
        #expect(SchemaMismatch.value(from: "x", schema: ["type": "string"]) == 0)
    }
}
