import Foundation
import RunnelKit
import Testing

@Suite("Trying out a pipeline") struct DryRunTests {
    private let pipeline = """
        name: p
        steps:
          - id: prompt
            uses: template
            with: { text: "Say hello\\nto {{ input | default('Ada') }}, {{ secrets.key }}." }
          - id: answer
            uses: chat
            with: { prompt: "{{ input }}", system: Be brief. }
          - uses: file.write
            with: { path: out.txt, content: "{{ input }}" }
        finally:
          - uses: file.write
            with: { path: end.txt, content: x }
        """
    private let configuration = "secrets: { key: { env: THE_KEY } }\n"

    @Test("--dry-run stops before the first step that costs something, and shows it as it would be done")
    func dryRun() async throws {
        let files = ["p.yaml": pipeline, "runnel.yaml": configuration]
        try await withProject(files, environment: ["THE_KEY": "s3cr3t"]) { runnel in
            let ended = try await runnel.run(["run", "p", "--dry-run"])
            #expect(ended.status == 0)
            #expect(ended.output == "")
            let shown = ended.error.split(separator: "\n").dropFirst(2).joined(separator: "\n")
            #expect(
                shown == """
                    would run answer chat
                      prompt: |
                        Say hello
                        to Ada, ***.
                      system: Be brief.
                    dry run stopped before this step, which costs or changes something,
                      or uses a secret that a command fetches
                    """)
            let left = try FileManager.default.contentsOfDirectory(atPath: runnel.directory)
            #expect(left.sorted() == ["p.yaml", "runnel.yaml"])
        }
    }

    @Test("--dry-run runs no command of a secret, and stops before a step that uses one")
    func secretOfACommand() async throws {
        let files = [
            "runnel.yaml": "secrets: { key: { command: [sh, -c, \"echo from-a-command; echo x >> asked.txt\"] } }\n",
            "p.yaml": """
            name: p
            steps:
              - { id: free, uses: template, with: { text: hello } }
              - { id: secret, uses: template, with: { text: "{{ secrets.key }}" } }
            """,
            "file.yaml": "name: file\nsteps:\n  - { uses: template, with: { file: t.txt } }\n",
            "t.txt": "{{ secrets.key }}",
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["run", "p", "--dry-run"])
            #expect(ended.status == 0)
            #expect(ended.error.contains("would run secret template\n"), "\(ended.error)")
            let file = try await runnel.run(["run", "file", "--dry-run"])
            #expect(file.status == 1)
            #expect(file.error.contains("`secrets.key` is missing"), "\(file.error)")
            #expect(!FileManager.default.fileExists(atPath: runnel.directory + "/asked.txt"))
        }
    }

    @Test("a dry run of a pipeline without effects is a run, and its errors are errors")
    func free() async throws {
        let files = [
            "good.yaml": "name: g\nsteps:\n  - { uses: template, with: { text: hello } }\n  - { uses: log }\n",
            "bad.yaml": "name: b\nsteps:\n  - { uses: template, with: { text: \"A {{ input }}\" } }\n",
        ]
        try await withProject(files) { runnel in
            let good = try await runnel.run(["run", "good", "--dry-run"])
            #expect(good.output == "hello\n")
            let bad = try await runnel.run(["run", "bad", "--dry-run"])
            #expect(bad.status == 1)
            #expect(bad.error.contains("`input` is null [empty-value]"))
        }
    }

    @Test(
        "until Ctrl-C, --watch runs again when the pipeline, or a file that it reads or includes, is saved",
        arguments: ["t.txt", "i.yaml", "inner.txt"])
    func watch(changed: String) async throws {
        let files = [
            "runnel.yaml": "",
            "w.yaml": """
            name: w
            steps:
              - { id: own, uses: template, with: { file: t.txt } }
              - { id: included, uses: ./i.yaml }
              - { uses: template, with: { text: "{{ steps.own }}{{ steps.included }}" } }

            """,
            "i.yaml": "steps:\n  - { uses: template, with: { file: inner.txt } }\n", "t.txt": "one\n",
            "inner.txt": "one\n",
        ]
        let saved = changed == "i.yaml" ? "steps:\n  - { uses: template, with: { text: \"two\\n\" } }\n" : "two\n"
        try await withProject(files) { runnel in
            let waiting = "waiting for a change; Ctrl-C ends\n"
            let ended = try await runnel.interrupt(["run", "w", "--watch", "--no-journal"]) { error in
                switch error.components(separatedBy: waiting).count - 1 {
                case 1 where !error.contains("\(changed) has changed"):
                    try? Data(saved.utf8).write(to: URL(fileURLWithPath: runnel.directory + "/" + changed))
                    return false
                case 2: return true
                default: return false
                }
            }
            #expect(ended.status == 130)
            #expect(ended.output == (changed == "t.txt" ? "one\none\ntwo\none\n" : "one\none\none\ntwo\n"))
            #expect(ended.error.contains("\n\(changed) has changed\n"))
        }
    }
}
