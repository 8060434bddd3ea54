import PipelineTesting
import Testing

@Suite("Expectations")
struct ExpectationTests {
    private static let pipeline = """
        on:
          webhook: { path: p, verify: { scheme: none } }
          watch: { path: inbox }
          schedule: { cron: "0 9 * * *" }
        steps:
          - { id: kind, uses: template, with: { text: "{{ trigger.type }}" } }
          - { id: maybe, if: trigger.body.loud, uses: template, with: { text: "LOUD" } }
          - { id: file, uses: file.write, with: { path: out/a.json, content: { label: bug, n: 1 } } }
          - id: send
            uses: webhook.send
            with: { url: "https://hooks.example/x", headers: { x-kind: "{{ steps.kind }}" }, json: { label: bug } }
        output: { label: bug, lines: "one\\ntwo\\n" }
        """
    private static let start = """
        tests:
          - name: t
            trigger: { type: webhook, body: { loud: false } }
            http: [ { url: "https://hooks.example/x" } ]
        """

    private func mismatches(_ expect: String) async throws -> [String] {
        let report = try await Workshop.report(Self.pipeline, Self.start + "\n    expect: \(expect)\n")
        #expect(report.broken == 0, "\(report.text(color: false))")
        return report.suites.flatMap(\.results).flatMap(\.mismatches).map(\.plainText)
    }

    @Test("everything that is as expected passes")
    func passes() async throws {
        #expect(
            try await mismatches(
                """
                { status: succeeded, skipped: [maybe], outputs: { kind: webhook, maybe: null, send.status: 200 },
                      output: { json: { label: bug } }, files: { out/a.json: { label: bug, n: 1 } },
                      sent: [ { url: "https://HOOKS.example:443/x", method: POST, json: { label: bug },
                                headers: { X-Kind: webhook } } ] }
                """) == [])
    }

    @Test("a run that ends otherwise says how")
    func status() async throws {
        #expect(
            try await mismatches("{ status: failed }") == [
                """
                status: expected the run to fail, and it succeeded
                its output: {"label":"bug","lines":"one\\ntwo\\n"}
                """
            ])
    }

    @Test("an output that is not as expected is shown beside what was expected")
    func outputs() async throws {
        #expect(
            try await mismatches("{ outputs: { kind: watch, kind.x: 1, send.status: 204 }, output: { label: bug } }")
                == [
                    """
                    output: it is not as expected
                    --- expected
                    +++ found
                    @@ -1,3 +1,4 @@
                     {
                    -  "label": "bug"
                    +  "label": "bug",
                    +  "lines": "one\\ntwo\\n"
                     }
                    """, #"outputs.kind: expected "watch", found "webhook""#,
                    #"outputs.kind.x: there is no "x" in "webhook""#,
                    "outputs.send.status: expected 204, found 200",
                ])
    }

    @Test("steps that were skipped, and those that were not, are named")
    func skipped() async throws {
        #expect(
            try await mismatches("{ skipped: [file] }") == [
                "skipped: expected the step \"file\" to be skipped, and it was not",
                "skipped: the step \"maybe\" was skipped as well",
            ])
    }

    @Test("a file that is not there is missed, with the one that is")
    func files() async throws {
        #expect(
            try await mismatches(
                "{ files: { out/b.json: x, out/a.json: { json: { label: feature } }, p.yaml: { absent: true } } }")
                == [
                    "files.out/b.json: there is no such file\n= there is \"out/a.json\"",
                    #"files.out/a.json.label: expected "feature", found "bug""#,
                    "files.p.yaml: expected no such file, and it is there",
                ])
    }

    @Test("requests are compared one by one, and counted")
    func sent() async throws {
        #expect(
            try await mismatches(
                "{ sent: [ { url: { contains: other }, method: PUT, body: x, headers: { x-none: a } } ] }") == [
                    #"sent[0].url: expected it to contain "other", found "https://hooks.example/x""#,
                    #"sent[0].method: expected "PUT", found "POST""#,
                    #"sent[0].headers.x-none: expected "a", found nothing"#,
                    #"sent[0].body: expected "x", found "{\"label\":\"bug\"}""#,
                ])
        #expect(
            try await mismatches("{ sent: [] }") == [
                "sent: expected 0 requests, found 1\nPOST https://hooks.example/x"
            ])
    }

    @Test("chat requests are counted")
    func prompts() async throws {
        #expect(
            try await mismatches("{ prompts: [ hello ] }") == ["prompts: expected 1 chat request, found 0"])
    }

    @Test("a trigger brings what a real one would bring")
    func triggers() async throws {
        let pipeline = """
            on:
              webhook: { path: p, verify: { scheme: none } }
              watch: { path: inbox }
              schedule: { cron: "0 9 * * *" }
            steps:
              - { id: seen, uses: transform, with: { from: { t: "{{ trigger }}", i: "{{ input }}" }, jq: . } }
            """
        let tests = """
            now: 2026-01-02T03:04:05Z
            files: { inbox/a.b.TXT: hello }
            tests:
              - name: webhook
                trigger: { type: webhook, body: { a: 1 } }
                expect:
                  output: { t: { type: webhook, body: { a: 1 }, raw: '{"a":1}', method: POST, headers: {}, query: {} },
                            i: { a: 1 } }
              - name: watch
                trigger: { type: watch, path: inbox/a.b.TXT }
                expect:
                  output: { t: { type: watch, path: inbox/a.b.TXT, name: a.b.TXT, stem: a.b, extension: txt, size: 5,
                                 modified: "2026-01-02T03:04:05.000Z" }, i: inbox/a.b.TXT }
              - name: schedule
                trigger: { type: schedule }
                expect:
                  outputs:
                    seen: { json: { t: { scheduled_for: "2026-01-02T03:04:05.000Z" }, i: null } }
              - name: by hand
                input: { a: [1] }
                expect: { output: { t: { type: manual }, i: { a: [1] } } }
              - name: with a file
                input_file: inbox/a.b.TXT
                expect: { outputs: { seen.i: hello, seen.t.stem: a.b, seen.t.type: manual } }
              - name: with a file that is not there
                input_file: inbox/c.txt
            """
        let report = try await Workshop.report(pipeline, tests)
        let found = report.suites.flatMap(\.results).flatMap(\.mismatches).map(\.plainText)
        #expect(
            found == [
                """
                input_file: there is no file "inbox/c.txt" in the project
                = add it to `files:`, or name another
                """
            ], "\(report.text(color: false))")
    }
}
