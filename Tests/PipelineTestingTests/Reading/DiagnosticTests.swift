import Testing

@Suite("What is wrong with a test file")
struct DiagnosticTests {
    private static let pipeline = """
        name: p
        on:
          webhook: { path: p, verify: { scheme: none } }
        inputs:
          city: { type: string, default: Oslo }
          days: { type: integer, default: 3 }
        steps:
          - id: label
            uses: template
            with: { text: "{{ inputs.city }} {{ secrets.hook }}" }
        """

    /// The problems of one test with these keys.
    private func problems(_ test: String) async throws -> [String] {
        let lines = "name: t\ninputs: { city: Oslo }\n\(test)".split(separator: "\n")
        let body = lines.enumerated().map { ($0.offset == 0 ? "  - " : "    ") + $0.element }
        return try await Workshop.problems(Self.pipeline, "tests:\n" + body.joined(separator: "\n") + "\n")
    }

    @Test("an unknown key is an error with its place and what was probably meant")
    func unknownKey() async throws {
        #expect(
            try await problems("expects: {}") == [
                "4:5 unknown-key: a test has no key \"expects\" (did you mean \"expect\"?)"
            ])
        #expect(
            try await problems("expect: { stats: failed }") == [
                "4:15 unknown-key: `expect` has no key \"stats\" (did you mean \"status\"?)"
            ])
        #expect(
            try await problems("chat: [ { txt: hello } ]").first
                == "4:15 unknown-key: a chat answer has no key \"txt\" (did you mean \"text\"?)")
        let http = try await problems("http: [ { url: \"https://a.example\", code: 200 } ]")
        #expect(
            http == [
                "4:41 unknown-key: an HTTP answer has no key \"code\" "
                    + "(known keys: url, method, status, headers, json, body, error, repeat)"
            ])
    }

    @Test("a number that JSON lacks is an error with its place")
    func nonFinite() async throws {
        #expect(
            try await problems("input: .inf") == [
                "4:12 wrong-value: the number \".inf\" cannot be written in JSON (put it in quotes if it is meant as text)"
            ])
    }

    @Test("a step that is not there is named, with the one that was probably meant")
    func unknownStep() async throws {
        let message = "unknown-reference: there is no step with the id \"lable\" (did you mean \"label\"?)"
        #expect(try await problems("expect: { outputs: { lable: x } }") == ["4:26 \(message)"])
        #expect(try await problems("expect: { skipped: [lable] }") == ["4:25 \(message)"])
        #expect(try await problems("expect: { prompts: { lable: x } }") == ["4:26 \(message)"])
        #expect(try await problems("chat: { lable: x }") == ["4:13 \(message)"])
        #expect(try await problems("steps: { lable: { output: 1 } }") == ["4:14 \(message)"])
    }

    @Test("a trigger has to be one of the pipeline's, and brings what that trigger brings")
    func trigger() async throws {
        #expect(
            try await problems("trigger: { type: webhok }") == [
                "4:22 unknown-reference: there is no trigger \"webhok\" (did you mean \"webhook\"?)"
            ])
        #expect(
            try await problems("trigger: { type: watch, path: a.txt }") == [
                "4:22 unknown-reference: the pipeline \"p\" has no trigger \"watch\" (it is not under its `on:`)"
            ])
        #expect(
            try await problems("trigger: { type: webhook, bdy: 1 }") == [
                "4:31 unknown-key: a `webhook` trigger brings no \"bdy\" (did you mean \"body\"?)"
            ])
        #expect(
            try await problems("trigger: { body: 1 }") == [
                "4:16 missing-key: `trigger` needs the key \"type\" (write `type: manual`)"
            ])
    }

    @Test("inputs are checked as those of a run are")
    func inputs() async throws {
        let tests = """
            tests:
              - name: t
                inputs: { days: many, citty: Oslo }
            """
        let pipeline = """
            inputs: { city: { type: string }, days: { type: integer, default: 3 } }
            steps: [ { uses: template, with: { text: "{{ inputs.city }}" } } ]
            """
        #expect(
            try await Workshop.problems(pipeline, tests) == [
                "3:5 missing-key: the input \"city\" is required (add `inputs: { city: … }`)",
                "3:21 wrong-value: the input \"days\": expected a whole number, found \"many\"",
                "3:27 unknown-reference: there is no input \"citty\" (did you mean \"city\"?)",
            ])
    }

    @Test("secrets and variables have to be known to the project")
    func names() async throws {
        #expect(
            try await problems("secrets: { hok: x }\nenv: { REGIO: eu }") == [
                "4:16 unknown-reference: there is no secret \"hok\" (did you mean \"hook\"?)",
                "5:12 unknown-reference: there is no readable environment variable \"REGIO\" (did you mean \"REGION\"?)",
            ])
    }

    @Test("values of the wrong kind are quoted, with what to write instead")
    func values() async throws {
        #expect(
            try await problems("now: tomorrow") == [
                "4:10 wrong-value: `now`: expected a time such as 2026-01-02T03:04:05Z, found \"tomorrow\""
            ])
        #expect(
            try await problems("files: { ../a.txt: x }") == [
                "4:14 wrong-value: \"../a.txt\" is no file of the project "
                    + "(write its path from the project's folder on, such as inbox/a.txt)"
            ])
        #expect(
            try await problems("expect: { output: { matches: \"[\" } }") == [
                "4:34 wrong-value: `matches`: \"[\" is no regular expression"
            ])
        #expect(
            try await problems("expect: { status: broken }") == [
                "4:23 wrong-value: `status`: expected one of \"succeeded\", \"failed\", found \"broken\""
            ])
        #expect(
            try await problems("http: [ { url: x, error: refused } ]") == [
                "4:30 wrong-value: `error`: expected one of \"host-not-found\", \"connection-refused\", "
                    + "\"network-unreachable\", \"connection-reset\", \"connection-closed\", \"connect-timeout\", "
                    + "\"tls-failed\", found \"refused\""
            ])
        #expect(
            try await problems("chat: [ { fault: stall } ]").first?.hasPrefix(
                "4:22 unknown-reference: there is no fault \"stall\"") == true)
        #expect(
            try await problems("chat: [ { error: { status: 200 } } ]") == [
                "4:32 wrong-value: `status`: 200 is no error (400 to 599 are)"
            ])
    }

    @Test("a null is an error where something is needed, and a value where any may stand")
    func null() async throws {
        #expect(
            try await problems("expect: { sent: null }") == [
                "4:21 empty-value: `sent`: expected a list, found null (remove it, or give it a value)"
            ])
        #expect(
            try await problems("expect: { output: { contains: null } }") == [
                "4:35 empty-value: `contains`: expected a string, found null (remove it, or give it a value)"
            ])
        #expect(
            try await problems("secrets: { hook: null }") == [
                "4:22 empty-value: `secrets.hook`: expected a string, found null (remove it, or give it a value)"
            ])
        #expect(try await problems("chat: [ { json: null } ]\nhttp: [ { url: x, json: null } ]\ninput: null") == [])
    }

    @Test("keys that exclude each other are an error at the second of them")
    func exclusive() async throws {
        #expect(
            try await problems("chat: [ { text: a, json: {} } ]") == [
                "4:24 bad-keys: a chat answer takes only one of `text`, `json`, `error`"
            ])
        #expect(
            try await problems("input_file: a.txt\ninput: hello") == [
                "5:5 bad-keys: `input` and `input_file` are mutually exclusive "
                    + "(`input_file` brings both, as `--input-file` does)"
            ])
        #expect(
            try await problems("expect: { status: succeeded, error: { code: x } }") == [
                "4:34 bad-keys: a run that succeeds has no `error`"
            ])
    }

    @Test("an answer that is not in a list says how to write one")
    func chatWithoutList() async throws {
        #expect(
            try await problems("chat: { text: hello }") == [
                "4:13 wrong-type: `chat`: expected a list of answers, or the id of a step "
                    + "(put a dash before the answer: - text: …)"
            ])
    }

    @Test("only the last answer of a list may have `repeat: true`")
    func repeatedAnswer() async throws {
        let problem =
            "bad-keys: `repeat: true` is for the last answer: those behind it would never be given "
            + "(move it to the end of the list, or write the answer as often as it is given)"
        #expect(try await problems("chat: [ { text: a, repeat: true }, b ]") == ["4:32 \(problem)"])
        #expect(try await problems("chat: [ { text: a, repeat: false }, { text: b, repeat: true } ]") == [])
    }

    @Test("two tests of one name show both places")
    func duplicateName() async throws {
        let tests = """
            tests:
              - { name: same, inputs: { city: Oslo } }
              - { name: same, inputs: { city: Oslo } }
            """
        #expect(
            try await Workshop.problems(Self.pipeline, tests) == [
                "3:13 duplicate-name: two tests are named \"same\" (the other is in line 2)"
            ])
    }

    @Test("a file without tests, and one without a name, say what is missing")
    func missing() async throws {
        #expect(
            try await Workshop.problems(Self.pipeline, "pipeline: p.yaml\n") == [
                "1:1 missing-key: there are no tests "
                    + "(write `tests:` and below it a list, each item with `name:` and `expect:`)"
            ])
        #expect(
            try await Workshop.problems(Self.pipeline, "tests: [ { inputs: { city: Oslo } } ]\n") == [
                "1:12 missing-key: a test needs the key \"name\" (write `name: what must hold`)"
            ])
        #expect(
            try await Workshop.problems(Self.pipeline, "tests:\n  rain: { inputs: { city: Oslo } }\n") == [
                "2:3 wrong-type: `tests`: expected a list, found keys and values (begin each item with `- `)"
            ])
        #expect(
            try await Workshop.problems(Self.pipeline, "\n") == [
                "empty-file: the file is empty; it has at least `tests:`"
            ])
    }

    @Test("a pipeline that is not there is said at its name")
    func missingPipeline() async throws {
        #expect(
            try await Workshop.problems(Self.pipeline, "pipeline: q.yaml\ntests: []\n") == [
                "1:11 file-not-found: there is no file \"q.yaml\" "
                    + "(name the pipeline with `pipeline:`, relative to the test file's folder)"
            ])
    }

    @Test("what is wrong with the pipeline is said too")
    func brokenPipeline() async throws {
        let found = try await Workshop.problems("steps: [ { uses: file.raed } ]\n", "tests: [ { name: t } ]\n")
        #expect(found == ["1:18 unknown-step: unknown step \"file.raed\" (did you mean \"file.read\"?)"])
    }
}
