import Foundation
import RunnelKit
import TestSupport
import Testing

@Suite("Plugins in a project's folder") struct PluginTests {
    private static let greet = """
        name: greet
        version: "1"
        protocol: exec
        command: [sh, greet.sh]
        steps:
          hello:
            summary: Greets somebody.
            hints:
              - { names: [who], hint: "write `name: …`" }
              - { names: [salute], hint: "write `uses: greet.hello`", place: name }
            input:
              type: object
              required: [name]
              additionalProperties: false
              properties: { name: { type: string, description: Who is greeted. } }
        """
    private static let script = """
        cat >/dev/null
        echo 'to the log' >&2
        echo '{"type":"note","text":"thinking"}'
        echo '{"type":"result","output":{"greeting":"hello"}}'
        """
    private static func project(_ more: [String: String]) -> [String: String] {
        var files = ["runnel.yaml": "", "plugins/greet/plugin.yaml": greet, "plugins/greet/greet.sh": script]
        files.merge(more) { _, new in new }
        return files
    }

    @Test("a step in shell is listed, explained and run like one that is built in")
    func exec() async throws {
        let pipeline = "name: p\nsteps:\n  - { uses: greet.hello, with: { name: Ada } }\n"
        try await withProject(Self.project(["p.yaml": pipeline])) { runnel in
            let ended = try await runnel.run(["run", "p"])
            #expect(ended.output == "{\n  \"greeting\": \"hello\"\n}\n")
            #expect(ended.error.contains("  · greet-hello: thinking\n"))
            let valid = try await runnel.run(["validate", "p.yaml"]).error
            #expect(valid.contains("p.yaml:3 executes greet.hello: "), "\(valid)")
            let drawn = try await runnel.run(["explain", "p"]).output
            #expect(drawn.contains("line 3 executes greet.hello: "), "\(drawn)")
            #expect(try await runnel.run(["steps"]).output.contains("greet.hello   Greets somebody.\n"))
            #expect(
                try await runnel.run(["steps", "greet.hello"]).output == """
                    greet.hello

                    Greets somebody.

                    with:
                      name  (string, required)
                          Who is greeted.

                    Output: The result of the plugin.

                    """)
        }
    }

    @Test("its schema is checked where the pipeline is, with the place of the mistake")
    func checked() async throws {
        let pipeline = "name: p\nsteps:\n  - uses: greet.hello\n    with: { nmae: Ada }\n"
        try await withProject(Self.project(["p.yaml": pipeline])) { runnel in
            let ended = try await runnel.run(["validate", "p.yaml"])
            #expect(ended.status == 2)
            #expect(ended.error.contains("p.yaml:4:13: error: greet.hello has no key \"nmae\" [unknown-key]"))
            #expect(ended.error.contains("= did you mean \"name\"?"))
            // The missing key is the one that was misspelled.
            #expect(!ended.error.contains("[missing-key]"))
        }
    }

    @Test("the hints of its manifest are printed for names of other tools")
    func hints() async throws {
        let pipeline = "name: p\nsteps:\n  - { uses: greet.hello, with: { who: Ada } }\n  - { uses: salute }\n"
        try await withProject(Self.project(["p.yaml": pipeline])) { runnel in
            let error = try await runnel.run(["validate", "p.yaml"]).error
            #expect(
                error.hasPrefix(
                    """
                    p.yaml:3:34: error: greet.hello has no key "who" [unknown-key]
                        3 |   - { uses: greet.hello, with: { who: Ada } }
                          |                                  ^~~
                          = write `name: …`
                    p.yaml:4:13: error: unknown step "salute" [unknown-step]
                        4 |   - { uses: salute }
                          |             ^~~~~~
                          = write `uses: greet.hello`

                    """), "\(error)")
        }
    }

    @Test("a manifest that cannot be read is said so by the commands that look at plugins, and ends none")
    func unreadable() async throws {
        let files = Self.project([
            "plugins/other/plugin.yaml/x": "", "p.yaml": "name: p\nsteps:\n  - { uses: other.thing }\n",
            "good.yaml": "name: good\nsteps:\n  - { uses: template, with: { text: well } }\n",
        ])
        try await withProject(files) { runnel in
            let file = runnel.directory + "/plugins/other/plugin.yaml"
            let words =
                "plugins/other/plugin.yaml: error: \"\(file)\" is a directory, not a file [plugin-unreadable]\n"
            for command in [["run", "good"], ["steps"]] {
                let ended = try await runnel.run(command)
                #expect(ended.status == 0, "\(command): \(ended.error)")
                #expect(ended.error.hasPrefix(words), "\(command): \(ended.error)")
            }
            #expect(try await runnel.run(["usage"]).status == 0)
            let needed = try await runnel.run(["run", "p"])
            #expect(needed.status == 2)
            #expect(needed.error.contains(" is a directory, not a file"))
        }
    }

    @Test("a broken manifest is shown with its place; only the pipelines that need it are stopped")
    func broken() async throws {
        let files = Self.project([
            "plugins/other/plugin.yaml": "name: other\nprotocol: exec\ncommand: [sh]\nstpes: {}\n",
            "p.yaml": "name: p\nsteps:\n  - { uses: other.thing }\n",
            "good.yaml": "name: good\nsteps:\n  - { uses: template, with: { text: well } }\n",
        ])
        try await withProject(files) { runnel in
            let needing = try await runnel.run(["run", "p"])
            #expect(needing.status == 2)
            #expect(
                needing.error == """
                    plugins/other/plugin.yaml:4:1: error: plugin.yaml has no key "stpes" [unknown-key]
                        4 | stpes: {}
                          | ^~~~~
                          = did you mean "steps"?
                    p.yaml:3:13: error: the step "other.thing" is not available: the plugin "other" was not loaded \
                    [unknown-step]
                        3 |   - { uses: other.thing }
                          |             ^~~~~~~~~~~
                          = fix plugins/other/plugin.yaml:4: plugin.yaml has no key "stpes"

                    """)
            let other = try await runnel.run(["run", "good"])
            #expect(other.status == 0)
            #expect(other.output == "well\n")
        }
    }

    /// The manifest of an MCP server that is called with a secret.
    private static func tools(secret: String) -> String {
        """
        name: tools
        protocol: mcp
        transport: http
        url: http://127.0.0.1:1/mcp
        headers: { authorization: { secret: \(secret) } }
        """
    }

    @Test("validate finds secrets that the project does not have, and warns of a program that is not there")
    func missing() async throws {
        let files = Self.project([
            "runnel.yaml": "secrets: { token: { env: THE_TOKEN } }\n",
            "plugins/greet/plugin.yaml": """
            name: greet
            protocol: exec
            command: [nosuchprogram, greet.sh]
            env: [ LANG, { KEY: { secret: tokn } } ]
            steps: { hello: { summary: Greets. } }
            """,
            "plugins/tools/plugin.yaml": Self.tools(secret: "other"),
            "p.yaml": "name: p\nsteps:\n  - { uses: template, with: { text: a } }\n",
        ])
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["validate"])
            #expect(ended.status == 2)
            for lines in [
                """
                plugins/greet/plugin.yaml:3:10: warning: `command`: the plugin "greet" cannot start: there is no program \
                "nosuchprogram" in PATH [plugin-command-not-found]
                    3 | command: [nosuchprogram, greet.sh]
                      |          ^~~~~~~~~~~~~~~~~~~~~~~~~
                      = install it, or write its path; a path with a slash is relative to the plugin's folder
                plugins/greet/plugin.yaml:4:31: error: `env[1].KEY.secret`: there is no secret "tokn" [unknown-reference]
                    4 | env: [ ****, { KEY: { secret: tokn } } ]
                      |                               ^~~~
                      = did you mean "token"?

                """,
                """
                plugins/tools/plugin.yaml:5:37: error: `headers.authorization.secret`: there is no secret "other" \
                [unknown-reference]
                    5 | headers: { authorization: { secret: other } }
                      |                                     ^~~~~
                      = name it under `secrets:` in runnel.yaml

                """,
            ] { #expect(ended.error.contains(lines), "\(ended.error)") }
        }
    }

    @Test("a plugin whose secret is declared and has no value says so where it starts, with the line")
    func secretWithoutValue() async throws {
        let files = Self.project([
            "runnel.yaml": "secrets: { key: { env: RUNNEL_TEST_UNSET_KEY } }\n",
            "plugins/greet/plugin.yaml": Self.greet + "\nenv: { KEY: { secret: key } }\n",
            "plugins/tools/plugin.yaml": Self.tools(secret: "key"),
            "p.yaml": "name: p\nsteps:\n  - { uses: greet.hello, with: { name: Ada } }\n",
            "p.test.yaml": "tests:\n  - name: greets\n    expect: { status: succeeded }\n",
        ])
        try await withProject(files) { runnel in
            let reason = "the secret \"key\" has no value: the environment variable RUNNEL_TEST_UNSET_KEY is not set"
            let hint = "= it is declared at runnel.yaml:1; set it where Runnel is started\n"
            let ended = try await runnel.run(["run", "p"])
            #expect(ended.status == 1)
            #expect(
                ended.error.contains(
                    "error: the plugin \"greet\" cannot start: `env.KEY`: \(reason) [plugin-environment]\n"),
                "\(ended.error)")
            #expect(ended.error.contains("      \(hint)"), "\(ended.error)")
            let asked = try await runnel.run(["plugins", "refresh"])
            #expect(asked.status == 2)
            #expect(
                asked.error == """
                    asking tools: http://127.0.0.1:1/mcp
                    warning: the plugin "tools" cannot be reached: `headers.authorization`: \(reason)
                      \(hint)
                    """)
            let tested = try await runnel.run(["test", "p.test.yaml"]).output
            #expect(
                tested.contains("`env.KEY`: the secret \"key\" has no stand-in in this test [plugin-environment]\n"),
                "\(tested)")
            #expect(
                tested.contains("= a test reads no real secrets: give it a stand-in under `secrets:`\n"), "\(tested)")
        }
    }

    @Test("a plugin with the name of another is left out, and the steps say so")
    func clash() async throws {
        let files = Self.project([
            "plugins/again/plugin.yaml": Self.greet, "plugins/again/greet.sh": Self.script,
            "plugins/own/plugin.yaml": Self.greet.replacing("name: greet\n", with: "name: file\n"),
            "p.yaml": "name: p\nsteps:\n  - { uses: template, with: { text: a } }\n",
        ])
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["run", "p"])
            #expect(
                ended.error.hasPrefix(
                    """
                    warning: two plugins are named "greet", in plugins/again and plugins/greet; rename or remove one of them
                    warning: the plugin in plugins/own is named "file", as a built-in one; rename it

                    """), "\(ended.error)")
            #expect(ended.status == 0)
            #expect(try await runnel.run(["plugins"]).output.hasPrefix("file  built in\n"))
        }
    }

    @Test("settings in runnel.yaml reach the plugin; what they fetch is masked, and mistakes are said with their place")
    func settings() async throws {
        let manifest = """
            name: greet
            protocol: exec
            command: [sh, greet.sh]
            settings: { type: object, additionalProperties: false, properties: { word: {}, key: { type: string } } }
            steps: { hello: { summary: Greets. } }
            """
        let script = """
            cat >/dev/null
            printf '{"type":"result","output":%s}\\n' "$RUNNEL_SETTINGS"
            """
        let files = [
            "plugins/greet/plugin.yaml": manifest, "plugins/greet/greet.sh": script,
            "p.yaml": "name: p\nsteps:\n  - { uses: greet.hello }\n",
            "runnel.yaml": "plugins: { greet: { word: hi, key: { env: THE_KEY } } }\n",
            "wrong.yaml": "plugins: { greet: { wrod: hi }, gret: {}, file: { a: 1 }, shell: { enabled: false } }\n",
        ]
        try await withProject(files, environment: ["THE_KEY": "s3cr3t-key"]) { runnel in
            #expect(try await runnel.run(["run", "p"]).output == "{\n  \"word\": \"hi\",\n  \"key\": \"***\"\n}\n")
            let wrong = try await runnel.run(["run", "p", "--config", "wrong.yaml"])
            #expect(wrong.status == 2)
            for line in [
                "warning: runnel.yaml: `plugins.gret`: there is no plugin \"gret\"\n  = did you mean \"greet\"?\n",
                "warning: runnel.yaml: `plugins.file`: the plugin has no settings\n  = remove them\n",
                "warning: runnel.yaml: `plugins.shell`: the settings of this plugin stand under `shell:`\n  = move them there\n",
                "warning: runnel.yaml: `plugins.greet`: ", "  = did you mean \"word\"?\n",
                "the step \"greet.hello\" is not available: the plugin \"greet\" was not loaded",
            ] { #expect(wrong.error.contains(line), "\(line)\n\(wrong.error)") }
        }
    }

    @Test("a secret that is written out in the settings of a plugin is masked, and a warning")
    func literalSettings() async throws {
        let files = [
            "plugins/greet/plugin.yaml": """
            name: greet
            protocol: exec
            command: [sh, greet.sh]
            settings:
              $defs: { secret: { type: string, writeOnly: true } }
              properties: { word: {}, key: { $ref: "#/$defs/secret" }, more: { items: { $ref: "#/$defs/secret" } } }
            steps: { hello: { summary: Greets. } }
            """,
            "plugins/greet/greet.sh": """
            cat >/dev/null
            printf '{"type":"result","output":%s}\\n' "$RUNNEL_SETTINGS"
            """,
            "p.yaml": "name: p\nsteps:\n  - { uses: greet.hello }\n",
            "runnel.yaml": "plugins: { greet: { word: hi, key: hunter2xyz, more: [hunter3xyz, { env: THE_KEY }] } }\n",
        ]
        try await withProject(files, environment: ["THE_KEY": "s3cr3t-key"]) { runnel in
            let ended = try await runnel.run(["run", "p"])
            #expect(
                ended.output == """
                    {
                      "word": "hi",
                      "key": "***",
                      "more": [
                        "***",
                        "***"
                      ]
                    }

                    """)
            for (column, key) in [(36, "key"), (55, "more[0]")] {
                let warning =
                    "runnel.yaml:1:\(column): warning: `plugins.greet.\(key)` is a literal in the file [literal-secret]\n"
                #expect(ended.error.contains(warning), "\(ended.error)")
            }
            #expect(!ended.error.contains("hunter"), "\(ended.error)")
        }
    }

    @Test("two public MCP servers work in one pipeline, and validate starts none once their tools are known")
    func publicServers() async throws {
        func manifest(_ name: String, _ module: String) -> String {
            "name: \(name)\nprotocol: mcp\ncommand: [\(pythonForTests), -m, \(module)]\n"
        }
        let pipeline = """
            name: p
            steps:
              - id: tokyo
                uses: time.convert_time
                with: { source_timezone: UTC, time: "12:30", target_timezone: Asia/Tokyo }
              - id: status
                uses: git.git_status
                with: { repo_path: "{{ env.HERE }}" }
              - uses: template
                with: { text: "{{ steps.tokyo }} {{ steps.status }}" }
            """
        let files = [
            "runnel.yaml": "env: [HERE]\n", "p.yaml": pipeline,
            "plugins/time/plugin.yaml": manifest("time", "mcp_server_time"),
            "plugins/git/plugin.yaml": manifest("git", "mcp_server_git"),
            "wrong.yaml": "name: w\nsteps:\n  - { uses: time.convert_time, with: { time: 12 } }\n",
        ]
        try await withProject(files) { runnel in
            var runnel = runnel
            runnel.environment["HERE"] = runnel.directory
            try shell("git init -q '\(runnel.directory)'")
            let ended = try await runnel.run(["run", "p"])
            #expect(ended.status == 0, "\(ended.error)")
            #expect(ended.output.contains("T21:30:00+09:00"))
            #expect(ended.output.contains("Untracked files:"))
            for name in ["time", "git"] {
                // Were a server started now, it could not be.
                let file = runnel.directory + "/.runnel/plugins/\(name).json"
                #expect(FileManager.default.fileExists(atPath: file))
            }
            runnel.environment["PATH"] = "/nowhere"
            let wrong = try await runnel.run(["validate", "wrong.yaml"])
            #expect(wrong.status == 2)
            #expect(wrong.error.contains("time.convert_time needs the key \"source_timezone\" [missing-key]"))
            #expect(wrong.error.contains("`time`: "))
        }
    }

    @Test("kill -9 of runnel leaves no child of a plugin behind", .enabled(if: isLinux))
    func orphans() async throws {
        let mark = "runnel-orphan-\(UUID().uuidString)"
        let files = [
            "runnel.yaml": "",
            "plugins/stay/plugin.yaml": """
            name: stay
            protocol: exec
            command: [sh, stay.sh, \(mark)]
            steps: { here: { summary: Stays. } }
            """,
            // It says that it is there, ignores what can be ignored, and has a child of its own.
            "plugins/stay/stay.sh": """
            trap '' TERM INT HUP
            echo '{"type":"note","text":"begun"}'
            sh -c 'trap "" TERM INT HUP; while :; do sleep 1000; done' \(mark) &
            while :; do sleep 1000; done
            """,
            "p.yaml": "name: p\nsteps:\n  - { uses: stay.here }\n",
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.kill(["run", "p"], after: "begun")
            #expect(ended.error.contains("begun"))
            #expect(await eventually { !commandLines().contains { $0.contains(mark) } })
        }
    }
}

#if os(Linux)
private let isLinux = true
#else
private let isLinux = false
#endif

private func shell(_ command: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", command]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
}

/// The command lines of all processes, zombies left out.
private func commandLines() -> [String] {
    let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return processes.filter { Int($0) != nil }.compactMap { id in
        FileManager.default.contents(atPath: "/proc/\(id)/cmdline").map { String(decoding: $0, as: UTF8.self) }
    }
}
