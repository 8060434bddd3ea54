import Foundation
import RunnelKit
import Testing

@Suite("The other commands") struct CommandTests {
    private var repository: String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
            .path
    }

    @Test("the pipelines that ship are valid")
    func shipped() async throws {
        let ended = try await RunnelProcess(directory: repository).run(["validate", "pipelines", "--simulate"])
        #expect(ended.error == "7 pipelines checked, all valid\n")
        #expect(ended.status == 0)
    }

    @Test(
        "the exit status says what kind of end it was",
        arguments: [
            (["run", "good.yaml"], 0), (["validate", "good.yaml"], 0), (["--version"], 0), (["steps", "--help"], 0),
            (["run", "failing.yaml"], 1), (["runs", "retry", "last"], 1),
            (["run", "invalid.yaml"], 2), (["validate", "invalid.yaml"], 2), (["run", "missing.yaml"], 2),
            (["steps", "nothing"], 2), (["no-such-command"], 2), (["run", "--no-such-option"], 2),
            (["run", "good.yaml", "--input", "unknown=1"], 2), (["serve", "missing"], 2),
        ] as [([String], Int32)])
    func status(arguments: [String], status: Int32) async throws {
        let files = [
            "good.yaml": "steps: [ { uses: template, with: { text: a } } ]",
            "failing.yaml": "steps: [ { uses: file.read, with: { path: missing.txt } } ]",
            "invalid.yaml": "steps: [ { uses: lgo } ]",
        ]
        try await withProject(files) { runnel in
            if arguments.first == "runs" { _ = try await runnel.run(["run", "failing.yaml"]) }
            let ended = try await runnel.run(arguments)
            #expect(ended.status == status, "\(ended.output)\(ended.error)")
        }
    }

    @Test("validate prints JSON for programs")
    func validateJSON() async throws {
        try await withProject(["p.yaml": "steps:\n  - uses: lgo\n"]) { runnel in
            let ended = try await runnel.run(["validate", "p.yaml", "--format", "json"])
            #expect(ended.status == 2)
            #expect(
                try Value.json(ended.output) == [
                    [
                        "code": "unknown-step", "severity": "error", "file": "p.yaml", "line": 2, "column": 11,
                        "end_line": 2, "end_column": 14, "message": "unknown step \"lgo\"",
                        "hint": "did you mean \"log\"?",
                    ]
                ])
        }
    }

    @Test("a folder is checked without its configuration, tests and hidden files")
    func folder() async throws {
        let files = [
            "a/one.yaml": "steps: [ { uses: log } ]", "a/b/two.yml": "steps: [ { uses: log } ]",
            "a/runnel.yaml": "env: []",
            "a/one.test.yaml": "x", "a/.hidden/three.yaml": "x",
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["validate", "a"])
            #expect(ended.error == "2 pipelines checked, all valid\n")
        }
    }

    @Test("every example in the reference of a step is a valid pipeline")
    func examples() async throws {
        let runnel = RunnelProcess(directory: repository)
        let names = try await runnel.run(["steps"]).output.split(separator: "\n").compactMap {
            $0.split(separator: " ").first
        }
        #expect(names.count == 12)
        for name in names {
            let reference = try await runnel.run(["steps", String(name)]).output
            let steps = reference.split(separator: "\n\n").filter { $0.contains("  - uses: ") }
            #expect(!steps.isEmpty, "\(name) has no example")
            for (index, step) in steps.enumerated() {
                let pipeline = """
                    inputs: { tone: { default: x } }
                    steps:
                      - { id: page, uses: log }
                      - { id: answer, uses: log }
                    \(step)
                    """
                let configuration =
                    "secrets: { tickets_token: { env: A }, hook_key: { env: A }, team_hook: { env: A } }"
                let own = ["p.yaml": pipeline, "runnel.yaml": configuration, "prompts/digest.md": "x"]
                try await withProject(own.merging(try processPlugins(of: repository)) { own, _ in own }) { runnel in
                    let ended = try await runnel.run(["validate", "p.yaml", "--simulate"])
                    #expect(ended.status == 0, "\(name), example \(index + 1): \(ended.error)")
                }
            }
        }
    }

    @Test("the schema of a step is JSON, and a misspelt step gets a suggestion")
    func steps() async throws {
        try await withProject([:]) { runnel in
            let schema = try Value.json(try await runnel.run(["steps", "file.read", "--schema"]).output)
            #expect(schema["properties"]?["path"]?["type"] == "string")
            let ended = try await runnel.run(["steps", "file.wirte"])
            #expect(ended.error == "error: unknown step \"file.wirte\"; did you mean \"file.write\"?\n")
            #expect(ended.status == 2)
        }
    }

    @Test("the version is one line")
    func version() async throws {
        try await withProject([:]) { runnel in
            let ended = try await runnel.run(["--version"])
            #expect(ended.output == "runnel 0.1.0\n")
            #expect(ended.status == 0)
        }
    }

    @Test("a broken configuration is shown with its place")
    func configuration() async throws {
        let files = [
            "runnel.yaml": "marketplace:\n  base_ulr: x\n  timeouts: { idle: soon }\n",
            "p.yaml": "steps: [ { uses: log } ]",
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["run", "p"])
            #expect(ended.status == 2)
            #expect(ended.error.contains("runnel.yaml:2:3: error: "))
            #expect(ended.error.contains("= did you mean \"base_url\"?"))
            #expect(ended.error.contains("runnel.yaml:3:21: error: "))
        }
    }

    @Test("a schedule that is wrong only once it is known is told in words, with its field and what to do")
    func schedule() async throws {
        let files = [
            "runnel.yaml": "env: [WHEN]\n",
            "p.yaml": """
            on: { schedule: { cron: "{{ env.WHEN }}" } }
            steps: [ { uses: log, with: { message: x } } ]

            """,
        ]
        try await withProject(files, environment: ["WHEN": "5 parsecs"]) { runnel in
            let ended = try await runnel.run(["schedule", "next", "p"])
            #expect(
                ended.error == """
                    error: schedule: `cron`: the cron expression "5 parsecs" has 2 fields; expected 5, or 6 with seconds \
                    first; the fields are: minute, hour, day of month, month, day of week

                    """)
            #expect(ended.status == 2)
            #expect(ended.output == "")
        }
    }

    @Test("an entry that is disabled has no next ticks, which is said")
    func disabledSchedule() async throws {
        let files = [
            "p.yaml": """
            on: { schedule: [ { every: 1h, enabled: false }, { every: 24h } ] }
            steps: [ { uses: log, with: { message: x } } ]

            """
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["schedule", "next", "p", "-n", "2", "--after", "2026-11-24T00:00:00Z"])
            #expect(ended.error == "schedule[0] is disabled: its entry has `enabled: false`\n")
            let days = ended.output.split(separator: "\n").map { $0.split(separator: " ").last }
            #expect(days == ["2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z"])
            #expect(ended.status == 0)
        }
    }

    @Test("`schedule next` says when an `@reboot` schedule runs, and `-n` must be 1 or more")
    func scheduleAtStart() async throws {
        let files = [
            "p.yaml": """
            on: { schedule: [ { cron: "@reboot" }, { every: 24h } ] }
            steps: [ { uses: log, with: { message: x } } ]

            """
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["schedule", "next", "p", "-n", "1", "--after", "2026-11-24T00:00:00Z"])
            let lines = ended.output.split(separator: "\n")
            #expect(lines.first == "at the start of `runnel serve`")
            #expect(lines.last?.hasSuffix("  2026-11-25T00:00:00Z") == true)
            #expect(lines.count == 2)
            for command in [["schedule", "next", "p"], ["runs", "list"], ["audit"]] {
                let wrong = try await runnel.run(command + ["-n", "-1"])
                #expect(wrong.status == 2)
                #expect(wrong.error.hasPrefix("error: --limit -1: expected 1 or more\n"), "\(wrong.error)")
            }
        }
    }

    @Test("`schedule next` lists no ticks of a schedule that an operator has disabled, and says so")
    func scheduleDisabledByOperator() async throws {
        let files = [
            "runnel.yaml": "server: { port: 0 }\n",
            "pipelines/p.yaml": "on: { schedule: { every: 1h } }\nsteps: [ { uses: log, with: { message: x } } ]\n",
        ]
        try await withProject(files) { runnel in
            try await runnel.serving("pipelines") { (runnel: RunnelProcess) async throws in
                #expect(try await runnel.run(["trigger", "p", "--disable", "schedule"]).status == 0)
            }
            let ended = try await runnel.run(["schedule", "next", "p"])
            #expect(ended.error == "schedule is disabled by an operator\n")
            #expect(ended.output == "")
            #expect(ended.status == 0)
        }
    }
}

/// The plugins of this repository that are no part of `runnel` itself, as files of a project.
private func processPlugins(of repository: String) throws -> [String: String] {
    var files: [String: String] = [:]
    for folder in try FileManager.default.contentsOfDirectory(atPath: repository + "/plugins") {
        let path = "plugins/\(folder)/plugin.yaml"
        guard FileManager.default.fileExists(atPath: "\(repository)/\(path)") else { continue }
        files[path] = try String(contentsOfFile: "\(repository)/\(path)", encoding: .utf8)
    }
    return files
}
