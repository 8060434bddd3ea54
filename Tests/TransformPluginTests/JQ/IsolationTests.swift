import RunnelKit
import RunnelTesting
import Testing

@testable import TransformPlugin

@Suite("A jq program sees its input and nothing else") struct IsolationTests {
    @Test(
        "the environment, other inputs and files are empty",
        arguments: [
            ("env", [:]), ("$ENV", [:]), ("env.PATH", .null), ("$ENV.PATH", .null), ("[inputs]", []),
            ("input_filename", .null), ("input_line_number", 0), ("get_search_list", []), ("debug", "in"),
            ("stderr", "in"), ("debug | debug(\"x\")", "in"), ("def f: $ENV; f", [:]), ("[splits(\"n\")]", ["i", ""]),
        ] as [(String, Value)])
    func empty(program: String, output: Value) async throws {
        #expect(try await transform(["jq": .string(program)], input: "in") == output)
    }

    @Test(
        "what would end the evaluation or read more is an error",
        arguments: [
            ("input", "jq: `input` is not available: a program has one input, `.`"),
            ("halt", "jq: `halt` is not available: a program ends with its outputs"),
            ("halt_error", "jq: `halt` is not available: a program ends with its outputs"),
            ("halt_error(3)", "jq: `halt` is not available: a program ends with its outputs"),
            ("1, halt", "jq: `halt` is not available: a program ends with its outputs"),
            ("\"x\" | modulemeta", "jq: `modulemeta` is not available: there are no modules"),
        ])
    func errors(program: String, message: String) async throws {
        #expect(try await transformError(["jq": .string(program)]).message == message)
    }

    @Test(
        "modules cannot be imported",
        arguments: [
            "import \"a\" as a; .", "include \"a\"; .", "import \"a\" as $a; .", "import \"/etc/a\" as a; .",
            "include \"a\" {search: \"/tmp\"}; .", "1 as $x | import \"a\" as a; .",
        ])
    func modules(program: String) throws {
        let error = try #require(throws: FieldError.self) { try JQProgram(program) }
        #expect(error.message == "invalid jq program: modules cannot be imported")
        #expect(error.hint == "write the functions into the program")
    }
}
