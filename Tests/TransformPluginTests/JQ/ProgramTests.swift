import RunnelKit
import RunnelTesting
import Testing

@testable import TransformPlugin

@Suite("jq programs") struct ProgramTests {
    @Test("a null under `from` is what is transformed, and not the input")
    func fromNull() async throws {
        #expect(try await transform(["jq": ".", "from": .null], input: "another step's output") == .null)
    }

    @Test(
        "no output is null, one is itself, several are a list",
        arguments: [
            ("empty", .null), (".a", 1), (".a, .a", [1, 1]), ("null", .null), ("[]", []), ("[.a]", [1]),
            ("false", false),
            ("null, null", [.null, .null]), ("inputs", .null), (". # a comment", ["a": 1]),
        ] as [(String, Value)])
    func outputs(program: String, output: Value) async throws {
        #expect(try await transform(["jq": .string(program)], input: ["a": 1]) == output)
    }

    @Test(
        "with all, the output is always the list of all outputs",
        arguments: [("empty", []), (".a", [1]), (".a, 2", [1, 2]), ("[]", [[]])] as [(String, Value)])
    func all(program: String, output: Value) async throws {
        #expect(try await transform(["jq": .string(program), "all": true], input: ["a": 1]) == output)
    }

    @Test("from stands in for the step's input, also when it is empty")
    func from() async throws {
        #expect(try await transform(["jq": ".", "from": "x"], input: "y") == "x")
        #expect(try await transform(["jq": ".", "from": ""], input: "y") == "")
        #expect(try await transform(["jq": "length", "from": []], input: "y") == 0)
    }

    @Test(
        "a program that is none says what is wrong and in which line",
        arguments: [
            ("nope", "invalid jq program: nope/0 is not defined, line 1"),
            (".a\n| nope(1)", "invalid jq program: nope/1 is not defined, line 2"),
            ("$x", "invalid jq program: $x is not defined, line 1"),
            (".a |", "invalid jq program: syntax error, unexpected end, line 1"),
            ("{a:", "invalid jq program: syntax error, unexpected end, line 1"),
            (
                ". | )",
                "invalid jq program: syntax error, unexpected unexpected character, line 1"
            ),
            (". as [", "invalid jq program: syntax error, unexpected end, expecting '$' or '[' or '{', line 1"),
            ("a\u{0}b", "invalid jq program: it holds a NUL character"), ("", "the jq program is empty"),
            (" \n", "the jq program is empty"),
        ])
    func compileErrors(program: String, message: String) throws {
        let error = try #require(throws: FieldError.self) { try JQProgram(field: .string(program)) }
        #expect(error.message == message)
    }

