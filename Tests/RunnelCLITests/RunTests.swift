import Foundation
import HTTPTestServer
import RunnelKit
import Testing

@Suite("runnel run") struct RunTests {
    private let echo = """
        name: echo
        inputs: { greeting: { type: string, default: Hello } }
        steps:
          - id: text
            uses: template
            with: { text: "{{ inputs.greeting }}, {{ input | default('nobody') | trim }}!" }
        """

    @Test("the last output goes to standard output and everything else to standard error")
    func streams() async throws {
        try await withProject(["echo.yaml": echo, "who.txt": "world\n"]) { runnel in
            let ended = try await runnel.run(["run", "echo", "--input-file", "who.txt"])
            #expect(ended.output == "Hello, world!\n")
            #expect(ended.error.hasPrefix("echo  run 0"))
            #expect(ended.error.contains("\n✓ text template "))
            #expect(ended.error.contains("\ndone in "))
            #expect(!ended.error.contains("\u{1B}"))
            #expect(ended.status == 0)
        }
    }

    @Test("a run has the priority of its pipeline or of the command line, and keeps it when it is retried")
    func priority() async throws {
        let urgent = echo.replacing("name: echo", with: "name: urgent\npriority: 4")
        try await withProject(["echo.yaml": echo, "urgent.yaml": urgent]) { runnel in
            for arguments in [
                ["run", "echo"], ["run", "echo", "--priority", "-3"], ["runs", "retry", "last"], ["run", "urgent"],
                ["run", "urgent", "--priority=10"],
            ] {
                #expect(try await runnel.run(arguments).status == 0)
            }
            let listed = try Value.json(try await runnel.run(["runs", "list", "--json"]).output)
            #expect(listed.asList?.map { $0["priority"] } == [10, 4, -3, -3, nil])
            #expect(try await runnel.run(["runs", "show", "last"]).output.contains("\n  priority    10\n"))
            #expect(try await runnel.run(["explain", "urgent"]).output.contains("priority"))
            #expect(try await runnel.run(["runs", "retry", "last", "--priority", "-10"]).status == 0)
            #expect(try await runnel.run(["runs", "show", "last"]).output.contains("\n  priority    -10\n"))
            let wrong = try await runnel.run(["runs", "retry", "last", "--priority", "11"])
            #expect(wrong.status == 2)
            #expect(
                wrong.error.contains("--priority 11: expected a whole number from -10 to 10, found the number 11"))
        }
    }

    @Test("standard input is the input, and inputs can be set")
    func standardInput() async throws {
        try await withProject(["echo.yaml": echo]) { runnel in
            let ended = try await runnel.run(
                ["run", "echo.yaml", "--input-file", "-", "--input", "greeting=Salut"], input: "monde")
            #expect(ended.output == "Salut, monde!\n")
        }
    }

    @Test("a byte order mark is not part of the input, and tells the encoding")
    func byteOrderMarks() async throws {
        try await withProject(["echo.yaml": echo, "who.txt": "\u{FEFF}monde\r\n"]) { runnel in
            let fromFile = try await runnel.run(["run", "echo", "--input-file", "who.txt"])
            #expect(fromFile.output == "Hello, monde!\n")
            var shell = runnel
            shell.program = "/bin/sh"
            let script = "printf '\\377\\376o\\000\\351\\000' | \(RunnelProcess.path) run echo"
            let fromPipe = try await shell.run(["-c", script])
            #expect(fromPipe.output == "Hello, oé!\n")
        }
    }

    @Test("a pipe and --text are inputs, and a pipeline is found by its name")
    func givenText() async throws {
        let named = echo.replacing("name: echo", with: "name: spoken")
        try await withProject(["pipelines/one.yaml": named]) { runnel in
            #expect(try await runnel.run(["run", "spoken", "--text", "monde"]).output.contains("monde"))
            var shell = runnel
            shell.program = "/bin/sh"
            let piped = try await shell.run(["-c", "echo monde | \(RunnelProcess.path) run spoken"])
            #expect(piped.output.contains("monde"))
        }
    }

    @Test(
        "a run without the input that it needs says how to give it, a later step does not",
        arguments: [
            (#"{ uses: log, with: { message: "x {{ input }}" } }"#, true),
            (#"{ uses: log, with: { message: "{{ input.title }}" } }"#, true),
            (#"{ uses: log, for_each: "{{ input }}", with: { message: x } }"#, true),
            (#"{ uses: transform, with: { jq: "null" } }, { uses: log, with: { message: "{{ input }}" } }"#, false),
        ])
    func missingInput(steps: String, isMeant: Bool) async throws {
        try await withProject(["p.yaml": "steps: [ \(steps) ]\n"]) { runnel in
            for arguments in [["run", "p"], ["run", "p", "--no-journal", "-q"]] {
                let ended = try await runnel.run(arguments)
                let hint = "  = give it with `--input-file FILE`, or `-` for standard input\n"
                #expect(ended.error.contains(hint) == isMeant, "\(ended.error)")
                #expect(!isMeant || !ended.error.contains("default("), "\(ended.error)")
                #expect(ended.status == 1)
            }
            let given = try await runnel.run(["run", "p", "--text", ""])
            #expect(!given.error.contains("--input-file"), "\(given.error)")
        }
        try await withProject(["p.yaml": "steps: [ { uses: chat } ]\n"]) { runnel in
            let ended = try await runnel.run(["run", "p", "--simulate"])
            let hint = "  = give `prompt`, or an input with `--input-file FILE`, or `-` for standard input\n"
            #expect(ended.error.contains(hint), "\(ended.error)")
        }
    }

    @Test("--json writes one event a line and nothing else")
    func json() async throws {
        try await withProject(["echo.yaml": echo]) { runnel in
            let ended = try await runnel.run(["run", "echo", "--json"])
            let events = try ended.output.split(separator: "\n").map { try Value.json(String($0)) }
            #expect(
                events.map { $0["event"] } == ["run-started", "step-started", "step-succeeded", "run-finished"])
            #expect(events.last?["output"] == "Hello, nobody!")
            #expect(events.last?["state"] == "succeeded")
            #expect(ended.error == "")
        }
    }

    @Test("a failed step ends with status 1 and shows the place in the pipeline")
    func failure() async throws {
        let pipeline = """
            steps:
              - uses: file.read
                with: { path: missing.txt }
            """
        try await withProject(["p.yaml": pipeline, "mising.txt": ""]) { runnel in
            let ended = try await runnel.run(["run", "p"])
            #expect(ended.status == 1)
            #expect(ended.output == "")
            #expect(
                ended.error.hasSuffix(
                    """
                    p.yaml:2:11: error: cannot read "missing.txt": there is no such file [file-not-found]
                        2 |   - uses: file.read
                          |           ^~~~~~~~~
                          = did you mean "mising.txt"?

                    """))
        }
    }

    @Test("an invalid pipeline ends with status 2 before anything runs, and says everything at once")
    func invalid() async throws {
        let pipeline = """
            nmae: x
            steps:
              - uses: file.raed
              - uses: log
                with: { message: "{{ steps.later.text | uper }}" }
            """
        try await withProject(["p.yaml": pipeline]) { runnel in
            let ended = try await runnel.run(["run", "p"])
            #expect(ended.status == 2)
            #expect(
                ended.error == """
                    p.yaml:1:1: error: a pipeline has no key "nmae" [unknown-key]
                        1 | nmae: x
                          | ^~~~
                          = did you mean "name"?
                    p.yaml:3:11: error: unknown step "file.raed" [unknown-step]
                        3 |   - uses: file.raed
                          |           ^~~~~~~~~
                          = did you mean "file.read"?
                    p.yaml:5:45: error: unknown filter "uper" [unknown-filter]
                        5 |     with: { message: "{{ steps.later.text | uper }}" }
                          |                                             ^~~~
                          = did you mean "upper"?

                    """)
        }
    }

    @Test("a pipeline from a pipe belongs to the project of the current folder, and its runs can be retried")
    func stream() async throws {
        let files = ["runnel.yaml": "vars: { region: eu }\n", "sub/note.txt": "x"]
        try await withProject(files) { runnel in
            let script = RunnelProcess(directory: runnel.directory + "/sub", program: "/bin/sh")
            let steps = "steps: [ { uses: template, with: { text: \"{{ vars.region }}\" } } ]"
            let commands = [
                "mkfifo pipe && { printf 'name: p\n\(steps)' > pipe & } && \(RunnelProcess.path) run pipe",
                "printf 'name: q\n\(steps)' | \(RunnelProcess.path) run -",
                "printf 'name: q\n\(steps)' | \(RunnelProcess.path) run /dev/stdin",
            ]
            for command in commands {
                let ended = try await script.run(["-c", command])
                #expect(ended.output == "eu\n", "\(ended.error)")
            }
            #expect(FileManager.default.fileExists(atPath: runnel.directory + "/.runnel/journal.db"))
            let again = try await runnel.run(["runs", "retry", "last"])
            #expect(again.output == "eu\n")
            #expect(again.error.hasPrefix("/dev/stdin cannot be read again; using the recorded definition\n"))
            let valid = try await script.run(["-c", "printf 'name: q\n\(steps)' | \(RunnelProcess.path) validate -"])
            #expect(valid.error == "1 pipeline checked, all valid\n")
            let both = try await runnel.run(["run", "-", "--input-file", "-"], input: "name: q\n\(steps)")
            #expect(both.error.hasPrefix("error: --input-file -: standard input is the pipeline already\n"))
            #expect(both.status == 2)
        }
    }

    @Test("an environment variable that is not UTF-8 is an error where a template or a setting uses it")
    func invalidVariable() async throws {
        let files = [
            "runnel.yaml": "env: [BAD]",
            "p.yaml": "steps: [ { uses: log, with: { message: \"{{ env.BAD }}\" } } ]\n",
        ]
        try await withProject(files) { runnel in
            let script = RunnelProcess(directory: runnel.directory, program: "/bin/sh")
            func validate(_ name: String) async throws -> String {
                let command = "\(name)=\"$(printf 'caf\\351')\" \(RunnelProcess.path) validate"
                return try await script.run(["-c", command]).error
            }
            let used = try await validate("BAD")
            #expect(
                used.contains(
                    "p.yaml:1:44: error: the environment variable BAD is not UTF-8 text [wrong-value]"), "\(used)")
            let setting = try await validate("RUNNEL_SERVER_HOST")
            #expect(
                setting.contains("error: the environment variable RUNNEL_SERVER_HOST is not UTF-8 text [wrong-value]"),
                "\(setting)")
        }
    }

    #if os(Linux)
    @Test("a pipeline file whose name is not UTF-8 is reported as such, not as missing")
    func invalidName() async throws {
        try await withProject(["runnel.yaml": "", "pipelines/p.yaml": echo]) { runnel in
            let script = RunnelProcess(directory: runnel.directory, program: "/bin/sh")
            _ = try await script.run(["-c", "cp pipelines/p.yaml \"$(printf 'pipelines/caf\\351.yaml')\""])
            let ended = try await runnel.run(["validate"])
            #expect(
                ended.error.contains("error: the name of \"pipelines/caf\u{FFFD}.yaml\" is not UTF-8; rename it\n"),
                "\(ended.error)")
            #expect(ended.status == 2)
            _ = try await script.run(["-c", "rm pipelines/caf*"])
        }
    }
    #endif

    @Test("an argument that is not UTF-8 is an error, and is not used with replaced bytes")
    func invalidArgument() async throws {
        try await withProject(["echo.yaml": echo]) { runnel in
            let script = RunnelProcess(directory: runnel.directory, program: "/bin/sh")
            let command = "\(RunnelProcess.path) run echo --text \"$(printf 'caf\\351')\""
            let ended = try await script.run(["-c", command])
            #expect(ended.error == "error: the argument 4 is not UTF-8\n")
            #expect(ended.output.isEmpty)
            #expect(ended.status == 2)
        }
    }

    @Test("an input file or a `.env` of 1 TiB is refused, and is not read to its end")
    func endless() async throws {
        try await withProject(["runnel.yaml": "", "echo.yaml": echo]) { runnel in
            for (name, limit) in [("large.txt", "64 MiB; read it in a step instead"), (".env", "1 MiB")] {
                try runnel.makeSparseFile(name)
                let ended = try await runnel.run(["run", "echo", "--input-file", "large.txt"])
                #expect(ended.error.contains("\(name)\" is larger than \(limit)\n"), "\(ended.error)")
                #expect(ended.status == 2)
            }
        }
    }

    @Test("a file that is no YAML is found by the name in it, and its error is shown")
    func brokenByName() async throws {
        try await withProject(["a.yaml": "name: tickets\nsteps: [ { uses: log }\n", "echo.yaml": echo]) { runnel in
            let ended = try await runnel.run(["run", "tickets"])
            #expect(ended.error.hasPrefix("a.yaml:"), "\(ended.error)")
            #expect(ended.status == 2)
        }
    }

    @Test(
        "wrong usage ends with status 2",
        arguments: [
            (["run"], "error: missing expected argument '<pipeline>'"),
            (
                ["run", "nothing"],
                "error: there is no pipeline \"nothing\"\n  = pipelines here: echo\n"
            ),
            (["run", "ecko"], "error: there is no pipeline \"ecko\"\n  = did you mean \"echo\"?\n"),
            (
                ["run", "echo", "--input", "greting=x"],
                "error: the pipeline \"echo\" has no input \"greting\"; did you mean \"greeting\"?\n"
            ),
            (["run", "echo", "--input", "greeting"], "--input greeting: expected name=value"),
            (["run", "echo", "--fault", "cut-off"], "--fault needs --simulate"),
            (
                ["run", "echo", "--priority", "11"],
                "--priority 11: expected a whole number from -10 to 10, found the number 11"
            ),
            (
                ["trigger", "echo", "--priority", "high"],
                "--priority high: expected a whole number from -10 to 10, found \"high\""
            ),
            (
                ["run", "echo", "--priority", "-5", "--no-journal"],
                "--priority is for runs of the journal; leave out --no-journal"
            ),
            (
                ["trigger", "echo", "--enable", "watch", "--priority=1"],
                "--disable and --enable start no run; leave out --event, --input and --priority"
            ),
            (["run", "echo", "--input-file", "gone.txt"], "error: there is no file \"gone.txt\"\n"),
            (["run", "echo", "--input-file", "a", "--text", "b"], "--input-file and --text are mutually exclusive"),
            (
                ["frobnicate"],
                "error: there is no command `runnel frobnicate`\n  = `runnel --help` lists the commands\n"
            ),
            (["rnu"], "error: there is no command `runnel rnu`\n  = did you mean `runnel run`?\n"),
            (["runs", "lst"], "error: there is no command `runnel runs lst`\n  = did you mean `runnel runs list`?\n"),
            (["serve", "--port", "99999"], "--port 99999: expected a port from 0 to 65535"),
            (["serve", "nope"], "error: there is no folder \"nope\"\n"),
            (["new", "plugin", "chat"], "a plugin named \"chat\" ships with Runnel; choose another name"),
            (
                ["new", "plugin", "manual", "--trigger"],
                "a trigger named \"manual\" ships with Runnel; choose another name"
            ),
            (
                ["new", "plugin", "health", "--trigger"],
                "a trigger named \"health\" ships with Runnel; choose another name"
            ),
            (["validate", "echo.test.yaml"], "\"echo.test.yaml\" is a test, not a pipeline; run it with `runnel test"),
            (["test", "--filter", "nothing"], "error: no test's name contains \"nothing\"\n"),
        ])
    func usage(arguments: [String], message: String) async throws {
        let test = "pipeline: echo.yaml\ntests: [ { name: it runs, expect: { status: succeeded } } ]\n"
        try await withProject(["echo.yaml": echo, "echo.test.yaml": test]) { runnel in
            let ended = try await runnel.run(arguments)
            #expect(ended.status == 2)
            #expect(ended.error.contains(message), "\(ended.error)")
            #expect(ended.output == "")
        }
    }

    @Test("a test changes nothing in the project through its links, and follows those of `files.links`")
    func testsWithLinks() async throws {
        let files = [
            "project/runnel.yaml": "files: { links: [ext] }\n", "outside/y.txt": "there", "project/real/x.txt": "here",
            "project/p.yaml": """
            steps:
              - { id: found, uses: file.read, with: { path: ext/y.txt } }
              - { uses: shell, with: { run: "echo changed > abs/x.txt; echo changed > ext/y.txt" } }
            """,
            "project/p.test.yaml": """
            pipeline: p.yaml
            tests:
              - name: it writes
                expect:
                  outputs: { found.text: there }
                  files: { real/x.txt: "changed\\n", ext/y.txt: "changed\\n" }
            """,
        ]
        try await withProject(files) { runnel in
            let (manager, project) = (FileManager.default, runnel.directory + "/project")
            try manager.createSymbolicLink(atPath: project + "/abs", withDestinationPath: project + "/real")
            try manager.createSymbolicLink(atPath: project + "/ext", withDestinationPath: "../outside")
            let ended = try await runnel.run(["test", "--project", "project"])
            #expect(ended.status == 0, "\(ended.output)\(ended.error)")
            #expect(manager.contents(atPath: project + "/real/x.txt") == Data("here".utf8))
            #expect(manager.contents(atPath: runnel.directory + "/outside/y.txt") == Data("there".utf8))
        }
    }

    @Test("what ends the stream of a whole answer is a setting, and what is no whole answer fails the run")
    func streamEnds() async throws {
        let pipeline = """
            steps: [ { id: a, uses: chat, with: { prompt: Say hello } } ]
            output: "{{ steps.a.text }}"
            """
        func answer(_ reason: String, _ rest: String) -> String {
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
                + #"data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}"# + "\n\n"
                + #"data: {"choices":[{"index":0,"delta":{},"finish_reason":"\#(reason)"}]}"# + "\n\n" + rest
        }
        for (reason, rest, end, message) in [
            ("stop", "data: [DONE]", nil, nil), ("stop", "", nil, nil),
            ("stop", "", "done", "error: the stream ended before [DONE] [stream-cut-off]"),
            (
                "content_filter", "data: [DONE]\n\n", nil,
                #"error: the server's content filter stopped the answer (finish reason "content_filter") [content-filter]"#
            ),
        ] as [(String, String, String?, String?)] {
            let bytes = answer(reason, rest)
            try await TestServer.run { _ in
                .raw(bytes)
            } body: { server in
                let variables = [
                    "RUNNEL_MARKETPLACE_BASE_URL": server.url + "/v1", "RUNNEL_MARKETPLACE_AUTH": "none",
                    "RUNNEL_MARKETPLACE_STREAM_END": end,
                ].compactMapValues(\.self)
                try await withProject(["p.yaml": pipeline], environment: variables) { runnel in
                    let ended = try await runnel.run(["run", "p"])
                    #expect(ended.status == (message == nil ? 0 : 1), "\(ended.error)")
                    if let message {
                        #expect(ended.error.contains(message), "\(ended.error)")
                    } else {
                        #expect(ended.output == "Hello\n")
                    }
                }
            }
        }
    }

    @Test("without a configuration a chat says what to set")
    func notConfigured() async throws {
        try await withProject(["p.yaml": "steps: [ { uses: chat, with: { prompt: Hi } } ]"]) { runnel in
            let ended = try await runnel.run(["run", "p"])
            #expect(ended.status == 2)
            #expect(ended.error.contains("error: chat: `marketplace.base_url` is not set [marketplace-unconfigured]"))
            #expect(
                ended.error.contains(
                    "= set it in runnel.yaml or as RUNNEL_MARKETPLACE_BASE_URL; "
                        + "with `--simulate`, `runnel run`, `ask` and `serve` do not need it"))
        }
    }

    @Test("an interrupt ends the run with status 130")
    func interrupt() async throws {
        let pipeline = "steps: [ { id: answer, uses: chat, with: { prompt: Tell me a long story about rivers } } ]"
        try await withProject(["p.yaml": pipeline]) { runnel in
            let ended = try await runnel.interrupt(
                ["run", "p", "--simulate", "--fault", "stall"], after: "▸ answer chat")
            #expect(ended.status == 130)
            #expect(ended.error.hasSuffix("\ncancelled\n"))
            #expect(ended.output == "")
        }
    }
}
