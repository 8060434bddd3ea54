import Foundation
import RunnelKit
import TestSupport
import Testing

@Suite("What operators set up first", .timeLimit(.minutes(5))) struct OperatorTests {
    @Test("vars, .env, profiles and secrets of commands reach templates, in this order of precedence")
    func settings() async throws {
        let files = [
            "runnel.yaml": """
            vars: { region: eu, retries: 3 }
            env: [CITY, COUNTRY]
            secrets: { key: { env: THE_KEY }, token: { command: [sh, -c, "echo from-a-command; echo x >> asked.txt"], cache: 5m } }
            profiles: { prod: { vars: { region: us } } }
            """,
            ".env": "CITY='New York'\nCOUNTRY=ignored\nTHE_KEY=hunter2x # a comment\nRUNNEL_LOG_LEVEL=error\n",
            "p.yaml": """
            steps:
              - uses: template
                with: { text: "{{ vars.region }} {{ vars.retries + 1 }} {{ env.CITY }} {{ env.COUNTRY }} {{ secrets.token | length }} {{ secrets.key }}" }
            """,
        ]
        try await withProject(files, environment: ["COUNTRY": "USA"]) { runnel in
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: runnel.directory + "/.env")
            let plain = try await runnel.run(["run", "p"])
            #expect(plain.output == "eu 4 New York USA 14 ***\n")
            #expect(plain.error == "" || !plain.error.contains("warning"))
            let chosen = try await runnel.run(["run", "p", "--profile", "prod"])
            #expect(chosen.output == "us 4 New York USA 14 ***\n")
            let wrong = try await runnel.run(["--profile=prd", "run", "p"])
            #expect(wrong.status == 2)
            #expect(wrong.error.contains("there is no profile \"prd\""))
            // Commands that only look execute nothing of the project.
            let asked = { try String(contentsOfFile: runnel.directory + "/asked.txt", encoding: .utf8).count }
            let before = try asked()
            for command in [["validate", "p.yaml"], ["explain", "p"], ["run", "p", "--dry-run"]] {
                _ = try await runnel.run(command)
            }
            #expect(try asked() == before)
        }
    }

    @Test("ledger shows the files that a watch knows, a page at a time")
    func ledger() async throws {
        let files = [
            "runnel.yaml": "server: { port: 0 }\n",
            "pipelines/p.yaml": """
            on: { watch: { path: inbox } }
            steps: [ { uses: file.write, with: { path: "out/{{ trigger.name }}", content: done } } ]
            """,
            "inbox/a.txt": "one", "inbox/b.txt": "three",
        ]
        try await withProject(files) { runnel in
            try await runnel.serving("pipelines") { runnel in
                let out = runnel.directory + "/out/"
                let areDone = await eventually {
                    ["a.txt", "b.txt"].allSatisfy { FileManager.default.fileExists(atPath: out + $0) }
                }
                #expect(areDone)
                let first = try await runnel.run(["ledger", "p", "-n", "1"])
                #expect(first.output.hasSuffix("  inbox/a.txt\n"), "\(first.error)")
                #expect(first.error == "there are more: --after 'file/inbox/a.txt'\n")
                let second = try await runnel.run(["ledger", "p", "watch", "--after", "file/inbox/a.txt", "--json"])
                let page = try Value.json(second.output)
                #expect(page["entries"]?.asList?.count == 1)
                #expect(page["entries"]?[0]?["name"] == "inbox/b.txt")
                #expect(page["entries"]?[0]?["size"] == 5)
                #expect(page["next"] == nil)
                let none = try await runnel.run(["ledger", "p", "schedule"])
                #expect(none.status == 2)
                #expect(
                    none.error
                        == "error: the pipeline \"p\" has no trigger \"schedule\" with a ledger; those with one are watch\n"
                )
            }
        }
    }

    @Test("ledger needs no configured agent")
    func ledgerWithoutAgent() async throws {
        let trigger = "on: { watch: { path: inbox, after: keep } }\n"
        let files = [
            "runnel.yaml": "server: { port: 0 }\n",
            "pipelines/p.yaml": trigger + "steps: [ { uses: file.write, with: { path: out.txt, content: done } } ]\n",
            "inbox/a.txt": "one",
        ]
        try await withProject(files) { runnel in
            try await runnel.serving("pipelines") {
                let isDone = await eventually { FileManager.default.fileExists(atPath: runnel.directory + "/out.txt") }
                #expect(isDone)
            }
            try (trigger + "steps: [ { uses: chat, with: { prompt: Hello } } ]\n").write(
                toFile: runnel.directory + "/pipelines/p.yaml", atomically: true, encoding: .utf8)
            let ledger = try await runnel.run(["ledger", "p"])
            #expect(ledger.status == 0, "\(ledger.error)")
            #expect(ledger.output.hasSuffix("  inbox/a.txt\n"), "\(ledger.output)")
        }
    }

    @Test("config shows prices by agent and model, with their places")
    func prices() async throws {
        let settings = "prices:\n  AGENTIC STAR: { input: 3 USD, output: 15 USD }\n  bot:\n    call: 0.02 USD\n"
        try await withProject(["runnel.yaml": settings]) { runnel in
            let shown = try await runnel.run(["config", "prices"])
            #expect(
                shown.output == """
                    prices.AGENTIC STAR.input   3 USD  # runnel.yaml:2
                    prices.AGENTIC STAR.output  15 USD  # runnel.yaml:2
                    prices.bot.call             0.02 USD  # runnel.yaml:4

                    """)
        }
    }

    @Test("a .env that others can read is warned about, and one with errors is named with its line")
    func envFile() async throws {
        let files = [
            "runnel.yaml": "env: [A]\n", ".env": "A=1\n",
            "p.yaml": "steps: [ { uses: template, with: { text: \"{{ env.A }}\" } } ]",
        ]
        try await withProject(files) { runnel in
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: runnel.directory + "/.env")
            let open = try await runnel.run(["run", "p"])
            #expect(open.output == "1\n")
            #expect(open.error.contains("other users of this machine can open the file (mode 0644) [env-file-mode]"))
            #expect(open.error.contains("`chmod 600 .env`"))
            try "A=2\nhunter2x".write(toFile: runnel.directory + "/other.env", atomically: true, encoding: .utf8)
            let broken = try await runnel.run(["run", "p", "--env-file", "other.env"])
            #expect(broken.status == 2)
            #expect(broken.error.contains("other.env:2:1: error: expected `NAME=value` [bad-env-file]"))
            #expect(!broken.error.contains("hunter2x"))
            let checked = try await runnel.run(["validate", "--env-file", "other.env", "--format", "json"])
            #expect(checked.status == 2)
            let found = try Value.json(checked.output).asList?.first { $0["code"] == "bad-env-file" }
            #expect(found?["file"] == "other.env")
            #expect(found?["line"] == 2)
            #expect(found?["column"] == 1)
            let missing = try await runnel.run(["run", "p", "--env-file", "none.env"])
            #expect(missing.status == 2)
            #expect(missing.error.contains("there is no file \"none.env\""))
        }
    }

    @Test("a failed run, also one started by hand, is told once by the pipeline that listens, and the ring is refused")
    func alerts() async throws {
        let files = [
            "runnel.yaml": "server: { port: 0 }\n",
            "pipelines/broken.yaml": "steps: [ { uses: shell, with: { run: \"echo no such host >&2; exit 3\" } } ]",
            "pipelines/alert.yaml": """
            on:
              run: { debounce: { for: 200ms } }
            steps:
              - uses: file.write
                with:
                  path: out/{{ run.id }}.txt
                  content: "{{ trigger.count }} {{ trigger.pipeline }} {{ trigger.error.message }}"
            """,
        ]
        try await withProject(files) { runnel in
            let texts = {
                let out = runnel.directory + "/out"
                return ((try? FileManager.default.contentsOfDirectory(atPath: out)) ?? []).compactMap {
                    try? String(contentsOfFile: out + "/" + $0, encoding: .utf8)
                }
            }
            let told = { texts().compactMap { Int($0.prefix { $0.isNumber }) }.reduce(0, +) }
            try await runnel.serving("pipelines") {
                for _ in 0..<2 {
                    let result = try await runnel.run(["run", "pipelines/broken"])
                    #expect(result.status == 1)
                }
                while told() == 0 { try await waitTurn() }
            }
            // Nobody serves at this moment.
            #expect(try await runnel.run(["run", "pipelines/broken"]).status == 1)
            try await runnel.serving("pipelines") {
                while told() < 3 { try await waitTurn() }
            }
            let message = "broken the script ended with the exit code 3; last lines of standard error: no such host"
            #expect(texts().allSatisfy { $0.hasSuffix(message) })
            #expect(told() == 3)
            try "on: { run: {} }\nsteps: [ { uses: log } ]".write(
                toFile: runnel.directory + "/pipelines/second.yaml", atomically: true, encoding: .utf8)
            let ring = try await runnel.run(["validate", "pipelines"])
            #expect(ring.status == 2)
            #expect(
                ring.error.contains(
                    #"the pipelines start each other in a ring: "alert" starts "second" starts "alert" [trigger-ring]"#)
            )
        }
    }

    @Test("a folder is searched for the pipelines that `run` names; one file alone is not")
    func unknownPipelines() async throws {
        let files = [
            "runnel.yaml": "",
            "pipelines/import.yaml": "steps: [ { uses: log } ]",
            "pipelines/after.yaml": "on: { run: { pipelines: [imprt, \"ex*\"] } }\nsteps: [ { uses: log } ]",
        ]
        try await withProject(files) { runnel in
            let folder = try await runnel.run(["validate", "pipelines"])
            #expect(folder.status == 0)
            #expect(
                folder.error.hasPrefix(
                    "pipelines/after.yaml:1:26: warning: there is no pipeline named \"imprt\" in this folder [unknown-pipeline]\n"
                ), "\(folder.error)")
            #expect(folder.error.contains("= did you mean \"import\"?"), "\(folder.error)")
            let file = try await runnel.run(["validate", "pipelines/after.yaml"])
            #expect(file.error == "1 pipeline checked, all valid\n")
        }
    }

    @Test("a budget of a pipeline that is not there is a warning at its key, where all pipelines are known")
    func strangeBudgets() async throws {
        let files = [
            "runnel.yaml": """
            secrets: { key: "a literal" }
            marketplace:
              pipeline_budgets:
                impot: { tokens: 10 }
                import: { tokens: 10 }
            profiles:
              prod:
                marketplace: { pipeline_budgets: { zebra: { tokens: 10 } } }
            """,
            "pipelines/import.yaml": "steps: [ { uses: log } ]",
            "pipelines/more/after.yaml": "steps: [ { uses: log } ]",
        ]
        func warning(_ place: String, _ name: String) -> String {
            "runnel.yaml:\(place): warning: `pipeline_budgets` has a budget of \"\(name)\", and no pipeline has that name "
                + "[doubtful-value]\n"
        }
        try await withProject(files) { runnel in
            for arguments in [["validate"], ["validate", "."]] {
                let all = try await runnel.run(arguments)
                #expect(all.status == 0)
                #expect(all.error.contains(warning("4:5", "impot")), "\(all.error)")
                #expect(all.error.contains("= did you mean \"import\"?"), "\(all.error)")
                #expect(!all.error.contains("zebra"), "\(all.error)")
            }
            let prod = try await runnel.run(["validate", "--profile", "prod"])
            #expect(prod.error.contains(warning("8:40", "zebra")), "\(prod.error)")
            #expect(prod.error.contains("= it limits nothing: write the name of a pipeline, or remove it"))
            let part = try await runnel.run(["validate", "pipelines/more"])
            #expect(part.status == 0)
            #expect(!part.error.contains("pipeline_budgets"), "\(part.error)")
        }
    }

    @Test("a template in a script is refused with the form that works, and scripts are listed")
    func scripts() async throws {
        let files = [
            "runnel.yaml": "",
            "bad.yaml": "steps: [ { uses: shell, with: { run: \"echo {{ trigger.body.title }}\" } } ]",
            "good.yaml": "steps: [ { uses: shell, with: { run: \"df -h\" } } ]",
            "commented.yaml": """
            steps:
              - uses: shell
                with:
                  run: |
                    # Tidy up.

                    rm -rf cache
                    # Start again.
                    mkdir cache
              - uses: ./steps/disk.yaml
            """,
            "steps/disk.yaml": "steps:\n  - uses: shell\n    with: { run: df -i }\n",
        ]
        try await withProject(files) { runnel in
            let bad = try await runnel.run(["validate", "bad.yaml"])
            #expect(bad.status == 2)
            #expect(
                bad.error.contains(
                    "`run`: a template in a script would make its value part of the program (script injection) [script-injection]"
                ))
            #expect(
                bad.error.contains(
                    #"pass it as a variable: `env: { TITLE: "{{ trigger.body.title }}" }`, and write "$TITLE" in the script"#
                ))
            let good = try await runnel.run(["validate", "good.yaml"])
            #expect(good.error.contains("good.yaml:1 executes shell: df -h"))
            let commented = try await runnel.run(["validate", "commented.yaml"])
            #expect(
                commented.error.hasPrefix(
                    """
                    commented.yaml:4 executes shell: rm -rf cache (and 1 more line)
                    steps/disk.yaml:3 executes shell: df -i

                    """), "\(commented.error)")
            var disabled = runnel
            disabled.environment["RUNNEL_SHELL_ENABLED"] = "false"
            let off = try await disabled.run(["run", "good"])
            #expect(off.status == 2)
            #expect(off.error.contains("shell: the step is switched off for this deployment"))
        }
    }
}