    @Test("what is not a text or far too long is no program")
    func notAProgram() throws {
        let number = try #require(throws: FieldError.self) { try JQProgram(field: 5) }
        #expect(number.message == "expected a jq program, found the number 5")
        let long = try #require(throws: FieldError.self) {
            try JQProgram(field: .string("." + String(repeating: " ", count: 65_536)))
        }
        #expect(long.message == "the jq program is longer than 64KiB")
    }

    @Test("a wrong program is found while the pipeline is validated, and when the step is made")
    func validation() async throws {
        #expect(Transform.problems(key: "jq", value: ".a").isEmpty)
        #expect(
            Transform.problems(key: "jq", value: "nope").first?.message
                == "invalid jq program: nope/0 is not defined, line 1")
        let error = try await transformError(["jq": "nope"])
        #expect(error.code == "bad-with")
        #expect(error.message == "`jq`: invalid jq program: nope/0 is not defined, line 1")
    }

    @Test(
        "what a program raises is the step's error",
        arguments: [
            (".a.b", ["a": 1], "jq: Cannot index number with string \"b\""),
            ("error(\"too bad\")", .null, "jq: too bad"),
            ("error({code: 3})", .null, "jq: {\"code\":3}"),
            ("1, error(.message), 2", [:], "jq: null"),
            ("map(if .ok then . else .message | error end)", [["ok": true], [:]], "jq: null"),
            (".[]", 5, "jq: Cannot iterate over number (5)"),
            ("1, error(\"late\")", .null, "jq: late"),
            ("fromjson", "{", "jq: Unfinished JSON term at EOF at line 1, column 1 (while parsing '{')"),
            ("@nope", "x", "jq: nope is not a valid format"),
        ] as [(String, Value, String)])
    func runtimeErrors(program: String, input: Value, message: String) async throws {
        let error = try await transformError(["jq": .string(program)], input: input)
        #expect(error.code == "jq-error")
        #expect(error.message == message)
        #expect(error.hint == "the input was \(input.quoted(limit: 120))")
    }

    @Test("secrets are masked before an error and its input are cut")
    func secretsInErrors() async throws {
        let secret = "purple monkey dishwasher"
        var harness = StepHarness()
        harness.redactor = Redactor(secrets: [secret])
        let input = Value.string(String(repeating: "x", count: 110) + secret)
        var error = try await transformError(
            ["jq": "(\"x\" * 390) + (.[110:] | @base64) | error"], input: input, harness: harness)
        #expect(error.message == "jq: " + String(repeating: "x", count: 390) + "***")
        #expect(error.hint == "the input was \"" + String(repeating: "x", count: 110) + "***\"")
        error = try await transformError(
            ["jq": "[(\"x\" * 180) + (.[110:] | @base64)] | error"], input: input, harness: harness)
        #expect(error.message == "jq: [\"" + String(repeating: "x", count: 180) + "***\"]")
    }

    @Test(
        "the beginning of a secret is masked where libjq has truncated a value",
        arguments: [
            (".k | @base64d", #"string ("***…) is not valid base64 data"#),
            ("(\"é\" + .k) * {}", #"string ("é***…) and object ({}) cannot be multiplied"#),
            ("{(.): 1}", #"Cannot use object ({"k":"***…) as object key"#),
            ("path([.k] | .[])", #"Invalid path expression near attempt to iterate through ["***…"#),
            ("path([.k] | .[0])", #"Invalid path expression near attempt to access element 0 of ["***…"#),
            ("error(\"purple...\")", "purple..."),
        ])
    func cutSecrets(program: String, message: String) async throws {
        var harness = StepHarness()
        let secret = "purple mönkey dishwasher and more"
        harness.redactor = Redactor(secrets: [secret])
        let error = try await transformError(["jq": .string(program)], input: ["k": .string(secret)], harness: harness)
        // What the engine does with the messages of steps.
        #expect(harness.redactor.redactMessage(error.message) == "jq: " + message)
    }

    @Test("a program serves again after it raised an error")
    func afterAnError() async throws {
        _ = try await transformError(["jq": "error(\"no\")"])
        let program: Value = "if . == 1 then error(\"one\") else . end"
        _ = try await transformError(["jq": program], input: 1)
        #expect(try await transform(["jq": program], input: 2) == 2)
    }

    @Test(
        "values come back as they went in",
        arguments: [
            "", "häß 🦆\u{0}\u{10FFFF}", "e\u{301}", [], [:], [[], [:], ""], ["": ""], ["ключ": "значение"], 0, -1, 0.5,
            9_007_199_254_740_992, -9_007_199_254_740_992, true, .null,
        ] as [Value])
    func roundTrip(value: Value) async throws {
        let output = try await transform(["jq": "."], input: value)
        #expect(output == value)
        #expect(output.json() == value.json())
    }

    @Test("binary data is its base64 text")
    func bytes() async throws {
        #expect(try await transform(["jq": "."], input: .bytes([0, 255])) == "AP8=")
    }

    @Test("numbers that JSON cannot write become null or the largest number")
    func extremeNumbers() async throws {
        #expect(try await transform(["jq": "nan"]) == .null)
        #expect(try await transform(["jq": "infinite"]) == .double(.greatestFiniteMagnitude))
    }

    @Test(
        "a whole number beyond 2^53 that only passes through keeps its value",
        arguments: [9_007_199_254_740_993, -9_007_199_254_740_993, .max, .min] as [Int64])
    func largeNumbers(number: Int64) async throws {
        let harness = StepHarness()
        let output = try await transform(["jq": ".id"], input: ["id": .int(number)], harness: harness)
        #expect(output == .int(number))
        #expect(harness.progress.isEmpty)
    }

    @Test("a whole number beyond 2^53 that jq computed may be rounded, and a note says so")
    func rounding() async throws {
        let harness = StepHarness()
        let output = try await transform(["jq": ".id * 4"], input: ["id": 9_007_199_254_740_991], harness: harness)
        #expect(output == 36_028_797_018_963_964)
        #expect(harness.progress == [.note("jq computed a whole number beyond 2^53, which may be rounded")])
        let exact = StepHarness()
        #expect(
            try await transform(["jq": ". - 1"], input: 9_007_199_254_740_991, harness: exact) == 9_007_199_254_740_990)
        #expect(exact.progress.isEmpty)
    }

    @Test(
        "an integer beyond 2^53 that jq rounded when it converted it to a text is noted",
        arguments: [
            (#""id \(.id)""#, true), (".id | tostring", true), ("{(.id | tostring): 1}", true),
            ("-.id | tojson", true), (".text", false), (".even | tostring", false), ("[.id, .text]", false),
        ])
    func roundedText(program: String, isNoted: Bool) async throws {
        let harness = StepHarness()
        _ = try await transform(
            ["jq": .string(program)],
            input: ["id": 9_007_199_254_740_993, "even": 9_007_199_254_740_994, "text": "id 9007199254740993"],
            harness: harness)
        #expect(harness.progress.isEmpty != isNoted)
    }

    @Test("`limit` gives at most the given number of outputs, and none for 0")
    func limit() async throws {
        let program = "[limit(0; 1, 2)], [limit(1; 1, error)], [limit(3; 1, 2)]"
        #expect(try await transform(["jq": .string(program)]) == [[], [1], [1, 2]])
    }

    @Test("deep input passes; a result deeper than 512 levels is an error")
    func nesting() async throws {
        let deep = try Value.json(String(repeating: "[", count: 500) + String(repeating: "]", count: 500))
        #expect(try await transform(["jq": "."], input: deep) == deep)
        let error = try await transformError(["jq": "reduce range(513) as $i (0; [.])"])
        #expect(error.message == "the program's output nests deeper than 512 levels")
        let inObject = try await transformError(["jq": "reduce range(513) as $i (0; {a: .})"])
        #expect(inObject.message == "the program's output nests deeper than 512 levels")
    }
}
