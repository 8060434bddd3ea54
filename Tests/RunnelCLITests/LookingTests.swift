import Foundation
import Testing

@Suite("Commands that only look") struct LookingTests {
    /// Whatever is started of this project says so in a file.
    private static let tracer = "echo \"$0 $*\" >>\"$RUNNEL_PROJECT/started\"\n"
    private static let files = [
        "runnel.yaml": "secrets: { key: { env: HOME } }\nserver: { port: 9 }\n",
        "plugins/server/plugin.yaml": "name: server\nprotocol: mcp\ncommand: [sh, trace.sh]\nenv: [HOME]\n",
        "plugins/server/trace.sh": tracer,
        "plugins/program/plugin.yaml": """
        name: program
        protocol: exec
        command: [sh, trace.sh]
        steps: { go: { summary: Goes., repeatable: true } }
        """,
        "plugins/program/trace.sh": tracer,
        "p.yaml": """
        name: p
        on: { schedule: { cron: "0 9 * * *" } }
        steps:
          - { uses: template, with: { text: hello } }
          - { uses: program.go }
        """,
        "needs.yaml": "name: needs\nsteps:\n  - { uses: server.tool }\n",
        "tested.yaml": "name: tested\nsteps:\n  - { uses: template, with: { text: hello } }\n",
        "tested.test.yaml": "tests:\n  - { name: it says hello, expect: { output: hello } }\n",
    ]

    @Test(
        "start nothing of the project, neither a server whose tools are not known nor a program",
        arguments: [
            "validate p.yaml", "validate needs.yaml", "validate .", "validate . --format json", "explain p",
            "explain needs", "steps", "steps server.tool", "steps program.go", "steps program.go --schema", "schema",
            "schema settings", "schema test", "schema plugin", "doctor --offline", "schedule next p", "plugins",
            "plugins list", "run p --dry-run",
            "run needs --dry-run", "test", "test tested.test.yaml", "docs pages --out reference", "new test p",
            "status",
            "runs", "trust --list",
        ])
    func nothing(command: String) async throws {
        try await withProject(Self.files) { runnel in
            let ended = try await runnel.run(command.split(separator: " ").map(String.init))
            #expect(!FileManager.default.fileExists(atPath: runnel.directory + "/started"), "\(ended.error)")
            #expect(!FileManager.default.fileExists(atPath: runnel.directory + "/.runnel"))
        }
    }

