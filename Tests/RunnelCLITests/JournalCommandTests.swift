import Foundation
import RunnelKit
import Testing

@Suite("Runs that are kept") struct JournalCommandTests {
    private let good =
        "name: good\nsteps:\n  - { id: text, uses: template, with: { text: \"hello {{ input | default('you') }}\" } }\n"
    private let bad = """
        name: bad
        steps:
          - { id: first, uses: template, with: { text: "paid for" } }
          - { id: second, uses: transform, with: { jq: "error(\\"no luck\\")" } }
        """

    private func lastRun(_ runnel: RunnelProcess) async throws -> ValueObject {
        let ended = try await runnel.run(["runs", "show", "last", "--json"])
        return try #require(try Value.json(ended.output).asObject)
    }

    @Test("a run is in the list with its state, and shows what its steps came to")
    func listed() async throws {
        try await withProject(["good.yaml": good]) { runnel in
            _ = try await runnel.run(["run", "good"])
            let list = try await runnel.run(["runs"])
            #expect(list.output.contains("  succeeded  good "))
            let run = try await lastRun(runnel)
            #expect(run["state"] == "succeeded")
            #expect(run["output"] == "hello you")
            #expect(run["steps"]?.asList?.first?.asObject?["output"] == "hello you")
            let none = try await runnel.run(["runs", "list", "--state", "failed"])
            #expect(none.error == "no runs\n")
        }
    }

    @Test("a failed run can be sent again from the step that failed, with the mended file")
    func retry() async throws {
        try await withProject(["bad.yaml": bad]) { runnel in
            #expect(try await runnel.run(["run", "bad"]).status == 1)
            let failed = try await lastRun(runnel)
            #expect(failed["error"]?.asObject?["message"] == "jq: no luck")
            let mended = bad.replacingOccurrences(of: "error(\\\"no luck\\\")", with: "ascii_upcase")
            try Data(mended.utf8).write(to: URL(fileURLWithPath: runnel.directory + "/bad.yaml"))
            let again = try await runnel.run(["runs", "retry", "last", "--from", "second"])
            #expect(again.output == "PAID FOR\n")
            #expect(!again.error.contains("first"))
            let run = try await lastRun(runnel)
            #expect(run["retry_of"] == failed["id"])
            let unknown = try await runnel.run(["runs", "retry", "last", "--from", "secnd"])
            #expect(unknown.error == "error: the pipeline has no step \"secnd\"\n  = did you mean \"second\"?\n")
            #expect(unknown.status == 2)
            let (old, new) = (failed["id"]?.asString ?? "", run["id"]?.asString ?? "")
            let audit = try await runnel.run(["audit"]).output
            #expect(audit.hasSuffix("  retry-run  \(old)  \(new)  local   command line\n"), "\(audit)")
            #expect(audit.split(separator: "\n").count == 2)
        }
    }

