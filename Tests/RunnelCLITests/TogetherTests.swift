import Foundation
import RunnelKit
import Testing

@Suite("Pipelines that are served together") struct TogetherTests {
    private static func watching(_ name: String, _ more: String) -> String {
        "name: \(name)\non: { watch: { path: in, \(more) } }\nsteps: [ { uses: log, with: { message: hello } } ]\n"
    }

    private static func hook(_ name: String) -> String {
        """
        name: \(name)
        on: { webhook: { path: same, verify: { scheme: none } } }
        steps: [ { uses: log, with: { message: hello } } ]

        """
    }

    @Test("two that want one hook are named by validate and doctor, and the first file by name has it")
    func hooks() async throws {
        let files = [
            "pipelines/b.yaml": Self.hook("b"), "pipelines/a.yaml": Self.hook("a"),
            "runnel.yaml": "server: { port: 0 }\n",
        ]
        let words = #"the pipelines "a" and "b" both want /hooks/same; only "a" (pipelines/a.yaml) gets it"#
        try await withProject(files) { runnel in
            let checked = try await runnel.run(["validate", "pipelines"])
            #expect(checked.error.contains("pipelines/b.yaml:2:24: error: \(words) [same-route]"), "\(checked.error)")
            #expect(checked.error.hasSuffix("2 pipelines checked, 1 with errors\n"))
            #expect(checked.status == 2)
            let doctor = try await runnel.run(["doctor", "--offline"])
            #expect(doctor.output.contains("pipelines/b.yaml:2: \(words)"), "\(doctor.output)")
            let served = try await runnel.interrupt(["serve", "pipelines"], after: "both want")
            #expect(served.error.contains("the trigger webhook of b has a problem: \(words)"), "\(served.error)")
        }
    }

