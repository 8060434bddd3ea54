import PipelineTesting
import RunnelEngine
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Canned answers")
struct AnswerTests {
    private static let fetch = """
        steps:
          - { id: page, uses: http.fetch, with: { url: "https://api.example/items?page=1" }, on_error: continue }
          - { uses: template, with: { text: done } }
        """
    private static let ask = """
        inputs: { names: { type: list, default: [Ann, Bo] } }
        steps:
          - id: greet
            for_each: "{{ inputs.names }}"
            max_parallel: 2
            uses: chat
            with: { system: Be kind., prompt: "Greet {{ item }}" }
          - id: sum
            uses: chat
            with: { prompt: "Sum up", schema: { type: object, required: [n] } }
        """

    private func mismatches(_ pipeline: String, _ tests: String) async throws -> [String] {
        let report = try await Workshop.report(pipeline, tests)
        #expect(report.broken == 0, "\(report.text(color: false))")
        return report.suites.flatMap(\.results).flatMap(\.mismatches).map(\.plainText)
    }

    @Test("a request without an answer fails the test and shows the call and what to add, even where the run goes on")
    func missingHTTP() async throws {
        #expect(
            try await mismatches(Self.fetch, "tests: [ { name: t } ]") == [
                """
                the run sent GET https://api.example/items?page=1, and the test has no answer to it
                = add to `http:`: - { url: "https://api.example/items?page=1", method: GET, status: 200, body: "…" }
                """
            ])
    }

    @Test("an answer is given once, unless it says `repeat`, and to its method only")
    func once() async throws {
        let twice = """
            steps:
              - { uses: http.fetch, with: { url: "https://a.example/x" } }
              - { uses: http.fetch, with: { url: "https://a.example/x" } }
            """
        let answer = #"{ url: { contains: a.example }, method: get, body: "" }"#
        let found = try await mismatches(twice, "tests: [ { name: t, http: [ \(answer) ] } ]")
        #expect(
            found == [
                """
                the run sent GET https://a.example/x once more, and all answers to it have been given
                = add to `http:`: - { url: "https://a.example/x", method: GET, status: 200, body: "…" }, \
                or `repeat: true` to the last one
                """
            ])
        let repeated = answer.replacing(" }", with: ", repeat: true }", maxReplacements: 2)
            .replacing("a.example, repeat: true }", with: "a.example }")
        #expect(try await mismatches(twice, "tests: [ { name: t, http: [ \(repeated) ] } ]") == [])
        let posted = answer.replacing("get", with: "post")
        #expect(try await mismatches(twice, "tests: [ { name: t, http: [ \(posted) ] } ]").count == 1)
    }

    @Test("an answer that nobody asked for fails the test")
    func unused() async throws {
        let tests = """
            tests:
              - name: t
                http:
                  - { url: "https://api.example/items?page=1", json: [] }
                  - { url: "https://api.example/items?page=2", json: [] }
                chat: [ never, { text: maybe, repeat: true } ]
            """
        #expect(
            try await mismatches(Self.fetch, tests) == [
                "http: this answer was not asked for\n= remove it, or find out why the run did not ask",
                "chat: this answer was not asked for\n= remove it, or find out why the run did not ask",
            ])
    }

    @Test("answers of the agent can be given by step, in the order of the step's calls")
    func byStep() async throws {
        let tests = """
            tests:
              - name: t
                chat:
                  greet: { text: Hello!, repeat: true }
                  sum: [ nonsense, { json: { n: 2 } } ]
                expect:
                  outputs: { greet.0.text: Hello!, greet.1.text: Hello!, sum.json.n: 2 }
                  prompts:
                    greet: [ Greet Ann, { prompt: Greet Bo, system: Be kind. } ]
                    sum: [ Sum up, { contains: there is no JSON in it } ]
            """
        #expect(try await mismatches(Self.ask, tests) == [])
    }

    @Test("a chat without an answer fails the test and shows the prompt and what to add")
    func missingChat() async throws {
        let tests = """
            tests:
              - name: t
                inputs: { names: [Ann] }
                chat: [ Hi ]
            """
        #expect(
            try await mismatches(Self.ask, tests) == [
                """
                the step "sum" asked the agent once more, and all answers have been given: "Sum up"
                = add to `chat:`: - json: { … }
                """
            ])
    }

    @Test(
        "an agent that is busy is asked again without waiting, and one that refuses fails the step",
        .timeLimit(.minutes(5)))
    func errors() async throws {
        let pipeline = "steps: [ { id: a, uses: chat, with: { prompt: Hello, agent_id: somebody } } ]"
        let tests = """
            tests:
              - name: busy
                chat:
                  - { error: { status: 429, retry_after: 90s } }
                  - { error: { status: 500 } }
                  - Hello.
                expect: { outputs: { a.text: Hello. } }
              - name: refused
                chat: [ { error: { status: 403, code: no_scope, message: You may not. } } ]
                expect: { error: { code: { matches: . }, step: a } }
              - name: broken off
                chat: [ { text: One two three four, fault: cut-off } ]
                expect: { error: { code: { matches: stream } } }
            """
        #expect(try await mismatches(pipeline, tests) == [])
    }

    @Test("the example of the documentation is a valid test file")
    func documentation() async throws {
        let path = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4).joined(separator: "/")
        let source = try #require(
            FileManager.default.contents(atPath: path + "/Sources/PipelineTesting/Model/PipelineTestSuite.swift"))
        let example = String(decoding: source, as: UTF8.self).split(separator: "\n").filter { $0.hasPrefix("///     ") }
            .map { $0.dropFirst(8) }.joined(separator: "\n").replacing("triage.yaml ", with: "p.yaml ")
        let pipeline = """
            on: { webhook: { path: p, verify: { scheme: none } } }
            inputs: { tone: { type: string, default: x } }
            steps:
              - { id: page, uses: http.fetch, with: { url: "https://a.example" } }
              - { id: weather, uses: http.fetch, with: { url: "https://a.example" } }
              - { id: answer, uses: chat }
              - { id: notify, uses: webhook.send, with: { url: "{{ secrets.team_hook }}" } }
            """
        try await withWorkshop { workshop in
            var workshop = workshop
            workshop.names.secrets.append("team_hook")
            let diagnostics = try workshop.suite(pipeline, example).diagnostics.map(\.message)
            #expect(diagnostics == [])
        }
    }

    @Test("a step can have a stand-in, which need not be what its plugin would do")
    func standIns() async throws {
        let pipeline = """
            steps:
              - { id: load, uses: http.fetch, with: { url: "https://a.example/" }, retry: { attempts: 2, backoff: 1h } }
              - { id: each, for_each: [1, 2], uses: http.fetch, with: { url: "https://a.example/" } }
            """
        let tests = """
            tests:
              - name: given
                steps:
                  load: [ { error: { code: busy, transient: true } }, { output: { body: hello } } ]
                  each: { output: 7 }
                expect: { outputs: { load.body: hello, each: [7, 7] } }
              - name: failing
                steps: { load: { error: { code: gone, message: It is gone. } } }
                expect: { error: { code: gone, message: It is gone., step: load } }
              - name: too few
                steps: { load: [ { error: { code: busy, transient: true } } ], each: { output: 7 } }
            """
        #expect(
            try await mismatches(pipeline, tests) == [
                """
                the step "load" ran more often than the 1 times that the test has an outcome for
                = add to `steps.load`: - output: …
                """
            ])
    }
}
