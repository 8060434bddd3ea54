import Foundation
import Testing

@Suite("What a pipeline may touch, typed") struct TouchingTests {
    private static let pipeline = """
        name: p
        inputs: { name: { type: string } }
        steps:
          - uses: file.write
            with: { path: "out/{{ inputs.name }}", content: "steps: []" }
        """

    @Test(
        "a caller's name for a file does not get it among the pipelines, plugins or the journal",
        arguments: [
            "../pipelines/evil.yaml", "../runnel.yaml", "../plugins/x/plugin.yaml", "../.git/hooks/post-checkout",
            "../.runnel/journal.db", "x/../../evil", "evil.test.yaml",
        ])
    func caller(name: String) async throws {
        try await withProject(["runnel.yaml": "", "pipelines/p.yaml": Self.pipeline, "plugins/keep": ""]) { runnel in
            let ended = try await runnel.run(["run", "pipelines/p", "--no-journal", "--input", "name=\(name)"])
            #expect(ended.status == 1)
            #expect(
                ended.error.contains("[path-outside]") || ended.error.contains("[path-protected]"), "\(ended.error)")
            let found = try FileManager.default.subpathsOfDirectory(atPath: runnel.directory).sorted()
            #expect(found == ["pipelines", "pipelines/p.yaml", "plugins", "plugins/keep", "runnel.yaml"])
        }
    }

    @Test("validate says so where the path is written out, with its place")
    func validate() async throws {
        let pipeline = """
            steps:
              - uses: file.write
                with:
                  path: "plugins/{{ input }}"
                  content: x
              - uses: file.read
                with: { path: ../secret.txt }
            on:
              watch: { path: inbox, after: move, move_to: .git/hooks }
            """
        try await withProject(["runnel.yaml": "", "p.yaml": pipeline]) { runnel in
            let ended = try await runnel.run(["validate", "p.yaml"])
            #expect(ended.status == 2)
            for line in [
                """
                p.yaml:4:13: error: pipelines do not touch "plugins/…": "plugins" holds programs that Runnel starts [path-protected]
                    4 |       path: "plugins/{{ input }}"
                      |             ^~~~~~~~~~~~~~~~~~~~~
                      = name another place, or allow this one in runnel.yaml: `files: { allow: ["plugins"] }`
                """,
                "p.yaml:7:19: error: \"../secret.txt\" leads out of \"\(runnel.directory)\" [path-outside]",
                "p.yaml:9:47: error: pipelines do not touch \".git/hooks\": \".git\" belongs to Git, which runs programs in it [path-protected]",
            ] { #expect(ended.error.contains(line), "\(line)\n\(ended.error)") }
        }
    }

    @Test("the setting allows it by name, and what is wrong with the setting is said")
    func setting() async throws {
        let pipeline = Self.pipeline.replacingOccurrences(of: "out/", with: "plugins/x/data/")
        let files = [
            "runnel.yaml": "files: { allow: [plugins/x/data] }\n", "p.yaml": pipeline, "plugins/x/main.py": "mine",
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["run", "p", "--input", "name=a.txt"])
            #expect(ended.status == 0, "\(ended.error)")
            #expect(FileManager.default.fileExists(atPath: runnel.directory + "/plugins/x/data/a.txt"))
            #expect(try await runnel.run(["run", "p", "--input", "name=../main.py"]).status == 1)
            for wrong in ["/etc", "..", "a/../..", "."] {
                try Data("files: { allow: [\"\(wrong)\"] }\n".utf8).write(
                    to: URL(fileURLWithPath: runnel.directory + "/runnel.yaml"))
                let ended = try await runnel.run(["validate", "p.yaml"])
                #expect(
                    ended.error.contains("expected a file or folder below the project's, found \"\(wrong)\""),
                    "\(ended.error)")
            }
        }
    }

    @Test(
        "what the configuration names is neither read nor written: secrets, keys, programs and other files of settings",
        arguments: [
            ("keys/hook", "is named by `secrets.hook`"), ("keys/prod", "is named by `secrets.hook`"),
            ("real/token", "is named by `server.tokens.ci.token`"), ("tls/key.pem", "is named by `server.tls.key`"),
            ("tls/cert.pem", "is named by `server.tls.certificate`"), ("tls/ca.pem", "is named by `http.tls.ca`"),
            ("bin/fetch", "is named by `secrets.fetched`"), ("bin/fetch.conf", "is named by `secrets.fetched`"),
            ("keys/shop", "is named by `plugins.shop.key`"), ("tls/shop.pem", "is named by `plugins.shop.ca`"),
            ("lib/shop.sh", "is a program of the plugin \"shop\""), ("env/prod.env", "holds settings and secrets"),
            ("settings.yaml", "is the configuration of a project"),
        ])
    func configured(path: String, reason: String) async throws {
        func pipeline(_ step: String, _ more: String = "") -> String {
            """
            inputs: { name: { type: string } }
            steps: [ { uses: \(step), with: { path: "{{ inputs.name }}"\(more) } } ]
            """
        }
        var files = [
            "settings.yaml": """
            secrets:
              hook: { file: keys/hook }
              fetched: { command: [bin/fetch, bin/fetch.conf] }
            server:
              tokens: { ci: { token: { file: links/token } } }
              tls: { certificate: tls/cert.pem, key: ./tls/../tls/key.pem }
            plugins: { shop: { key: { file: keys/shop }, ca: tls/shop.pem } }
            profiles: { prod: { secrets: { hook: { file: keys/prod } } } }
            vars: { out: { file: out.txt } }
            """,
            "read.yaml": pipeline("file.read"), "write.yaml": pipeline("file.write", ", content: changed"),
            "plugins/shop/plugin.yaml": """
            name: shop
            protocol: exec
            command: [sh, ../../lib/shop.sh]
            settings: { type: object, properties: { key: { type: string }, ca: { type: string, format: settings-file } } }
            steps: { ask: { summary: Asks. } }
            """,
        ]
        for name in [
            "keys/hook", "keys/prod", "keys/shop", "real/token", "tls/key.pem", "tls/cert.pem", "tls/ca.pem",
            "tls/shop.pem", "bin/fetch.conf", "lib/shop.sh",
        ] { files[name] = "hunter2xyz" }
        files["bin/fetch"] = "#!/bin/sh\necho hunter3xyz\n"
        files["env/prod.env"] = "A=b\n"
        let environment = [
            "RUNNEL_CONFIG": "settings.yaml", "RUNNEL_ENV_FILE": "env/prod.env", "RUNNEL_HTTP_TLS_CA": "tls/ca.pem",
        ]
        try await withProject(files, environment: environment) { runnel in
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o755], ofItemAtPath: runnel.directory + "/bin/fetch")
            try FileManager.default.createSymbolicLink(
                atPath: runnel.directory + "/links", withDestinationPath: "real")
            for step in ["read", "write"] {
                let ended = try await runnel.run(["run", step, "--no-journal", "--input", "name=\(path)"])
                #expect(ended.status == 1)
                let message = "pipelines do not touch \"\(path)\": \"\(path)\" \(reason)"
                #expect(ended.error.contains(message), "\(ended.error)")
            }
            let content = FileManager.default.contents(atPath: "\(runnel.directory)/\(path)")
            #expect(content == files[path].map { Data($0.utf8) })
            let free = try await runnel.run(["run", "write", "--no-journal", "--input", "name=out.txt"])
            #expect(free.status == 0, "\(free.error)")
        }
    }

    @Test("what was served is code, also for a run that is started by hand later")
    func served() async throws {
        let files = [
            "runnel.yaml": "server: { host: 0.0.0.0, port: 0, token: { env: TOKEN } }\n", "p.yaml": Self.pipeline,
            "hook.yaml": "on: { webhook: { path: h, verify: { scheme: none } } }\nsteps: [ { uses: log } ]\n",
        ]
        try await withProject(files, environment: ["TOKEN": "a-token-for-tests"]) { runnel in
            func write(_ name: String) async throws -> RunnelProcess.Ended {
                try await runnel.run(["run", "p", "--input", "name=\(name)"])
            }
            #expect(try await write("before.yaml").status == 0)
            _ = try await runnel.interrupt(["serve", "."], after: "can be called by anybody")
            let ended = try await write("after.yaml")
            #expect(ended.status == 1)
            #expect(
                ended.error.contains(
                    "pipelines do not touch \"out/after.yaml\": \"out/after.yaml\" is a pipeline: Runnel serves the folder \".\" [path-protected]"
                ), "\(ended.error)")
            #expect(try await write("after.json").status == 0)
        }
    }

    @Test("`test` leaves out the folders that triggers name, unless it is told to look there")
    func arrivals() async throws {
        let tests = "pipeline: ../../pipelines/p.yaml\ntests: [ { name: sent } ]\n"
        let files = [
            "runnel.yaml": "vars: { inbox: inbox }\n",
            "pipelines/p.yaml": """
            on:
              watch: { path: "{{ vars.inbox }}", recursive: true, after: move }
              letters: { attachments: mail/new }
            steps: [ { uses: template, with: { text: hi } } ]
            """,
            "pipelines/p.test.yaml": "tests: [ { name: own, expect: { output: hi } } ]\n",
            "plugins/letters/plugin.yaml": """
            name: letters
            protocol: exec
            command: [cat]
            triggers:
              letters:
                summary: Waits for letters.
                input: { type: object, properties: { attachments: { type: string, format: project-path } } }
            """,
            "inbox/sub/a.test.yaml": tests, "inbox/sub/b.test.yaml": tests, "done/sub/c.test.yaml": tests,
            "mail/new/1/d.test.yaml": tests,
            "mail/old/e.test.yaml": tests.replacingOccurrences(of: "sent", with: "old"),
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["test"])
            #expect(
                ended.error == """
                    warning: 1 test file in "done" is left out: a trigger names the folder for files that arrive
                      = if you trust them: `runnel test done`
                    warning: 2 test files in "inbox" are left out: a trigger names the folder for files that arrive
                      = if you trust them: `runnel test inbox`
                    warning: 1 test file in "mail/new" is left out: a trigger names the folder for files that arrive
                      = if you trust them: `runnel test mail/new`

                    """)
            #expect(["own", "old"].allSatisfy(ended.output.contains), "\(ended.output)")
            #expect(!ended.output.contains("sent"), "\(ended.output)")
            let told = try await runnel.run(["test", "inbox"])
            #expect(told.error == "")
            #expect(told.output.contains("sent"), "\(told.output)")
        }
    }

    @Test("the longest Retry-After that the Marketplace client waits for is a setting")
    func retryAfter() async throws {
        let pipeline = "steps: [ { uses: chat, with: { prompt: hello } } ]\n"
        try await withProject(["p.yaml": pipeline, "runnel.yaml": ""]) { runnel in
            var runnel = runnel
            runnel.environment["RUNNEL_MARKETPLACE_LIMITS_RETRY_AFTER"] = "500ms"
            let arguments = ["run", "p", "--no-journal", "--simulate", "--fault", "rate-limited"]
            let ended = try await runnel.run(arguments)
            #expect(ended.status == 1)
            #expect(ended.error.contains("the server asks to wait 1"), "\(ended.error)")
            #expect(ended.error.contains("the client waits by itself: try again after that time"), "\(ended.error)")
            runnel.environment["RUNNEL_MARKETPLACE_LIMITS_RETRY_AFTER"] = "2s"
            #expect(try await runnel.run(arguments).status == 0)
        }
    }
}