extension RunnelProcess {
    /// Serves the folder until `body` has returned, and waits for the end.
    func serving(_ folder: String, _ body: () async throws -> Void) async throws {
        try await serving(folder) { _ in try await body() }
    }

    /// Serves the folder until `body` has returned, and waits for the end.
    ///
    /// - Parameter body: Gets the same program, whose commands find the server.
    func serving(_ folder: String, _ body: (RunnelProcess) async throws -> Void) async throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.path)
        process.arguments = ["serve", folder]
        process.currentDirectoryURL = URL(fileURLWithPath: directory)
        process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("RUNNEL_") }
        process.standardInput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        let pipe = Pipe()
        process.standardOutput = pipe
        let ended = AsyncStream.makeStream(of: Void.self)
        process.terminationHandler = { _ in ended.continuation.finish() }
        try process.run()
        var output = ""
        for await data in pipe.fileHandleForReading.pieces {
            output += String(decoding: data, as: UTF8.self)
            if output.contains("Listening on"), output.hasSuffix("\n") { break }
        }
        var client = self
        client.environment["RUNNEL_SERVER_PORT"] = output.split(separator: "\n").first { $0.hasPrefix("Listening on") }?
            .split(separator: ":").last.map(String.init)
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(client))
        } catch {
            result = .failure(error)
        }
        process.interrupt()
        for await _ in ended.stream {}
        try result.get()
    }
}