    @Test("the pipelines of a project below are not served with those of the outer one")
    func nested() async throws {
        func pipeline(_ name: String) -> String { "name: \(name)\nsteps: [ { uses: log, with: { message: hi } } ]\n" }
        let files = [
            "runnel.yaml": "server: { port: 0 }\n", "outer.yaml": pipeline("outer"),
            "data/compose.yaml": "services: {}\n", "sub/runnel.yaml": "", "sub/pipelines/inner.yaml": pipeline("inner"),
        ]
        try await withProject(files) { runnel in
            let served = try await runnel.interruptOutput(["serve", "."]) { $0.contains("Listening on ") }
            #expect(served.output.hasPrefix("Serving 1 pipeline\n  outer\nListening on "), "\(served.output)")
            try FileManager.default.createDirectory(
                atPath: runnel.directory + "/pipelines", withIntermediateDirectories: true)
            try FileManager.default.moveItem(
                atPath: runnel.directory + "/outer.yaml", toPath: runnel.directory + "/pipelines/outer.yaml")
            for arguments in [["validate"], ["validate", "outer"], ["validate", "pipelines/outer"]] {
                let checked = try await runnel.run(arguments)
                #expect(checked.error == "1 pipeline checked, all valid\n", "\(arguments)")
            }
            let inner = try await runnel.run(["validate", "sub"])
            #expect(inner.error == "1 pipeline checked, all valid\n")
            for command in ["validate", "test"] {
                let wrong = try await runnel.run([command, "outr"])
                #expect(
                    wrong.error == """
                        error: there is no file, folder or pipeline "outr"
                          = did you mean "outer"?

                        """)
                #expect(wrong.status == 2)
            }
        }
    }

    @Test("two that take the files of one folder are named")
    func folders() async throws {
        let files = [
            "in/.keep": "", "a.yaml": Self.watching("a", "after: move"),
            "b.yaml": Self.watching("b", "after: move, move_to: doneb, failed: failedb"),
        ]
        try await withProject(files) { runnel in
            let checked = try await runnel.run(["validate", "."])
            let words =
                #"the pipelines "a" and "b" both want files of "in", which "a" moves away or deletes; only "a" (a.yaml) gets them"#
            #expect(checked.error.contains("error: \(words) [same-files]"), "\(checked.error)")
            #expect(checked.status == 2)
        }
    }

    @Test("two with one name are a problem for doctor too")
    func names() async throws {
        let text = "name: p\nsteps: [ { uses: log, with: { message: hello } } ]\n"
        try await withProject(["a.yaml": text, "b.yaml": text]) { runnel in
            let doctor = try await runnel.run(["doctor", "--offline"])
            #expect(
                doctor.output.contains(#"b.yaml and a.yaml are both named "p"; only one is served"#), "\(doctor.output)"
            )
            #expect(doctor.status == 1)
        }
    }

    @Test("one that writes where it watches is warned about")
    func feedsItself() async throws {
        let text = """
            name: k
            on: { watch: { path: in } }
            steps:
              - { uses: file.write, with: { path: "in/{{ trigger.stem }}.summary.md", content: hello } }

            """
        try await withProject(["k.yaml": text]) { runnel in
            let checked = try await runnel.run(["validate", "k.yaml"])
            #expect(
                checked.error.contains(
                    #"warning: the step "file-write" writes "in/….summary.md", where "k" itself watches"#),
                "\(checked.error)")
            #expect(checked.status == 0)
        }
    }

    @Test("a watched folder that is missing is in the log at the start")
    func missingFolder() async throws {
        let files = ["pipelines/a.yaml": Self.watching("a", "after: keep"), "runnel.yaml": "server: { port: 0 }\n"]
        try await withProject(files) { runnel in
            let served = try await runnel.interrupt(["serve", "pipelines"], after: "processed")
            #expect(
                served.error.contains(
                    #"the trigger watch of a has a problem: cannot watch "in": there is no such folder; create it, and its files are processed"#
                ),
                "\(served.error)")
        }
    }

    @Test("Ctrl-C cancels the current one of many runs, and no other begins")
    func interruptMany() async throws {
        let files = [
            "runnel.yaml": "server: { port: 0 }\n",
            "pipelines/p.yaml": """
            name: p
            on: { schedule: { cron: "0 9 * * *", timezone: UTC, missed: skip } }
            steps: [ { uses: shell, with: { run: sleep 600 } } ]
            """,
            "pipelines/q.yaml": "name: q\nsteps: [ { uses: template, with: { text: q } } ]\n",
        ]
        try await withProject(files) { runnel in
            func states() async throws -> [String] {
                let runs = try Value.json(try await runnel.run(["runs", "list", "--json"]).output).asList ?? []
                return runs.map { $0["state"]?.asString ?? "" }
            }
            // Makes the journal.
            #expect(try await runnel.run(["run", "q"]).status == 0)
            let filled = try await runnel.run([
                "schedule", "backfill", "p", "--from", "2026-01-01T00:00:00Z", "--to", "2026-01-03T00:00:00Z", "--old",
            ])
            #expect(filled.status == 0, "\(filled.error)")
            let resumed = try await runnel.interrupt(["runs", "resume", "--all"], after: "p  run ")
            #expect(resumed.status == 130, "\(resumed.error)")
            #expect(try await states() == ["queued", "cancelled", "succeeded"])
            #expect(try await runnel.run(["runs", "cancel", "last"]).status == 0)
            let retried = try await runnel.interrupt(["runs", "retry", "--state", "cancelled"], after: "p  run ")
            #expect(retried.status == 130, "\(retried.error)")
            #expect(retried.error.hasSuffix("1 run retried, 1 without success\n"), "\(retried.error)")
            #expect(try await states() == ["cancelled", "cancelled", "cancelled", "succeeded"])
        }
    }

    @Test("a run that cannot be retried is left out with the reason, and the others are retried")
    func leftOut() async throws {
        func failing(_ name: String, _ more: String = "") -> String {
            "name: \(name)\n\(more)steps: [ { uses: shell, with: { run: 'test -e mended' } } ]\n"
        }
        let names = ["a", "b", "c"]
        let files = Dictionary(uniqueKeysWithValues: names.map { ("\($0).yaml", failing($0)) })
        try await withProject(files.merging(["runnel.yaml": ""]) { $1 }) { runnel in
            for name in names { #expect(try await runnel.run(["run", name]).status == 1) }
            let runs = try Value.json(try await runnel.run(["runs", "list", "--json"]).output).asList ?? []
            let ids = runs.reversed().map { $0["id"]?.asString ?? "" }
            func write(_ file: String, _ text: String) throws {
                try Data(text.utf8).write(to: URL(fileURLWithPath: "\(runnel.directory)/\(file)"))
            }
            try write("mended", "")
            try write("a.yaml", failing("a", "stpes: []\n"))
            try write("b.yaml", failing("b", "inputs: { tone: { type: integer } }\n"))
            let retried = try await runnel.run(["runs", "retry", "--state", "failed"])
            #expect(retried.status == 1)
            let left = "the run \(ids[0]) is left out: its pipeline has errors: "
            #expect(retried.error.hasPrefix(left), "\(retried.error)")
            #expect(retried.error.contains("a.yaml:2:1: "), "\(retried.error)")
            let words = #"the input "tone" is required, and the run has no value for it"#
            let hint = "  = add `--input tone=…`, or use the old pipeline with --unchanged\n"
            #expect(
                retried.error.contains("\nthe run \(ids[1]) is left out: \(words)\n\(hint)"), "\(retried.error)")
            #expect(retried.error.hasSuffix("1 run retried, all succeeded, 2 left out\n"), "\(retried.error)")
            let again = try await runnel.run(["runs", "retry", "--state", "failed", "--pipeline", "b"])
            #expect(again.error.hasSuffix("\nno run retried, 1 left out\n"), "\(again.error)")
            #expect(again.status == 1)
            let alone = try await runnel.run(["runs", "retry", ids[1]])
            #expect(alone.error == "error: the run \(ids[1]) cannot be retried: \(words)\n\(hint)")
            #expect(alone.status == 2)
            for more in [["--unchanged"], ["--input", "tone=3"]] {
                #expect(try await runnel.run(["runs", "retry", ids[1]] + more).status == 0)
            }
        }
    }

    @Test("many runs are retried at once, each once, with a changed input")
    func retryMany() async throws {
        let text = """
            name: p
            inputs: { luck: { type: boolean, default: false } }
            steps: [ { uses: transform, with: { from: "{{ inputs }}", jq: 'if .luck then "good" else error("no luck") end' } } ]

            """
        try await withProject(["p.yaml": text, "q.yaml": text.replacing("name: p", with: "name: q")]) { runnel in
            for name in ["p", "p", "q"] { #expect(try await runnel.run(["run", name]).status == 1) }
            let retry = ["runs", "retry", "--state", "failed", "--since", "1h", "--pipeline", "p"]
            let unlucky = try await runnel.run(retry)
            #expect(unlucky.status == 1)
            #expect(unlucky.error.hasSuffix("2 runs retried, 2 without success\n"), "\(unlucky.error)")
            // The last retry stands for each of them.
            let lucky = try await runnel.run(retry + ["--input", "luck=true"])
            #expect(lucky.output == "good\ngood\n")
            #expect(lucky.error.hasSuffix("2 runs retried, all succeeded\n"), "\(lucky.error)")
            let none = try await runnel.run(retry)
            #expect(none.error == "no run to retry\n")
            #expect(none.status == 0)
            let last = try await runnel.run(
                ["runs", "retry", "last", "--state", "failed", "--pipeline", "q", "--input", "luck=true"])
            #expect(last.output == "good\n", "\(last.error)")
            let wrong = try await runnel.run(["runs", "retry", "01a2188c", "--state", "failed"])
            #expect(wrong.error.contains("name a run, or select runs with --state, --since and --pipeline; not both"))
            let running = try await runnel.run(["runs", "retry", "--state", "running"])
            #expect(running.error.contains("--state running: only runs that have ended can be retried"))
        }
    }
}
