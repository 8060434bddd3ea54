import Testing
import YAML

@Suite("The core schema")
struct CoreSchemaTests {
    @Test(
        "plain scalars mean what YAML 1.2 says",
        arguments: [
            ("", .null), ("~", .null), ("null", .null), ("Null", .null), ("NULL", .null), ("nULL", .string("nULL")),
            ("true", .bool(true)), ("True", .bool(true)), ("TRUE", .bool(true)), ("tRUE", .string("tRUE")),
            ("false", .bool(false)), ("False", .bool(false)), ("FALSE", .bool(false)),
            ("on", .string("on")), ("off", .string("off")), ("yes", .string("yes")), ("no", .string("no")),
            ("y", .string("y")), ("n", .string("n")), ("12:30", .string("12:30")), ("1_000", .string("1_000")),
            ("2026-11-23", .string("2026-11-23")), ("0b11", .string("0b11")), ("1.2.3", .string("1.2.3")),
            ("0", .int(0)), ("-0", .int(0)), ("+12", .int(12)), ("-19", .int(-19)), ("0777", .int(777)),
            ("0o17", .int(15)), ("0o18", .string("0o18")), ("-0o17", .string("-0o17")), ("0x1F", .int(31)),
            ("0xff", .int(255)), ("0xfg", .string("0xfg")), ("0x", .string("0x")), ("+", .string("+")),
            ("-", .string("-")), (".", .string(".")), ("9223372036854775807", .int(.max)),
            ("-9223372036854775808", .int(.min)), ("9223372036854775808", .float(9_223_372_036_854_775_808)),
            ("0xFFFFFFFFFFFFFFFF", .float(18_446_744_073_709_551_616)), ("1e3", .float(1000)), ("1.", .float(1)),
            (".5", .float(0.5)), ("-.5", .float(-0.5)), ("+1.5E-2", .float(0.015)), ("1e", .string("1e")),
            ("1e+", .string("1e+")), (".e3", .string(".e3")), ("0.1", .float(0.1)), (".inf", .float(.infinity)),
            (".Inf", .float(.infinity)), ("+.INF", .float(.infinity)), ("-.INF", .float(-.infinity)),
            ("-.inf", .float(-.infinity)), (".iNF", .string(".iNF")), ("inf", .string("inf")),
            ("nan", .string("nan")), ("-.nan", .string("-.nan")), ("0x1.8p3", .string("0x1.8p3")),
        ] as [(String, YAMLScalarValue)])
    func plainScalars(_ text: String, _ value: YAMLScalarValue) throws {
        // "-" alone is an empty item of a list, so it has to be a value that is not alone.
        if text == "-" { return #expect(try root("[a, !!str -]").items?.last?.asString == "-") }
        #expect(try root("key: \(text)")["key"]?.scalar?.value == value)
    }

    @Test("not-a-number is a number", arguments: [".nan", ".NaN", ".NAN"])
    func notANumber(_ text: String) throws {
        let number = try #require(try root(text).asDouble)
        #expect(number.isNaN)
    }

    @Test("what is in quotes or a block is a string", arguments: ["'12'", "\"true\"", "|-\n  null", ">-\n  0x1F"])
    func quotedScalars(_ text: String) throws {
        #expect(try root("key: \(text)")["key"]?.kindName == "a string")
    }

    @Test(
        "a tag decides what a scalar means",
        arguments: [
            ("!!str 12", .string("12")), ("!!str", .string("")), ("! 12", .string("12")), ("!!int '12'", .int(12)),
            ("!!float 12", .float(12)), ("!!float 1e3", .float(1000)), ("!!bool 'true'", .bool(true)),
            ("!!null ''", .null), ("!<tag:yaml.org,2002:int> 0x10", .int(16)),
        ] as [(String, YAMLScalarValue)])
    func tags(_ text: String, _ value: YAMLScalarValue) throws {
        #expect(try root("key: \(text)")["key"]?.scalar?.value == value)
    }
}