    @Test("they refuse a journal of an older version, and change nothing of it; commands that write migrate it")
    func olderJournal() async throws {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let older = tests.appendingPathComponent("RunnelStoreTests/Resources/journal-4").path
        try await withProject(["runnel.yaml": "server: { port: 9 }\n"]) { runnel in
            let state = runnel.directory + "/.runnel"
            try FileManager.default.copyItem(atPath: older, toPath: state)
            let path = state + "/journal.db"
            let before = try Data(contentsOf: URL(fileURLWithPath: path))
            let hint = "`runnel journal migrate` brings it up to date, and so does starting `runnel serve`"
            for command in [
                "runs", "runs show last", "runs watch last", "logs last", "workers", "usage", "audit", "deliveries",
                "journal backup saved",
            ] {
                let ended = try await runnel.run(command.split(separator: " ").map(String.init))
                #expect(ended.status == 1, "\(command)")
                #expect(
                    ended.error == """
                        error: the journal \(path) was written by an older version of Runnel [journal-older]
                          = \(hint)

                        """, "\(command)")
            }
            let copied = try await runnel.run(["journal", "copy", ".runnel", "copied"])
            #expect(copied.status == 1)
            #expect(
                copied.error == """
                    error: the journal \(path) was written by an older version of Runnel [journal-older]
                      = `runnel journal migrate` in its project brings it up to date; restore a backup first

                    """)
            #expect(!FileManager.default.fileExists(atPath: runnel.directory + "/copied"))
            let found = try await runnel.run(["doctor", "--offline"])
            #expect(
                found.output.contains(
                    """
                    ! journal       the journal \(path) was written by an older version of Runnel
                                    = \(hint)

                    """), "\(found.output)")
            #expect(found.status == 0, "\(found.output)")
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
            #expect(!FileManager.default.fileExists(atPath: state + "/workers"))
            #expect(try await runnel.run(["runs", "prune", "--keep", "9999d"]).status == 0)
            #expect(try await runnel.run(["runs"]).output.contains("  greet "))
        }
    }

    @Test("where a server's tools are not known, they say which command asks for them")
    func advice() async throws {
        try await withProject(Self.files) { runnel in
            let advice =
                "the plugin \"server\" was not asked for its tools yet; `runnel plugins refresh server` starts it and asks"
            let validated = try await runnel.run(["validate", "needs.yaml"])
            #expect(validated.status == 2)
            #expect(validated.error.contains("= \(advice)\n"), "\(validated.error)")
            let listed = try await runnel.run(["plugins"])
            #expect(listed.status == 2)
            #expect(listed.output.contains("server  not loaded: \(advice)\n"))
            #expect(try await runnel.run(["doctor", "--offline"]).output.contains(advice))
            #expect(try await runnel.run(["validate", "p.yaml"]).status == 0)
        }
    }

    @Test("plugins refresh starts what is named, and says what that is")
    func refresh() async throws {
        try await withProject(Self.files) { runnel in
            let program = try await runnel.run(["plugins", "refresh", "program"])
            #expect(program.status == 2)
            #expect(
                program.error
                    == "error: the plugin \"program\" is not an MCP server: its steps are declared in plugins/program/plugin.yaml\n"
            )
            let unknown = try await runnel.run(["plugins", "refresh", "sever"])
            #expect(unknown.error.contains("error: there is no plugin \"sever\" in "))
            #expect(unknown.error.contains("  = did you mean \"server\"?\n"))
            #expect(!FileManager.default.fileExists(atPath: runnel.directory + "/started"))
            // It ends at once, so it is no server; but it was started.
            let server = try await runnel.run(["plugins", "refresh", "server"])
            #expect(server.status == 2)
            #expect(server.error.hasPrefix("asking server: sh trace.sh\n"), "\(server.error)")
            #expect(FileManager.default.fileExists(atPath: runnel.directory + "/started"))
        }
    }

    @Test("plugins refresh asks no server whose manifest has errors, and ends with 2")
    func refreshBroken() async throws {
        let manifest = "name: server\nprotocol: mcp\ncommand: [sh, trace.sh]\n"
        for (line, problem) in [
            ("env: { KEY: { secret: gone } }", "4:23: error: `env.KEY.secret`: there is no secret \"gone\""),
            ("stpes: {}", "4:1: error: plugin.yaml has no key \"stpes\""),
        ] {
            var files = Self.files
            files["plugins/server/plugin.yaml"] = manifest + line + "\n"
            try await withProject(files) { runnel in
                for arguments in [["plugins", "refresh"], ["plugins", "refresh", "server"]] {
                    let ended = try await runnel.run(arguments)
                    #expect(ended.status == 2)
                    #expect(ended.error.hasPrefix("plugins/server/plugin.yaml:\(problem) ["), "\(ended.error)")
                    #expect(ended.output == "")
                }
                #expect(!FileManager.default.fileExists(atPath: runnel.directory + "/started"))
            }
        }
    }

    @Test("once a server was asked, they know its tools and start it no more; run asks where it was not")
    func known() async throws {
        let server = try String(
            contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appendingPathComponent("RunnelProcessTests/Resources/mcp_child.py"), encoding: .utf8)
        var files = Self.files
        files["plugins/server/plugin.yaml"] = """
            name: server
            protocol: mcp
            command: [sh, -c, 'echo >>"$RUNNEL_PROJECT/started"; exec python3 server.py legacy']
            """
        files["plugins/server/server.py"] = server
        files["needs.yaml"] = "name: needs\nsteps:\n  - { uses: server.add, with: { n: 2 } }\n"
        for first in [["plugins", "refresh"], ["plugins", "refresh", "server"], ["run", "needs"]] {
            try await withProject(files) { runnel in
                func starts() -> Int {
                    FileManager.default.contents(atPath: runnel.directory + "/started")?.count ?? 0
                }
                #expect(try await runnel.run(["validate", "needs.yaml"]).status == 2)
                #expect(starts() == 0)
                let asked = try await runnel.run(first)
                if first[0] == "plugins" {
                    #expect(asked.status == 0)
                    #expect(asked.output.hasPrefix("server  29 tools\n"), "\(asked.output)\(asked.error)")
                }
                let before = starts()
                #expect(before >= 1)
                #expect(try await runnel.run(["validate", "needs.yaml"]).status == 0)
                #expect(try await runnel.run(["plugins"]).output.contains("server.add"))
                #expect(try await runnel.run(["run", "needs", "--dry-run"]).status == 0)
                #expect(starts() == before)
            }
        }
    }

    @Test("a dry run stops before a step of a program, also before one that may be repeated")
    func dryRun() async throws {
        try await withProject(Self.files) { runnel in
            let ended = try await runnel.run(["run", "p", "--dry-run"])
            #expect(ended.status == 0)
            #expect(ended.error.contains("would run program.go\n"), "\(ended.error)")
        }
    }

    @Test("a pipeline that is a link to a file outside of the project is not read, let alone quoted")
    func link() async throws {
        let files = [
            "inside/runnel.yaml": "", "inside/good.yaml": "steps: [ { uses: log } ]\n",
            "secret.yaml": "password: hunter2\nsteps: [ { uses: lgo } ]\n",
        ]
        try await withProject(files) { runnel in
            let folder = runnel.directory + "/inside"
            try FileManager.default.createSymbolicLink(
                atPath: folder + "/evil.yaml", withDestinationPath: "../secret.yaml")
            try FileManager.default.createSymbolicLink(atPath: folder + "/fine.yaml", withDestinationPath: "good.yaml")
            for arguments in [
                ["validate", "inside"], ["validate", "inside/evil.yaml"], ["validate", "inside", "--format", "json"],
                ["explain", "inside/evil"], ["doctor", "--offline", "--project", "inside"],
                ["run", "inside/evil", "--dry-run"],
            ] {
                let ended = try await runnel.run(arguments)
                let text = ended.output + ended.error
                #expect(text.contains("is a link to a file outside of the project"), "\(arguments): \(text)")
                #expect(!text.contains("hunter2") && !text.contains("lgo"), "\(arguments): \(text)")
            }
            #expect(try await runnel.run(["validate", "inside/fine.yaml"]).status == 0)
        }
    }

    @Test(
        "a manifest, a configuration or a test that is a link to a file outside of the project is not quoted",
        arguments: [
            ("plugins/x/plugin.yaml", ["validate", "inside"], "inside/plugins/x/plugin.yaml"),
            ("plugins/x/plugin.yaml", ["plugins", "--project", "inside"], "inside/plugins/x/plugin.yaml"),
            ("runnel.yaml", ["validate", "inside/good.yaml"], "inside/runnel.yaml"),
            ("runnel.yaml", ["doctor", "--offline", "--project", "inside"], "inside/runnel.yaml"),
            ("good.test.yaml", ["test", "inside"], "inside/good.test.yaml"),
            ("linked.yaml", ["test", "inside/good.test.yaml"], "inside/linked.yaml"),
        ])
    func otherLinks(place: String, arguments: [String], shown: String) async throws {
        var files = [
            "inside/runnel.yaml": "", "inside/good.yaml": "steps: [ { uses: log } ]\n",
            "inside/good.test.yaml": "pipeline: linked.yaml\ntests: []\n", "inside/plugins/x/start.sh": "",
            "secret.yaml": "password: hunter2\n",
        ]
        files["inside/" + place] = nil
        try await withProject(files) { runnel in
            let secret = runnel.directory + "/secret.yaml"
            try FileManager.default.createSymbolicLink(
                atPath: runnel.directory + "/inside/" + place, withDestinationPath: secret)
            let ended = try await runnel.run(arguments)
            let text = ended.output + ended.error
            #expect(text.contains("\"\(shown)\" is a link to a file outside of the project"), "\(text)")
            #expect(!text.contains("hunter2") && !text.contains("password"), "\(text)")
        }
    }

    @Test("a plugin and a configuration that are links and have no problems are used")
    func goodLinks() async throws {
        let files = [
            "inside/good.yaml": "steps: [ { uses: log, with: { message: \"{{ vars.word }}\" } } ]\n",
            "inside/plugins/x/start.sh": "", "settings.yaml": "vars: { word: hello }\n",
            "plugin.yaml": "name: x\nprotocol: exec\ncommand: [sh, start.sh]\nsteps: { go: { summary: Goes. } }\n",
        ]
        try await withProject(files) { runnel in
            for (link, target) in [("runnel.yaml", "settings.yaml"), ("plugins/x/plugin.yaml", "plugin.yaml")] {
                try FileManager.default.createSymbolicLink(
                    atPath: runnel.directory + "/inside/" + link,
                    withDestinationPath: runnel.directory + "/" + target)
            }
            let ended = try await runnel.run(["validate", "inside/good.yaml"])
            #expect(ended.status == 0, "\(ended.error)")
        }
    }

    @Test("a YAML file of a hundred megabytes is refused without being read whole, and a pipe holds nobody up")
    func large() async throws {
        try await withProject(["runnel.yaml": ""]) { runnel in
            try runnel.makeSparseFile("large.yaml", "name: x\n")
            let ended = try await runnel.run(["validate", "large.yaml"])
            #expect(ended.status == 2)
            #expect(ended.error.contains("the file is larger than the limit of 8MiB [too-large]"))
            try #require(mkfifo(runnel.directory + "/pipe.yaml", 0o600) == 0)
            #expect(try await runnel.run(["validate", "pipe.yaml"]).error.contains("the file is empty"))
        }
    }
}
