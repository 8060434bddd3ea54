import Foundation
import HTTPTestServer
import RunnelKit
import Testing

/// What people met who had nothing but README and `--help`.
@Suite("Newcomers", .timeLimit(.minutes(5))) struct NewcomerTests {
    private static let greeting = [
        "p.yaml": """
        name: p
        inputs:
          n: { type: integer, default: 1 }
          list: { type: list, required: false }
        steps: [ { id: a, uses: template, with: { text: "n={{ inputs.n }}" } } ]
        """
    ]

    private static func shell(_ runnel: RunnelProcess, _ script: String) async throws -> RunnelProcess.Ended {
        var shell = runnel
        shell.program = "/bin/sh"
        return try await shell.run(["-c", script.replacing("runnel", with: "'\(RunnelProcess.path)'")])
    }

    // MARK: Standard output

    @Test("an output that is lost is an error: the disk is full, or standard output is closed")
    func lostOutput() async throws {
        try await withProject(Self.greeting) { runnel in
            #if os(Linux)
            for command in ["run p", "run p --json", "explain p", "steps", "--help", "ask --simulate hello"] {
                let ended = try await Self.shell(runnel, "runnel \(command) > /dev/full")
                #expect(ended.status == 1, "\(command)")
                #expect(
                    ended.error.hasSuffix("error: standard output cannot be written: No space left on device\n"),
                    "\(command): \(ended.error)")
            }
            #endif
            let closed = try await Self.shell(runnel, "runnel run p >&-")
            #expect(closed.status == 1)
            #expect(closed.error.hasSuffix("error: standard output cannot be written: Bad file descriptor\n"))
            // What was written went into no other file that was opened under its number.
            let kept = try await runnel.run(["runs", "list", "--json"])
            #expect(try Value.json(kept.output).asList?.allSatisfy { $0["state"] == "succeeded" } == true)
        }
    }

    @Test("a reader that has had enough is no error")
    func head() async throws {
        try await withProject(Self.greeting) { runnel in
            let ended = try await Self.shell(runnel, "(runnel steps chat; echo status $? >&2) | head -1")
            #expect(ended.output == "chat\n")
            #expect(ended.error == "status 0\n")
        }
    }

    // MARK: Commands and options

    @Test(
        "a command that is none is said so, also behind a command with a default",
        arguments: [
            ("version", "error: there is no command `runnel version`\n  = `runnel --version` shows the version\n"),
            ("docs pdf", "error: there is no command `runnel docs pdf`\n  = `runnel docs --help` lists the commands\n"),
            ("runs last", "error: there is no command `runnel runs last`\n  = did you mean `runnel runs list`?\n"),
            ("help rnu", "error: there is no command `runnel rnu`\n  = did you mean `runnel run`?\n"),
            ("help runs lst", "error: there is no command `runnel runs lst`\n  = did you mean `runnel runs list`?\n"),
        ])
    func commands(typed: String, said: String) async throws {
        try await withProject([:]) { runnel in
            let ended = try await runnel.run(typed.split(separator: " ").map(String.init))
            #expect(ended.status == 2)
            #expect(ended.error == said)
        }
    }

    @Test(
        "a value of an option that is none says what the option takes",
        arguments: [
            ("runs list --since yesterday", "'--since <duration>': expected a duration such as 90m, 12h or 30d"),
            ("runs list --since 12", "'--since <duration>': expected a duration such as 90m, 12h or 30d"),
            ("usage --since x", "'--since <duration>': expected a duration such as 90m, 12h or 30d"),
            ("test --limit x", "'--limit <duration>': expected a duration such as 90m, 12h or 30d"),
            ("runs list --limit x", "'--limit <limit>': expected a whole number"),
            ("deliveries list --limit x", "'--limit <limit>': expected a whole number"),
            ("deliveries show x", "'<delivery>': expected the number of a delivery, or last"),
            ("audit --limit x", "'--limit <limit>': expected a whole number"),
            ("ledger p --limit x", "'--limit <limit>': expected a whole number"),
            ("schedule next p --limit x", "'--limit <limit>': expected a whole number"),
            ("serve --port abc", "'--port <port>': expected a whole number"),
            ("test --live --at-least x", "'--at-least <share>': expected a number from 0 to 1"),
        ])
    func values(typed: String, said: String) async throws {
        try await withProject([:]) { runnel in
            let ended = try await runnel.run(typed.split(separator: " ").map(String.init))
            #expect(ended.status == 2)
            let words = ended.error.split(separator: "\nHelp:")[0].split(whereSeparator: \.isWhitespace)
            #expect(words.joined(separator: " ").hasSuffix("is invalid for \(said)"), "\(ended.error)")
        }
    }

    @Test("the default ports of the commands differ, so that they run side by side")
    func ports() async throws {
        try await withProject([:]) { runnel in
            let helps = try await [runnel.run(["simulate", "--help"]), runnel.run(["receive", "--help"])].map(\.output)
            let ports = helps.compactMap { $0.firstMatch(of: #/\(default: (\d{4})\)/#)?.1 }
            #expect(ports == ["8791", "8792"])
        }
    }

    // MARK: Names and files

    @Test(
        "a file or folder that is no pipeline is said to be what it is",
        arguments: [
            ("run some", "error: \"some\" is a folder, not a pipeline\n  = pipelines here: some/p\n"),
            ("explain some", "error: \"some\" is a folder, not a pipeline\n  = pipelines here: some/p\n"),
            (
                "run some/p.test.yaml",
                "error: \"some/p.test.yaml\" is a test, not a pipeline; run it with `runnel test some/p.test.yaml`\n"
            ),
            (
                "run runnel.yaml",
                "error: \"runnel.yaml\" is the configuration, not a pipeline; check it with `runnel doctor`\n"
            ),
            ("run p --project nowhere", "error: there is no folder \"nowhere\"\n"),
            (
                "test some/p.yaml",
                "error: \"some/p.yaml\" is a pipeline, not a test\n  = its tests are in some/p.test.yaml\n"
            ),
            ("usage --pipeline nope", "error: there is no pipeline \"nope\"\n  = the pipelines are p\n"),
            (
                "runs retry --state failed --pipeline nope",
                "error: there is no pipeline \"nope\"\n  = the pipelines are p\n"
            ),
        ])
    func files(typed: String, said: String) async throws {
        let pipeline = Self.greeting["p.yaml"] ?? ""
        let files = [
            "some/p.yaml": pipeline, "some/p.test.yaml": "tests: [ { name: x, expect: {} } ]\n", "runnel.yaml": "",
        ]
        try await withProject(files) { runnel in
            if typed.contains("--pipeline") { #expect(try await runnel.run(["run", "p"]).status == 0) }
            let ended = try await runnel.run(typed.split(separator: " ").map(String.init))
            #expect(ended.status == 2)
            #expect(ended.error == said)
        }
    }

    @Test(
        "an input that is wrong quotes what was typed, and says where JSON breaks off",
        arguments: [
            (["n=1", "n=2"], "the input \"n\" is given twice"),
            (["n=99999999999999999999"], "the input \"n\": expected a whole number, found \"99999999999999999999\""),
            (
                ["list=[1,"],
                "the input \"list\": expected a list in JSON, found \"[1,\" (column 4: expected a JSON value, found the end)"
            ),
            (["=1"], "--input =1: expected name=value; --text gives the first step a text, --input-file a file"),
        ])
    func inputs(given: [String], said: String) async throws {
        try await withProject(Self.greeting) { runnel in
            let ended = try await runnel.run(["run", "p"] + given.flatMap { ["--input", $0] })
            #expect(ended.status == 2)
            #expect(ended.error.hasPrefix("error: \(said)\n"), "\(ended.error)")
        }
    }

    @Test("a path outside the project is reported even if the configuration has errors")
    func outside() async throws {
        let pipeline = "steps: [ { uses: file.write, with: { path: ../x, content: y } } ]\n"
        try await withProject(["p.yaml": pipeline, "runnel.yaml": "server: { port: 70000 }\n"]) { runnel in
            let ended = try await runnel.run(["validate", "p.yaml"])
            #expect(ended.error.hasPrefix("p.yaml:1:44: error: \"../x\" leads out of \"/"), "\(ended.error)")
            #expect(ended.error.contains("[path-outside]"), "\(ended.error)")
        }
    }

    @Test("init writes all of its files or none, and says why")
    func allOrNone() async throws {
        try await withProject(["file": "x"]) { runnel in
            let ended = try await runnel.run(["init", "--in", "file/project"])
            #expect(ended.status == 1)
            #expect(ended.output == "")
            #expect(
                ended.error == """
                    error: "file/project/runnel.yaml" cannot be written: a part of its path is not a folder; nothing was \
                    written

                    """)
            #expect(try FileManager.default.contentsOfDirectory(atPath: runnel.directory) == ["file"])
        }
    }

    @Test("the reference that cannot be written is an error with a plain reason")
    func unwritablePages() async throws {
        try await withProject(["file": "x", "runnel.yaml": ""]) { runnel in
            for folder in ["file/pages", "/dev/null/pages"] {
                let ended = try await runnel.run(["docs", "pages", "--out", folder])
                let reason = "a part of its path is not a folder"
                #expect(ended.error == "error: cannot write the pages to \"\(folder)\": \(reason)\n")
                #expect(ended.status == 1)
            }
        }
    }

    @Test(
        "an empty host is an error that says so",
        arguments: [["serve", "--host", ""], ["receive", "--host", ""], ["simulate", "--host", ""], ["serve"]])
    func emptyHost(command: [String]) async throws {
        try await withProject(["runnel.yaml": "server: { host: '' }\n", "p.yaml": "steps: [ { uses: log } ]\n"]) {
            runnel in
            let ended = try await runnel.run(command)
            let advice = "listen on 127.0.0.1, or on 0.0.0.0 for all addresses"
            let words =
                command.count == 1
                ? "error: `server.host` is empty\n  = \(advice)\n" : "error: --host: the host is empty; \(advice)\n"
            #expect(ended.error.hasPrefix(words), "\(ended.error)")
            #expect(ended.output.isEmpty)
            #expect(ended.status == 2)
        }
    }

    @Test(
        "an empty folder name is an error, and does not mean the root or the current folder",
        arguments: [
            (["init", "--in", ""], "--in: "), (["docs", "pages", "--out", ""], "--out: "), (["trust", ""], ""),
            (["journal", "backup", ""], ""), (["journal", "restore", ""], ""), (["journal", "copy", "", "x"], ""),
        ])
    func emptyFolder(command: [String], option: String) async throws {
        try await withProject(["runnel.yaml": ""]) { runnel in
            let ended = try await runnel.run(command)
            #expect(ended.error.hasPrefix("error: \(option)the name of the folder is empty\n"), "\(ended.error)")
            #expect(ended.output.isEmpty)
            #expect(ended.status == 2)
        }
    }

    @Test("what init proposes works as it stands")
    func proposals() async throws {
        try await withProject([:]) { runnel in
            let made = try await runnel.run(["init"])
            let proposed = made.output.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
                .filter { $0.hasPrefix("runnel ") }
            #expect(proposed.count == 3)
            for line in proposed {
                let ended = try await runnel.run(line.split(separator: " ").dropFirst().map(String.init))
                #expect(ended.status == 0, "\(line): \(ended.error)")
            }
        }
    }

    // MARK: What is shown

    @Test("a question without a Marketplace is answered with what is missing, and no line of a pipeline")
    func unconfigured() async throws {
        try await withProject(["runnel.yaml": ""]) { runnel in
            let ended = try await runnel.run(["ask", "hi"])
            #expect(ended.status == 2)
            #expect(
                ended.error == """
                    error: chat: `marketplace.base_url` is not set [marketplace-unconfigured]
                      = set it in runnel.yaml or as RUNNEL_MARKETPLACE_BASE_URL; with `--simulate`, `runnel run`, `ask` and `serve` do not need it

                    """)
        }
    }

    @Test("durations of a run are measured times, and the message of a failed attempt goes on with the next one")
    func words() async throws {
        let pipeline = """
            name: p
            steps:
              - { id: answer, uses: chat, with: { prompt: hi }, retry: { attempts: 2, backoff: 10ms } }
            """
        try await withProject(["p.yaml": pipeline, "runnel.yaml": ""]) { runnel in
            let cut = try await runnel.run(["run", "p", "--simulate", "--fault", "cut-off"])
            #expect(cut.error.contains("\n  the stream ended before [DONE]; trying again in "), "\(cut.error)")
            _ = try await runnel.run(["run", "p", "--simulate"])
            let shown = try await runnel.run(["runs", "show", "last"]).output
            #expect(shown.firstMatch(of: #/\n    time to first token +\d+ ms\n/#) != nil, "\(shown)")
            let log = try await runnel.run(["logs", "last"]).output
            #expect(log.firstMatch(of: #/answer  succeeded after \d+ ms\n/#) != nil, "\(log)")
        }
    }

    @Test("the list of steps keeps its columns where a line is wrapped")
    func columns() async throws {
        try await withProject([:], environment: ["COLUMNS": "80"]) { runnel in
            let lines = try await runnel.run(["steps"]).output.split(separator: "\n")
            #expect(lines.allSatisfy { $0.firstMatch(of: #/^( {14}|\S+ {2,})\S/#) != nil }, "\(lines)")
        }
    }

    @Test("doctor says once what is wrong, finds a program that is not there, and a plugin that was not asked")
    func doctor() async throws {
        let files = [
            "runnel.yaml": "marketplace: { base_url: \"http://127.0.0.1:1\", client_id: a, client_secret: abcdefgh }\n",
            "p.yaml": "steps: [ { uses: log, with: { message: x } } ]\n",
            "plugins/greet/plugin.yaml": """
            name: greet
            version: "1"
            protocol: exec
            command: [pyhton3, main.py]
            steps: { hello: { summary: Greets. } }
            """,
            "plugins/clock/plugin.yaml": "name: clock\nversion: \"1\"\nprotocol: mcp\ncommand: [nowhere]\n",
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["doctor", "--offline"])
            #expect(ended.status == 1)
            #expect(ended.error == "")
            let text = ended.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            #expect(text.components(separatedBy: "is a literal in the file").count == 2)
            #expect(
                text.contains("✗ plugins the plugin \"greet\" cannot start: there is no program \"pyhton3\" in PATH"))
            #expect(text.contains("✗ plugins the plugin \"clock\" was not asked for its tools yet"))
            let list = try await runnel.run(["plugins"])
            #expect(list.output.contains("clock  not loaded: the plugin \"clock\" was not asked for its tools yet"))
            #expect(!list.error.contains("was not asked"))
            #expect(!list.output.contains("programs"))
        }
    }

    @Test(
        "another program at the server's address is said to be one",
        arguments: [
            ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "HTTP 404"),
            ("SSH-2.0-OpenSSH_9.6\r\n", "it does not speak HTTP"),
            ("HTTP/1.1 000 None\r\nContent-Length: 0\r\n\r\n", "it does not speak HTTP"),
        ])
    func stranger(answer: String, sign: String) async throws {
        try await TestServer.run({ _ in .raw(answer) }) { server in
            let port = server.url.split(separator: ":").last.map(String.init) ?? ""
            try await withProject(["runnel.yaml": ""], environment: ["RUNNEL_SERVER_PORT": port]) { runnel in
                for command in [["status"], ["trigger", "p"], ["open"]] {
                    let ended = try await runnel.run(command)
                    #expect(ended.status == 1)
                    #expect(
                        ended.error == """
                            error: another program than `runnel serve` answers at http://127.0.0.1:\(port)/api/v1: \(sign)
                              = set `server` in runnel.yaml to the address of the server

                            """)
                }
            }
        }
    }

    @Test(
        "`runnel doctor` quotes a Runnel server that answers with 429, and does not mistake it for another program")
    func declines() async throws {
        let body = #"{"error":{"code":"too-many-attempts","message":"try again in 1 s"}}"#
        try await TestServer.run({ _ in .reply(429, [("server", "runnel")], body) }) { server in
            let port = server.url.split(separator: ":").last.map(String.init) ?? ""
            try await withProject(["runnel.yaml": ""], environment: ["RUNNEL_SERVER_PORT": port]) { runnel in
                let doctor = try await runnel.run(["doctor", "--offline"])
                let words =
                    "✗ server        the server at 127.0.0.1:\(port) refuses to report its state: try again in 1 s\n"
                #expect(doctor.output.contains(words), "\(doctor.output)")
            }
        }
    }

    @Test("a port that is in use is said, and nothing is said to be served")
    func portInUse() async throws {
        try await TestServer.run({ _ in .reply(404) }) { server in
            let port = server.url.split(separator: ":").last.map(String.init) ?? ""
            let files = ["runnel.yaml": "", "pipelines/p.yaml": "steps: [ { uses: template, with: { text: a } } ]\n"]
            try await withProject(files) { runnel in
                let ended = try await runnel.run(["serve", "pipelines", "--port", port])
                #expect(ended.status == 2)
                #expect(ended.output.isEmpty)
                #expect(
                    ended.error.hasSuffix(
                        """
                        error: the port \(port) of 127.0.0.1 is in use
                          = stop the program that listens on it, or choose another with --port

                        """), "\(ended.error)")
                let receiver = try await runnel.run(["receive", "--port", port])
                #expect(receiver.error.hasPrefix("error: the port \(port) of 127.0.0.1 is in use\n"))
                #expect(receiver.status == 2)
                let nowhere = try await runnel.run(["receive", "--host", "no host"])
                #expect(nowhere.error.hasPrefix("error: there is no host \"no host\": "))
                #expect(nowhere.error.hasSuffix("listen on 127.0.0.1, or on 0.0.0.0 for all addresses, with --host\n"))
                #expect(nowhere.status == 2)
            }
        }
    }

    @Test("where the port is in use, no trigger begins")
    func noTriggerBegins() async throws {
        try await TestServer.run({ _ in .reply(404) }) { server in
            let port = server.url.split(separator: ":").last.map(String.init) ?? ""
            let steps = "steps: [ { uses: log } ]\n"
            let files = [
                "runnel.yaml": "", "inbox/a.txt": "a",
                "pipelines/a.yaml": "name: a\non: { watch: { path: inbox, settle: 0s } }\n" + steps,
                // Its trigger warns of the missing folder when it begins.
                "pipelines/b.yaml": "name: b\non: { watch: { path: nowhere } }\n" + steps,
            ]
            try await withProject(files) { runnel in
                let ended = try await runnel.run(["serve", "pipelines", "--port", port])
                #expect(
                    ended.error == """
                        error: the port \(port) of 127.0.0.1 is in use
                          = stop the program that listens on it, or choose another with --port

                        """)
                #expect(try await runnel.run(["runs", "--json"]).output == "[]\n")
            }
        }
    }

    @Test("a link that leads nowhere is told as one, and no run is meant by an empty id")
    func nothing() async throws {
        try await withProject(["p.yaml": "steps: [ { uses: log } ]\n"]) { runnel in
            try FileManager.default.createSymbolicLink(
                atPath: runnel.directory + "/link.yaml", withDestinationPath: "gone.yaml")
            let commands = [
                ["run", "link"], ["run", "link.yaml"], ["validate"], ["validate", "link.yaml"], ["test", "link.yaml"],
            ]
            for command in commands {
                let ended = try await runnel.run(command)
                #expect(ended.error.contains("link.yaml\" is a link to a file that is not there\n"), "\(ended.error)")
                #expect(ended.status == 2)
            }
            _ = try await runnel.run(["run", "p"])
            for command in [["runs", "cancel"], ["runs", "retry"], ["logs"]] {
                let ended = try await runnel.run(command + [""])
                #expect(ended.error == "error: the id of the run is empty\n  = name a run, or `last`\n")
                #expect(ended.status == 2)
            }
        }
    }

    @Test("the error for an event that is not a JSON object names standard input or the file")
    func eventOfTrigger() async throws {
        try await withProject(["list.json": "[1]", "half.json": "{"]) { runnel in
            let expected = [
                ("-", "error: standard input is not a JSON object\n"),
                ("list.json", "error: \"list.json\" is not a JSON object\n"),
                ("half.json", "error: \"half.json\" is not JSON: "),
            ]
            for (file, message) in expected {
                let ended = try await runnel.run(["trigger", "p", "--event", file], input: "[1]")
                #expect(ended.error.hasPrefix(message), "\(ended.error)")
            }
        }
    }

    @Test("if the current folder was removed, commands fail and do not use the root folder")
    func removedFolder() async throws {
        try await withProject([:]) { runnel in
            var shell = runnel
            shell.program = "/bin/sh"
            for command in [["serve", "--port", "0"], ["runs", "list"], ["status"]] {
                let script = "mkdir gone && cd gone && rmdir ../gone && exec \"$0\" \"$@\""
                let ended = try await shell.run(["-c", script, RunnelProcess.path] + command)
                #expect(
                    ended.error == "error: the current folder has been removed\n  = change to a folder that exists\n")
                #expect(ended.status == 2)
            }
        }
    }

    @Test("what is wrong with a schema of a manifest is an error at its place, also a misspelled keyword")
    func manifestSchema() async throws {
        let files = [
            "runnel.yaml": "", "p.yaml": "steps: [ { uses: greet.hello } ]\n",
            "plugins/greet/plugin.yaml": """
            name: greet
            version: "1"
            protocol: exec
            command: [sh, main.sh]
            steps:
              hello:
                summary: Greets.
                input: { type: objct, requried: [name] }
            """,
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["validate"])
            #expect(ended.status == 2)
            for line in [
                "\nplugins/greet/plugin.yaml:8:20: error: `steps.hello.input.type`: not a JSON schema: \"objct\" is ",
                """

                plugins/greet/plugin.yaml:8:37: error: `steps.hello.input.requried`: not a JSON schema: unknown keyword \
                "requried" [wrong-value]
                    8 |     input: { type: objct, requried: [name] }
                      |                                     ^~~~~~
                      = did you mean "required"?

                """,
            ] { #expect(ended.error.contains(line), "\(ended.error)") }
        }
    }

    @Test(
        "the error names what is wrong with the first line (shebang) of a script",
        arguments: [
            ("#!/nowhere/sh -e\n", "its first line names \"/nowhere/sh\", which is not there"),
            ("#!/bin/sh\r\n", "its first line ends with a carriage return (CRLF)"),
        ])
    func interpreter(script text: String, reason: String) async throws {
        let files = [
            "runnel.yaml": "", "p.yaml": "steps: [ { uses: greet.hello } ]\n", "plugins/greet/main": text,
            "plugins/greet/plugin.yaml": """
            name: greet
            version: "1"
            protocol: exec
            command: [./main]
            steps: { hello: { summary: Greets. } }
            """,
        ]
        try await withProject(files) { runnel in
            let script = "\(runnel.directory)/plugins/greet/main"
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
            let ended = try await runnel.run(["run", "p"])
            #expect(
                ended.error.contains("the plugin \"greet\" cannot start \(script): \(reason)"), "\(ended.error)")
        }
    }

    @Test("a runnel.yml is an error, because its settings are not read")
    func otherEnding() async throws {
        let files = [
            "runnel.yml": "vars: { x: 1 }\n",
            "pipelines/p.yaml": "name: p\nsteps: [ { uses: log, with: { message: hi } } ]\n",
        ]
        try await withProject(files) { runnel in
            for command in [["run", "pipelines/p.yaml"], ["doctor"], ["runs", "list"], ["config"]] {
                let ended = try await runnel.run(command)
                #expect(ended.status == 2, "\(command)")
                #expect(
                    ended.error.contains("error: \"runnel.yml\" is not read; rename it to \"runnel.yaml\"\n"),
                    "\(command): \(ended.error)")
            }
        }
    }

    @Test("for a manifest that is named plugin.yml, the error asks for plugin.yaml")
    func otherManifest() async throws {
        let files = [
            "runnel.yaml": "", "p.yaml": "steps: [ { uses: greet.hello } ]\n",
            "plugins/greet/plugin.yml": "name: greet\n", "plugins/notes/README.md": "",
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["validate", "p.yaml"])
            #expect(
                ended.error.contains("\"plugins/greet/plugin.yml\" is not read; rename it to \"plugin.yaml\""),
                "\(ended.error)")
            #expect(!ended.error.contains("notes"), "\(ended.error)")
            #expect(ended.status == 2)
        }
    }

    @Test("a script that says where it writes is known to feed its own pipeline, and another in a ring")
    func scripts() async throws {
        func pipeline(_ name: String, watches: String, writes: String) -> String {
            """
            name: \(name)
            on: { watch: { path: \(watches), after: move } }
            steps: [ { id: copy, uses: shell, with: { run: touch there, writes: [\(writes)] } } ]
            """
        }
        try await withProject(["a.yaml": pipeline("a", watches: "in", writes: "in/")]) { runnel in
            let ended = try await runnel.run(["validate"])
            #expect(ended.status == 0)
            #expect(
                ended.error.contains(
                    "warning: the step \"copy\" writes \"in/…\", where \"a\" itself watches; what its own runs write starts no run [feeds-itself]"
                ), "\(ended.error)")
        }
        let two = [
            "a.yaml": pipeline("a", watches: "in", writes: "out"),
            "b.yaml": pipeline("b", watches: "out", writes: "in"),
        ]
        try await withProject(two) { runnel in
            let ended = try await runnel.run(["validate"])
            #expect(ended.error.contains("[feeds-in-a-ring]"), "\(ended.error)")
        }
    }

    @Test("a file that a plugin says it wrote comes from its run, and does not start its own pipeline again")
    func wrote() async throws {
        let files = [
            "runnel.yaml": "", "in/first.txt": "x",
            "p.yaml": """
            name: p
            on: { watch: { path: in, settle: 1s, after: keep } }
            steps: [ { id: again, uses: copy.hello } ]
            """,
            "plugins/copy/plugin.yaml": """
            name: copy
            version: "1"
            protocol: exec
            command: [sh, main.sh]
            steps: { hello: { summary: Copies. } }
            """,
            "plugins/copy/main.sh": #"""
            cat > /dev/null
            echo "{\"type\":\"wrote\",\"path\":\"in/copy-$$.txt\"}"
            # The line is read before the file is seen.
            sleep 0.3
            echo again > "$RUNNEL_PROJECT/in/copy-$$.txt"
            echo '{"type":"result","output":null}'
            """#,
        ]
        try await withProject(files) { runnel in
            let log = try await runnel.interrupt(["serve", ".", "--port", "0"], after: " of this pipeline wrote it")
            #expect(log.error.components(separatedBy: " of p began (watch ").count == 2, "\(log.error)")
        }
    }

    @Test(
        "a retry finds the file at its new place, in a script and in a plugin, and moves it on",
        arguments: [true, false])
    func retriedFile(isScript: Bool) async throws {
        let script =
            "steps: [ { uses: shell, with: { run: 'cat $F && test -e mended', env: { F: \"{{ trigger.path }}\" } } } ]"
        let plugin = "steps: [ { uses: look.hello, with: { path: \"{{ trigger.path }}\" } } ]"
        let files = [
            "runnel.yaml": "", "in/a.txt": "content",
            "p.yaml": "name: p\non: { watch: { path: in, settle: 10ms, after: move } }\n"
                + (isScript ? script : plugin),
            "plugins/look/plugin.yaml": """
            name: look
            version: "1"
            protocol: exec
            command: [sh, main.sh]
            steps:
              hello:
                summary: Looks.
                input: { type: object, properties: { path: { type: string } } }
            """,
            "plugins/look/main.sh": """
            path=$(sed -n 's/.*"path":"\\([^"]*\\)".*/\\1/p')
            cat "$RUNNEL_PROJECT/$path" >&2 && test -e "$RUNNEL_PROJECT/mended" || exit 1
            echo '{"type":"result","output":null}'
            """,
        ]
        try await withProject(files) { runnel in
            let served = try await runnel.interrupt(["serve", ".", "--port", "0"]) { error in
                guard error.contains(" of p failed after ") else { return false }
                // The file is moved next, which nothing on standard error tells.
                let end = Date.now.addingTimeInterval(20)
                let report = "\(runnel.directory)/failed/a.txt.error.txt"
                while !FileManager.default.fileExists(atPath: report), Date.now < end { usleep(10_000) }
                return true
            }
            #expect(served.status == 0, "\(served.error)")
            #expect(!FileManager.default.fileExists(atPath: "\(runnel.directory)/in/a.txt"))
            try Data().write(to: URL(fileURLWithPath: "\(runnel.directory)/mended"))
            let retried = try await runnel.run(["runs", "retry", "last"])
            #expect(retried.status == 0, "\(retried.error)")
            #expect(FileManager.default.fileExists(atPath: "\(runnel.directory)/done/a.txt"))
            #expect(!FileManager.default.fileExists(atPath: "\(runnel.directory)/failed/a.txt"))
            // The first run knows its old place alone.
            let runs = try Value.json(try await runnel.run(["runs", "list", "--json"]).output).asList ?? []
            let first = try #require(runs.last?["id"]?.asString)
            let again = try await runnel.run(["runs", "retry", first])
            #expect(again.status == 0, "\(again.error)")
            #expect(FileManager.default.fileExists(atPath: "\(runnel.directory)/done/a.txt"))
        }
    }

    @Test("runs whose file was put back are left out of a selection to retry; alone, one says where the file is")
    func putBack() async throws {
        let files = [
            "runnel.yaml": "server: { port: 0 }\n", "in/a.txt": "content",
            "p.yaml": """
            name: p
            on: { watch: { path: in, settle: 10ms, after: move } }
            steps: [ { uses: shell, with: { run: 'test -e mended' } } ]
            """,
        ]
        try await withProject(files) { runnel in
            /// - Returns: The id of the run whose file was moved there.
            func serve(untilFileIsAt place: String) async throws -> String {
                var newest: Value?
                try await runnel.serving(".") {
                    repeat {
                        newest = try Value.json(try await runnel.run(["runs", "list", "--json"]).output).asList?.first
                    } while newest?["moved_to"]?.asString != place
                }
                return try #require(newest?["id"]?.asString)
            }
            let first = try await serve(untilFileIsAt: "failed/a.txt")
            try FileManager.default.moveItem(
                atPath: "\(runnel.directory)/failed/a.txt", toPath: "\(runnel.directory)/in/a.txt")
            let retried = try await runnel.run(["runs", "retry", "--state", "failed"])
            #expect(retried.status == 0, "\(retried.error)")
            #expect(
                retried.error.hasSuffix(
                    " is left out: what it was started for is not there any more at \"failed/a.txt\", or has a newer run\n"
                        + "no run to retry\n"), "\(retried.error)")
            let message = "error: what the run \(first) was started for is not at \"failed/a.txt\" any more\n"
            var alone = try await runnel.run(["runs", "retry", first])
            #expect(alone.status == 2)
            #expect(alone.error == message + "  = put it back there, or start behind the steps that need it: --from\n")
            try Data().write(to: URL(fileURLWithPath: "\(runnel.directory)/mended"))
            let second = try await serve(untilFileIsAt: "done/a.txt")
            alone = try await runnel.run(["runs", "retry", first])
            #expect(alone.status == 2)
            let hint = "  = the run \(second) has it since, at \"done/a.txt\": `runnel runs retry \(second)`\n"
            #expect(alone.error == message + hint)
            #expect(try await runnel.run(["runs", "retry", second]).status == 0)
        }
    }

    @Test("a run that is refused because the journal is gone is told with the name of its pipeline alone")
    func journalGone() async throws {
        let files = [
            "runnel.yaml": "", "in/first.txt": "x",
            "p.yaml": """
            name: p
            on: { watch: { path: in, settle: 10ms, after: keep } }
            steps: [ { uses: log, with: { message: hi } } ]
            """,
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.interrupt(["serve", ".", "--port", "0"]) { error in
                let state = "\(runnel.directory)/.runnel"
                if error.contains(" of p succeeded after "), FileManager.default.fileExists(atPath: state) {
                    try? FileManager.default.moveItem(atPath: state, toPath: "\(runnel.directory)/gone")
                    let file = "\(runnel.directory)/in/second.txt"
                    try? Data("y".utf8).write(to: URL(fileURLWithPath: file))
                }
                return error.contains("error rejected a run of p: the journal ")
            }
            #expect(!ended.error.contains("Pipeline("))
        }
    }

    @Test("a result of a plugin with an unknown key fails the step, instead of being null")
    func pluginResult() async throws {
        let files = [
            "runnel.yaml": "", "p.yaml": "steps: [ { uses: greet.hello } ]\n",
            "plugins/greet/plugin.yaml": """
            name: greet
            version: "1"
            protocol: exec
            command: [sh, -c, "cat > /dev/null; echo '{\\"type\\":\\"result\\",\\"outputs\\":1}'"]
            steps: { hello: { summary: Greets. } }
            """,
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["run", "p"])
            #expect(ended.status == 1)
            #expect(
                ended.error.contains(
                    "line 1 of what the plugin \"greet\" wrote is a message of type \"result\" with the unknown key \"outputs\" [plugin-bad-output]"
                ), "\(ended.error)")
            #expect(ended.error.contains("= the output of the step stands under \"output\""))
        }
    }
}
