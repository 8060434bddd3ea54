import Foundation
import NIOCore
import NIOPosix
import RunnelEngine
import RunnelKit
import TestSupport
import Testing

/// `runnel serve` as whoever runs it sees it: a service manager's signals, Ctrl-C in a terminal, what it says.
@Suite("Stopping and reloading runnel serve", .timeLimit(.minutes(5))) struct OperatorTests {
    private static let stalled = """
        name: stalled
        steps: [ { uses: chat, with: { prompt: "simulate: stall" } } ]
        """

    private func withFolder(_ files: [String: String], _ body: (Folder) async throws -> Void) async throws {
        let folder = try Folder(files)
        defer { folder.remove() }
        try await body(folder)
    }

    @Test("a run that does not end within the grace period is interrupted, and goes on at the next start")
    func interrupted() async throws {
        try await withFolder(["runnel.yaml": "runs: { grace: 300ms }\n", "s.yaml": Self.stalled]) { folder in
            let first = try await Server(folder, ["--simulate"])
            #expect(try await first.call("POST", "/api/v1/pipelines/stalled/runs", body: "{}").status == 202)
            try await first.waitForRunning(1)
            first.signal(SIGTERM)
            let ended = await first.ended()
            #expect(
                ended.error.withoutLog == """
                    Shutting down; 1 run has 300ms to finish. Send the signal again to stop at once.
                    1 run was interrupted; it resumes at the next start.

                    """)
            #expect(ended.status == 0)
            #expect(ended.time >= .milliseconds(300))
            let run = try await folder.withJournal { try await $0.runs(RunFilter()).first }
            #expect(run?.state == .queued)
            #expect(run?.startedAt != nil)

            let second = try await Server(folder, ["--simulate"])
            try await second.waitForRunning(1)
            second.signal(SIGINT)
            let again = await second.ended()
            #expect(
                again.error.withoutLog == """
                    Shutting down; 1 run has 300ms to finish. Press Ctrl-C again to stop at once.
                    1 run was interrupted; it resumes at the next start.

                    """)
            #expect(again.status == 0)
        }
    }

    @Test("a second signal ends the grace period, still in good order", arguments: [SIGTERM, SIGINT])
    func twice(signal: Int32) async throws {
        try await withFolder(["runnel.yaml": "runs: { grace: 1h }\n", "s.yaml": Self.stalled]) { folder in
            let server = try await Server(folder, ["--simulate"])
            _ = try await server.call("POST", "/api/v1/pipelines/stalled/runs", body: "{}")
            try await server.waitForRunning(1)
            server.signal(signal)
            _ = await server.error.wait(for: "Shutting down; 1 run has 1h to finish.")
            server.signal(signal)
            let ended = await server.ended()
            #expect(
                ended.error.withoutLog.hasSuffix(
                    "\nStopping at once.\n1 run was interrupted; it resumes at the next start.\n"))
            #expect(ended.status == 0)
            let (run, problems) = try await folder.withJournal { journal in
                (try await journal.runs(RunFilter()).first, try await journal.check())
            }
            #expect(run?.state == .queued)
            #expect(problems == [])
        }
    }

    @Test(
        "without runs there is nothing to wait for, in any moment of the start", arguments: ["Serving", "Listening on"])
    func atOnce(mark: String) async throws {
        // A grace period that is waited for does not end within the limit.
        try await withFolder(["runnel.yaml": "runs: { grace: 1h }\n", "s.yaml": Self.stalled]) { folder in
            let server = try await Server(folder, ["--simulate"], until: mark)
            server.signal(SIGTERM)
            let ended = await server.ended()
            #expect(ended.error == "Shutting down.\n")
            #expect(ended.status == 0)
        }
    }

    @Test("the time that the journal takes for a transaction is measured")
    func commitTime() async throws {
        let files = ["runnel.yaml": "", "t.yaml": "name: t\nsteps: [ { uses: log, with: { message: hello } } ]\n"]
        try await withFolder(files) { folder in
            let server = try await Server(folder, [])
            #expect(try await server.call("POST", "/api/v1/pipelines/t/runs", body: "{}").status == 202)
            let metrics = try await server.call("GET", "/metrics").body
            let count = metrics.split(separator: "\n").first { $0.hasPrefix("runnel_journal_commit_seconds_count ") }
            #expect(count.map { $0 != "runnel_journal_commit_seconds_count 0" } ?? false, "\(metrics)")
            server.signal(SIGTERM)
            #expect(await server.ended().status == 0)
        }
    }

    @Test("SIGHUP takes up pipelines and the log's level, and names the settings that need a restart")
    func reload() async throws {
        let configuration = "log: { level: error }\nserver: { port: 0 }\nsecrets: { a: { file: a.txt } }\n"
        let files = ["runnel.yaml": configuration, "a.txt": "secret-one", "s.yaml": Self.stalled]
        try await withFolder(files) { folder in
            let server = try await Server(folder, ["--simulate"])
            server.signal(SIGHUP)
            #expect(await server.error.wait(for: "Reloaded") == "Reloaded: 1 pipeline\n")
            try folder.write("a.txt", "secret-two")
            try folder.write("runnel.yaml", configuration.replacing("error", with: "debug") + "runs: { limit: 3 }\n")
            try folder.write(
                "plugins/new/plugin.yaml",
                "name: new\nprotocol: exec\ncommand: [cat]\nsteps: { copy: { summary: Copies. } }\n")
            try folder.write("t.yaml", "name: t\nsteps: [ { uses: log, with: { message: hello } } ]\n")
            server.signal(SIGHUP)
            let text = await server.error.wait(for: "restart")
            #expect(
                text.contains(
                    "Reloaded: 2 pipelines, read t.yaml; `log.level` is debug; applied `runs.limit`; "
                        + "secret \"a\" has changed and is in use; restart Runnel to apply `plugins/new`\n"),
                "\(text)")
            #expect(try await server.call("POST", "/api/v1/pipelines/t/runs", body: "{}").status == 202)
            try folder.write("runnel.yaml", "log: { level: nothing }\n")
            server.signal(SIGHUP)
            let broken = await server.error.wait(for: "has errors")
            #expect(
                broken.contains("Reloaded: 2 pipelines; the configuration has errors, so the current one is kept\n"))
            #expect(try await server.call("GET", "/health/live").status == 200)
            server.signal(SIGTERM)
            #expect(await server.ended().status == 0)
        }
    }

    #if os(Linux)
    @Test("systemd is told what is served, what is wrong, and of a reload and the end; programs do not get its socket")
    func serviceManager() async throws {
        let files = [
            "runnel.yaml": "secrets: { a: { command: [sh, -c, \"env >variables; echo a-long-secret\"] } }\n",
            "bad.yaml": "steps: [ { uses: nosuch } ]\n",
            "good.yaml": "name: good\non: { watch: { path: missing } }\nsteps: [ { uses: log } ]\n",
        ]
        try await withFolder(files) { folder in
            let receiver = try NotifyReceiver(folder.url.path + "/notify")
            defer { receiver.end() }
            let server = try await Server(
                folder, environment: ["NOTIFY_SOCKET": receiver.name, "WATCHDOG_USEC": "1000000"])
            var messages = receiver.messages.makeAsyncIterator()
            #expect(await messages.next() == "STATUS=Opening the journal.")
            var message: String?
            repeat { message = await messages.next() } while message == "WATCHDOG=1"
            #expect(
                message == """
                    READY=1
                    STATUS=Serving 1 pipeline with 1 trigger. Problems: bad.yaml is not served: it has errors; the trigger \
                    watch of good: cannot watch "missing": there is no such folder; create it, and its files are processed.
                    """)
            repeat { message = await messages.next() } while message.map { $0 != "WATCHDOG=1" } ?? false
            #expect(message == "WATCHDOG=1")
            let variables = try String(contentsOf: folder.url.appendingPathComponent("variables"), encoding: .utf8)
            #expect(variables.contains("PATH="))
            #expect(!variables.contains("NOTIFY_SOCKET") && !variables.contains("WATCHDOG_USEC"), "\(variables)")

            try folder.write("bad.yaml", "name: better\nsteps: [ { uses: log } ]\n")
            server.signal(SIGHUP)
            repeat { message = await messages.next() } while message.map { !$0.hasPrefix("RELOADING=1\n") } ?? false
            #expect(message?.hasSuffix("\nSTATUS=Reloading the configuration and the pipelines.") == true)
            repeat { message = await messages.next() } while message.map { !$0.hasPrefix("READY=1\n") } ?? false
            #expect(message?.hasPrefix("READY=1\nSTATUS=Serving 2 pipelines with 1 trigger.") == true)

            server.signal(SIGTERM)
            repeat { message = await messages.next() } while message.map { !$0.hasPrefix("STOPPING=1\n") } ?? false
            #expect(message == "STOPPING=1\nEXTEND_TIMEOUT_USEC=45000000\nSTATUS=Shutting down.")
            #expect(await server.ended().status == 0)
        }
    }
    #endif

    @Test("a changed configuration is taken up without a signal, each change is named once, and errors change nothing")
    func changedConfiguration() async throws {
        let configuration = "server: { port: 0 }\nlog: { level: error }\nsecrets: { a: of-the-file }\n"
        try await withFolder(["runnel.yaml": configuration, "s.yaml": Self.stalled]) { folder in
            let server = try await Server(folder, ["--simulate"])
            try folder.write("runnel.yaml", configuration + "runs: { limit: 3 }\n")
            #expect(
                await server.error.wait(for: "has changed").hasSuffix("runnel.yaml has changed; applied `runs.limit`\n")
            )
            try folder.write("runnel.yaml", configuration + "runs: { limit: 3, grace: 5s }\njournal: { keep: 5d }\n")
            #expect(
                await server.error.wait(for: "`journal.keep`").hasSuffix(
                    "runnel.yaml has changed; applied `journal.keep`; restart Runnel to apply `runs.grace`\n"))
            try folder.write("runnel.yaml", configuration + "runs: { limit: many }\n")
            #expect(
                await server.error.wait(for: "has errors").hasSuffix(
                    "runnel.yaml has changed; the configuration has errors, so the current one is kept\n"))
            let status = try await server.call("GET", "/api/v1/status").body
            #expect(status.contains("\"configuration_problems\":[\"runnel.yaml:"), "\(status)")
            try folder.write("runnel.yaml", configuration + "runs: { limit: 4, grace: 5s }\n")
            try await server.wait(forStatus: "\"configuration_problems\":[]")
            server.signal(SIGTERM)
            #expect(await server.ended().status == 0)
        }
    }

    @Test(
        "while a runnel.yaml or .env is gone or empty, the current configuration is kept",
        arguments: ["runnel.yaml", ".env"])
    func goneConfiguration(name: String) async throws {
        let files = [
            "runnel.yaml": "server: { port: 0 }\nlog: { level: error }\njournal: { keep: 3650d }\n",
            ".env": "RUNNEL_JOURNAL_KEEP_RUNS=100000\n", "s.yaml": Self.stalled,
        ]
        try await withFolder(files) { folder in
            let server = try await Server(folder, ["--simulate"])
            try FileManager.default.removeItem(atPath: "\(folder.url.path)/\(name)")
            let words = "\(name)\" is gone; put it back, or restart Runnel to go on without it"
            let gone = await server.error.wait(for: "has errors")
            #expect(gone.contains(words + "\n"), "\(gone)")
            #expect(
                gone.hasSuffix("\(name) has changed; the configuration has errors, so the current one is kept\n"),
                "\(gone)")
            #expect(!gone.contains("applied"), "\(gone)")
            let status = try await server.call("GET", "/api/v1/status").body
            #expect(status.contains("is gone; put it back"), "\(status)")
            try folder.write(name, files[name] ?? "")
            let back = await server.error.wait(for: "is the same")
            #expect(back.hasSuffix("\(name) has changed; the configuration is the same\n"), "\(back)")
            try folder.write("runnel.yaml", "")
            let empty = await server.error.wait(for: "any more")
            #expect(
                empty.contains("runnel.yaml\" has no settings any more; put it back, or restart Runnel to"), "\(empty)")
            try folder.write("runnel.yaml", files["runnel.yaml"] ?? "")
            try await server.wait(forStatus: "\"configuration_problems\":[]")
            server.signal(SIGTERM)
            #expect(await server.ended().status == 0)
        }
    }

    @Test("SIGHUP while the pipelines folder is missing keeps the pipelines and reports no configuration problem")
    func missingPipelines() async throws {
        let files = ["runnel.yaml": "log: { level: error }\n", "pipelines/s.yaml": Self.stalled]
        try await withFolder(files) { folder in
            let server = try await Server(folder, ["--simulate"])
            let (place, aside) = ("\(folder.url.path)/pipelines", "\(folder.url.path)/aside")
            #expect(rename(place, aside) == 0)
            server.signal(SIGHUP)
            let text = await server.error.wait(for: "Reloaded")
            #expect(text.hasSuffix("Reloaded: 1 pipeline\n"), "\(text)")
            let status = try await server.call("GET", "/api/v1/status").body
            #expect(status.contains("\"configuration_problems\":[]"), "\(status)")
            #expect(rename(aside, place) == 0)
            server.signal(SIGTERM)
            #expect(await server.ended().status == 0)
        }
    }

    @Test("changed limits of deliveries are applied without a restart; turning off their storage needs one")
    func changedDeliveries() async throws {
        let configuration = "server: { port: 0 }\nlog: { level: error }\n"
        try await withFolder(["runnel.yaml": configuration, "s.yaml": Self.stalled]) { folder in
            let server = try await Server(folder, ["--simulate"])
            try folder.write("runnel.yaml", configuration + "deliveries: { keep: 3d }\n")
            #expect(
                await server.error.wait(for: "has changed").hasSuffix(
                    "runnel.yaml has changed; applied `deliveries.keep`\n"))
            try folder.write("runnel.yaml", configuration + "deliveries: { keep: 3d, bytes: 0B }\n")
            #expect(
                await server.error.wait(for: "restart").hasSuffix(
                    "runnel.yaml has changed; restart Runnel to apply `deliveries.bytes`, `deliveries.keep`\n"))
            server.signal(SIGTERM)
            #expect(await server.ended().status == 0)
        }
    }

    @Test("what is wrong with the configuration is in the log in its form, at its level, and said once")
    func diagnosticsInLog() async throws {
        let configuration = "log: { format: json }\nsecrets: { a: of-the-file }\n"
        try await withFolder(["runnel.yaml": configuration, "s.yaml": Self.stalled]) { folder in
            let server = try await Server(folder, ["--simulate"])
            try folder.write("runnel.yaml", configuration + "runs: { limt: 3 }\n")
            _ = await server.error.wait(for: "so the current one is kept")
            server.signal(SIGTERM)
            let ended = await server.ended()
            var lines: [String] = []
            for line in ended.error.split(separator: "\n") {
                let entry = try Value.json(Array(line.utf8))
                lines.append("\(entry["level"]?.asString ?? "") \(entry["message"]?.asString ?? "")")
            }
            let warning = "warning runnel.yaml:2:15: `secrets.a` is a literal in the file "
            #expect(lines.count { $0.hasPrefix(warning) } == 1, "\(lines)")
            let error = "error runnel.yaml:3:9: `runs`: runnel.yaml has no key \"limt\" [unknown-key]; "
            #expect(lines.contains(error + "did you mean \"limit\"?"), "\(lines)")
        }
    }

    @Test("after a reload, the file that a secret is taken from now is out of reach, and the one from before still is")
    func renamedSecret() async throws {
        let configuration = "server: { port: 0 }\nsecrets: { key: { file: one.txt } }\n"
        let files = [
            "runnel.yaml": configuration, "one.txt": "first-value\n", "two.txt": "second-value\n",
            "r.yaml": """
            name: r
            on: { webhook: { path: r, verify: { scheme: none }, respond: result } }
            steps: [ { uses: file.read, with: { path: "{{ trigger.body.name }}" } } ]
            """,
        ]
        try await withFolder(files) { folder in
            let server = try await Server(folder, ["--simulate"])
            func status(_ name: String) async throws -> Int {
                try await server.call("POST", "/hooks/r", body: #"{"name":"\#(name)"}"#).status
            }
            #expect(try await status("one.txt") == 500)
            #expect(try await status("two.txt") == 200)
            try folder.write("runnel.yaml", configuration.replacing("one.txt", with: "two.txt"))
            server.signal(SIGHUP)
            _ = await server.error.wait(for: "is in use")
            #expect(try await status("one.txt") == 500)
            #expect(try await status("two.txt") == 500)
            server.signal(SIGTERM)
            #expect(await server.ended().status == 0)
        }
    }

    @Test("a secret whose file is replaced is used without a restart, and keeps its value while it cannot be read")
    func replacedSecret() async throws {
        let files = [
            "runnel.yaml": "server: { port: 0 }\nlog: { level: error }\nsecrets: { key: { file: keys/now/key } }\n",
            "keys/one/key": "first-value\n", "keys/two/key": "second-value\n",
            "p.yaml": """
            name: p
            on: { webhook: { path: p, verify: { scheme: bearer, secret: "{{ secrets.key }}" } } }
            steps:
              - uses: log
                with: { level: error, message: "first-value {{ secrets.key }} {{ secrets.key | length }}" }
            """,
        ]
        try await withFolder(files) { folder in
            /// As Kubernetes replaces mounted secrets.
            func link(_ target: String) throws {
                let (new, now) = ("\(folder.url.path)/keys/new", "\(folder.url.path)/keys/now")
                try FileManager.default.createSymbolicLink(atPath: new, withDestinationPath: target)
                #expect(rename(new, now) == 0)
            }
            try link("one")
            let server = try await Server(folder, ["--simulate"])
            #expect(try await server.call("POST", "/hooks/p", body: "{}", token: "first-value").status == 202)
            #expect(await server.error.wait(for: "*** *** ").contains("*** *** 11"))
            try link("two")
            let used = await server.error.wait(for: "is in use")
            #expect(
                used.contains("keys/now/key has changed; secret \"key\" has changed and is in use\n"), "\(used)")
            while try await server.call("POST", "/hooks/p", body: "{}", token: "second-value").status != 202 {}
            #expect(try await server.call("POST", "/hooks/p", body: "{}", token: "first-value").status == 401)
            #expect(await server.error.wait(for: "*** *** 12").contains("*** *** 12"))
            try link("three")
            let kept = await server.error.wait(for: "keeps its value")
            #expect(
                kept.contains(
                    "keys/now/key has changed; secret \"key\" keeps its value: cannot read the file \"keys/now/key\" ("),
                "\(kept)")
            #expect(try await server.call("POST", "/hooks/p", body: "{}", token: "second-value").status == 202)
            let status = try await server.call("GET", "/api/v1/status").body
            #expect(status.contains("\"configuration_problems\":[\"secret \\\"key\\\" keeps its value: "), "\(status)")
            server.signal(SIGTERM)
            let ended = await server.ended()
            #expect(ended.status == 0)
            #expect(!ended.error.contains("-value"), "\(ended.error)")
        }
    }

    @Test("a new Marketplace token is used without a restart; without a value, the former one is kept, with a problem")
    func replacedCredentials() async throws {
        let files = [
            "runnel.yaml": """
            server: { port: 0 }
            log: { level: error }
            marketplace: { base_url: "http://127.0.0.1:9", auth: bearer, token: { file: star } }

            """,
            "star": "first-token-0123456789", "s.yaml": Self.stalled,
        ]
        try await withFolder(files) { folder in
            let server = try await Server(folder, [])
            try FileManager.default.removeItem(atPath: "\(folder.url.path)/star")
            let kept = await server.error.wait(for: "keeps its credentials")
            #expect(
                kept.contains(
                    "star has changed; the plugin \"chat\" keeps its credentials: `marketplace.token` has no value: "
                        + "cannot read the file \"star\" ("), "\(kept)")
            let status = try await server.call("GET", "/api/v1/status").body
            #expect(status.contains("the plugin \\\"chat\\\" keeps its credentials"), "\(status)")
            try folder.write("star", "second-token-0123456789")
            let used = await server.error.wait(for: "applied")
            #expect(used.contains("star has changed; applied `marketplace.token`\n"), "\(used)")
            #expect(
                try await server.call("GET", "/api/v1/status").body.contains("\"configuration_problems\":[]"))
            server.signal(SIGTERM)
            #expect(await server.ended().status == 0)
        }
    }

    @Test("a new header field of metrics is used without a restart; without a value, the former one is kept")
    func replacedHeaders() async throws {
        let files = [
            "runnel.yaml": """
            server: { port: 0 }
            log: { level: error }
            metrics: { endpoint: "http://127.0.0.1:9", headers: { authorization: { file: key } } }

            """,
            "key": "first-key-0123456789", "s.yaml": Self.stalled,
        ]
        try await withFolder(files) { folder in
            let server = try await Server(folder, ["--simulate"])
            try folder.write("key", "second-key-0123456789")
            let used = await server.error.wait(for: "has changed")
            #expect(used.hasSuffix("key has changed; applied `metrics.headers.authorization`\n"), "\(used)")
            try FileManager.default.removeItem(at: folder.url.appendingPathComponent("key"))
            let kept = await server.error.wait(for: "its former value")
            let words = "key has changed; `metrics.headers.authorization` has no value: cannot read the file \"key\" ("
            #expect(kept.contains(words), "\(kept)")
            #expect(kept.hasSuffix("; its former value is used\n"), "\(kept)")
            #expect(try await server.call("GET", "/api/v1/status").body.contains("\"pending_restart\":[]"))
            server.signal(SIGTERM)
            let ended = await server.ended()
            #expect(ended.status == 0)
            #expect(!ended.error.contains("-key-"), "\(ended.error)")
        }
    }

    @Test("if the end point of metrics changes too, new header fields wait for the restart")
    func headersOfAnotherEndpoint() async throws {
        func configuration(_ port: Int, _ key: String) -> String {
            """
            server: { port: 0 }
            log: { level: error }
            metrics: { endpoint: "http://127.0.0.1:\(port)", headers: { authorization: "\(key)" } }

            """
        }
        let files = ["runnel.yaml": configuration(9, "first-key-0123456789"), "s.yaml": Self.stalled]
        try await withFolder(files) { folder in
            let server = try await Server(folder, ["--simulate"])
            try folder.write("runnel.yaml", configuration(10, "second-key-0123456789"))
            let said = await server.error.wait(for: "has changed")
            #expect(
                said.hasSuffix(
                    "runnel.yaml has changed; restart Runnel to apply `metrics.endpoint`, "
                        + "`metrics.headers.authorization`\n"), "\(said)")
            server.signal(SIGTERM)
            #expect(await server.ended().status == 0)
        }
    }

    @Test("a new API token is used without a restart; if it has no value any more, the former one stays valid")
    func replacedTokens() async throws {
        let configuration = "log: { level: error }\nserver: { port: 0"
        let files = [
            "runnel.yaml": configuration + ", tokens: { ci: { token: { file: ci } } } }\n",
            "ci": "first-token-0123456789", "s.yaml": Self.stalled,
        ]
        try await withFolder(files) { folder in
            let server = try await Server(folder, ["--simulate"])
            func status(_ token: String) async throws -> Int {
                try await server.call("GET", "/api/v1/status", token: token).status
            }
            #expect(try await status("first-token-0123456789") == 200)
            try folder.write("ci", "second-token-0123456789")
            #expect(
                await server.error.wait(for: "has changed").hasSuffix("ci has changed; applied `server.tokens.ci`\n"))
            #expect(try await status("first-token-0123456789") == 401)
            #expect(try await status("second-token-0123456789") == 200)
            try FileManager.default.removeItem(at: folder.url.appendingPathComponent("ci"))
            let kept = await server.error.wait(for: "stays valid")
            let words = "ci has changed; `server.tokens.ci.token` has no value: cannot read the file \"ci\" ("
            #expect(kept.contains(words), "\(kept)")
            #expect(kept.hasSuffix("; its former value stays valid\n"), "\(kept)")
            #expect(try await status("second-token-0123456789") == 200)
            let problem = try await server.call("GET", "/api/v1/status").body
            #expect(problem.contains("\"configuration_problems\":[\"`server.tokens.ci.token` has no value: "))
            try folder.write("runnel.yaml", configuration + " }\n")
            _ = await server.error.wait(for: "runnel.yaml has changed; applied `server.tokens.ci.token`")
            #expect(try await status("second-token-0123456789") == 401)
            server.signal(SIGTERM)
            let ended = await server.ended()
            #expect(ended.status == 0)
            #expect(!ended.error.contains("-token-"), "\(ended.error)")
        }
    }

    @Test("a changed .env is taken up where it can be, and the log and the status name what waits for a restart")
    func changedEnvironmentFile() async throws {
        func variables(_ key: String, _ place: String, _ grace: String) -> String {
            "SHOP_KEY=\(key)\nSHOP_PLACE=\(place)\nRUNNEL_RUNS_GRACE=\(grace)\n"
        }
        let files = [
            "runnel.yaml": "server: { port: 0 }\nlog: { level: error }\nenv: [SHOP_PLACE]\n"
                + "secrets: { key: { env: SHOP_KEY } }\n",
            ".env": variables("first-value", "here", "5s"), "s.yaml": Self.stalled,
        ]
        try await withFolder(files) { folder in
            let server = try await Server(folder, ["--simulate"])
            try folder.write(".env", variables("second-value", "there", "6s"))
            let text = await server.error.wait(for: "has changed; ")
            #expect(
                text.contains(
                    ".env has changed; applied `env.SHOP_PLACE`; secret \"key\" has changed and is in use; "
                        + "restart Runnel to apply `runs.grace`\n"), "\(text)")
            try await server.wait(forStatus: "\"pending_restart\":[\"runs.grace\"]")
            server.signal(SIGTERM)
            #expect(await server.ended().status == 0)
        }
    }

    @Test("a port that is in use is said, with status 2, and that the project's own server runs already")
    func portInUse() async throws {
        try await withFolder(["s.yaml": Self.stalled]) { folder in
            let first = try await Server(folder, ["--simulate"])
            let error = await #expect(throws: Server.NotListening.self) {
                try await Server(folder, ["--simulate", "--port", "\(first.port)"])
            }
            #expect(error?.status == 2)
            let words = """
                error: the port \(first.port) of 127.0.0.1 is in use
                  = `runnel serve` of this project already runs: process \(first.identifier), since 2
                """
            #expect(error?.error.hasPrefix(words) ?? false, "\(error?.error ?? "")")
            first.signal(SIGTERM)
            #expect(await first.ended().status == 0)
        }
    }

    @Test("1,800 idle connections do not keep callers out where the process may open 1,024 files")
    func idleConnections() async throws {
        try await withFolder(["s.yaml": Self.stalled]) { folder in
            raiseFileLimit()
            let server = try await Server(folder, ["--simulate"], openFiles: 1024)
            var idle: [any Channel] = []
            for _ in 0..<1800 {
                idle.append(
                    try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                        .connect(host: "127.0.0.1", port: server.port).get())
            }
            for _ in 0..<20 { #expect(try await server.call("GET", "/health/live").status == 200) }
            for channel in idle { channel.close(promise: nil) }
            server.signal(SIGTERM)
            #expect(await server.ended().status == 0)
        }
    }
}

extension String {
    /// What is said beside the lines of the log.
    fileprivate var withoutLog: String {
        split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.contains("Z info ") }
            .joined(separator: "\n")
    }
}