    @Test("a run whose output file is lost is shown, and retried from the start or from the step after the last output")
    func lostOutput() async throws {
        let pipeline = """
            name: large
            steps:
              - { id: first, uses: template, with: { text: "kept" } }
              - { id: second, uses: transform, with: { jq: '"x" * 300000' } }
              - { id: third, uses: template, with: { text: "{{ steps.second | length }} letters" } }
            """
        try await withProject(["large.yaml": pipeline]) { runnel in
            #expect(try await runnel.run(["run", "large"]).output == "300000 letters\n")
            let outputs = runnel.directory + "/.runnel/outputs"
            for name in try FileManager.default.contentsOfDirectory(atPath: outputs) {
                try FileManager.default.removeItem(atPath: "\(outputs)/\(name)")
            }
            let run = try await lastRun(runnel)
            let steps = run["steps"]?.asList ?? []
            #expect(steps.first?["output"] == "kept")
            let words = steps[1]["output"]?.asString ?? ""
            #expect(words.hasPrefix("this value is lost: the file \(outputs)/"))
            #expect(
                try await runnel.run(["runs", "show", "last"]).output.contains("    this value is lost: the file "))
            let id = run["id"]?.asString ?? ""
            let from = try await runnel.run(["runs", "retry", id, "--from", "third"])
            #expect(
                from.error == """
                    error: the step "second" has no result in the run \(id)
                      = start from that step, or omit --from

                    """)
            #expect(try await runnel.run(["runs", "retry", id, "--from", "second"]).output == "300000 letters\n")
            #expect(try await runnel.run(["runs", "retry", id]).output == "300000 letters\n")
        }
    }

    @Test("--no-journal leaves nothing behind, and without runs the commands say where they looked")
    func noJournal() async throws {
        try await withProject(["good.yaml": good]) { runnel in
            #expect(try await runnel.run(["run", "good", "--no-journal"]).output == "hello you\n")
            #expect(!FileManager.default.fileExists(atPath: runnel.directory + "/.runnel"))
            let ended = try await runnel.run(["runs"])
            #expect(
                ended.error == """
                    error: no runs have been kept in \(runnel.directory)
                      = runs are kept beside the `runnel.yaml` of their pipeline; name that folder with --project

                    """)
            #expect(ended.status == 2)
        }
    }

    @Test(
        "a journal that cannot be reached is not taken for none",
        arguments: [
            "runs", "logs last", "runs resume --all", "audit", "deliveries", "usage", "workers",
            "journal copy .runnel copy",
        ])
    func unreachable(command: String) async throws {
        try await withProject(["good.yaml": good, ".runnel": ""]) { runnel in
            let ended = try await runnel.run(command.split(separator: " ").map(String.init))
            let folder = runnel.directory + "/.runnel"
            #expect(
                ended.error == """
                    error: the journal \(folder)/journal.db cannot be opened: Not a directory [journal-failed]
                      = \(folder) has to be a folder; move away what is there

                    """)
            #expect(ended.status == 1)
        }
    }

    @Test("a secret that went through a step is nowhere in the journal, and comes back when the run is sent again")
    func secrets() async throws {
        let pipeline = """
            name: secret
            steps:
              - { id: key, uses: template, with: { text: "Bearer {{ secrets.key }}!" } }
              - { id: fail, uses: transform, with: { jq: "error(.)" } }
            """
        let files = ["secret.yaml": pipeline, "runnel.yaml": "secrets: { key: { env: THE_KEY } }"]
        try await withProject(files, environment: ["THE_KEY": "s3cr3t/värde\"x"]) { runnel in
            _ = try await runnel.run(["run", "secret"])
            let database = try Data(contentsOf: URL(fileURLWithPath: runnel.directory + "/.runnel/journal.db"))
            let log =
                (try? Data(contentsOf: URL(fileURLWithPath: runnel.directory + "/.runnel/journal.db-wal"))) ?? Data()
            for trace in ["s3cr3t", "värde"] { #expect((database + log).range(of: Data(trace.utf8)) == nil) }
            let shown = try await runnel.run(["runs", "show", "last"])
            #expect(shown.output.contains("Bearer ***!"))
            try Data(pipeline.replacingOccurrences(of: "error(.)", with: "length").utf8)
                .write(to: URL(fileURLWithPath: runnel.directory + "/secret.yaml"))
            #expect(try await runnel.run(["runs", "retry", "last", "--from", "fail"]).output == "22\n")
        }
    }

    @Test("items run side by side, and the output is the list in the order of the items")
    func items() async throws {
        let pipeline = """
            name: items
            steps:
              - id: all
                for_each: [1, 2, 3]
                max_parallel: 2
                steps:
                  - { id: one, uses: template, with: { text: "{{ item }}/{{ index }}" } }
            output: "{{ steps.all }}"
            """
        try await withProject(["items.yaml": pipeline]) { runnel in
            let ended = try await runnel.run(["run", "items"])
            #expect(try Value.json(ended.output) == ["1/0", "2/1", "3/2"])
        }
    }
}
