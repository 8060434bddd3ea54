import RunnelKit
import Testing

@testable import JSONSchema

@Suite("Numbers and strings, exactly")
struct NumberTests {
    private func isValid(_ schema: String, _ value: String) throws -> Bool {
        try JSONSchema(Value.json(schema)).validate(Value.json(value)).isEmpty
    }

    @Test("whole numbers are exact to 64 bits, beside doubles too")
    func wholeNumbers() throws {
        #expect(try !isValid(#"{"maximum":9223372036854775806}"#, "9223372036854775807"))
        #expect(try !isValid(#"{"const":9007199254740993}"#, "9007199254740992"))
        #expect(try isValid(#"{"exclusiveMaximum":9223372036854775808}"#, "9223372036854775807"))
        #expect(try !isValid(#"{"minimum":-9223372036854775807.5}"#, "-9223372036854775808") == false)
        #expect(try !isValid(#"{"minimum":2.5}"#, "2"))
        #expect(try isValid(#"{"minimum":2.5}"#, "3"))
        #expect(try !isValid(#"{"maximum":-2.5}"#, "-2"))
        #expect(try isValid(#"{"type":"integer"}"#, "1.0"))
        #expect(try isValid(#"{"type":"integer"}"#, "1e300"))
        #expect(try !isValid(#"{"type":"integer"}"#, "1.5"))
    }

    @Test(
        "a multiple is counted in decimal",
        arguments: [
            ("0.01", "19.99", true), ("0.01", "0.001", false), ("0.1", "0.3", true), ("0.0001", "0.0075", true),
            ("0.0001", "0.00751", false), ("3", "9007199254740993", true), ("3", "9007199254740992", false),
            ("1e-8", "12391239123", true), ("0.123456789", "1e308", false), ("1e300", "5", false),
            ("2.5", "-7.5", true),
            ("1e-300", "1e300", true), ("7", "0", true), ("1.5", "3", true),
        ])
    func multiples(unit: String, number: String, isMultiple: Bool) throws {
        #expect(try isValid(#"{"multipleOf":\#(unit)}"#, number) == isMultiple)
    }

    @Test("strings are compared and counted by code point")
    func codePoints() throws {
        #expect(try !isValid(#"{"const":"\u00e9"}"#, #""e\u0301""#))
        #expect(try isValid(#"{"maxLength":1}"#, #""😀""#))
        #expect(try !isValid(#"{"maxLength":1}"#, #""e\u0301""#))
        #expect(try isValid(#"{"uniqueItems":true}"#, #"["\u00e9","e\u0301",1,true,"1"]"#))
    }

    @Test("binary data counts as its base64 string")
    func bytes() throws {
        #expect(try JSONSchema(["type": "string", "maxLength": 4]).validate(.bytes([1, 2, 3])).isEmpty)
        #expect(
            try JSONSchema(["type": "integer"]).validate(.bytes([1])).map(\.message)
                == ["expected a whole number, found binary data"])
        #expect(try JSONSchema(["const": "AQID"]).validate(.bytes([1, 2, 3])).isEmpty)
    }
}
