import Foundation
import RunnelKit
import Testing

@Suite("Secrets") struct SecretTests {
    private static let logsKey = "steps: [ { uses: log, with: { message: \"{{ secrets.key }}\" } } ]"

    @Test("a secret that stands in a pipeline is a warning whose line shows asterisks")
    func literal() async throws {
        let pipeline = """
            on:
              webhook: { path: a, verify: { scheme: github, secret: hunter2xyz } }
            steps:
              - { uses: http.fetch, with: { url: "http://a.example", auth: { bearer: hunter2xyz } } }
            """
        try await withProject(["p.yaml": pipeline]) { runnel in
            let ended = try await runnel.run(["validate"])
            #expect(ended.status == 0)
            for lines in [
                """
                p.yaml:2:57: warning: `verify.secret` is a literal in the file [literal-secret]
                    2 |   webhook: { path: a, verify: { scheme: github, secret: ********** } }
                      |                                                         ^~~~~~~~~~
                      = use `{{ secrets.NAME }}`, so that the file can be shared

                """,
                "p.yaml:4:74: warning: `auth.bearer` is a literal in the file [literal-secret]\n",
            ] { #expect(ended.error.contains(lines), "\(ended.error)") }
            #expect(!ended.error.contains("hunter2"))
        }
    }

    @Test("the keys that every trigger has are shown as they are in an entry that can hold secrets")
    func sharedKeys() async throws {
        let pipeline = """
            on:
              webhook: { verify: { scheme: none }, id: a, if: "trigger.body.x ==", debonce: { for: 1s } }
            steps:
              - uses: log
            """
        try await withProject(["p.yaml": pipeline]) { runnel in
            let error = try await runnel.run(["validate"]).error
            #expect(error.contains("webhook has no key \"debonce\" [unknown-key]"), "\(error)")
            #expect(error.contains("= did you mean \"debounce\"?"), "\(error)")
            #expect(error.contains("found the end of the expression [bad-expression]"), "\(error)")
            #expect(error.contains(#"id: a, if: "trigger.body.x ==", debonce: { for: 1s } }"#), "\(error)")
        }
    }

    @Test(
        "an error in a pipeline shows no text behind a key such as `headers` or `password`, also where it is no YAML",
        arguments: [
            (
                "auth: hunter2xyz",
                """
                p.yaml:5:13: error: `auth`: expected a mapping, found "***" [wrong-value]
                    5 |       auth: **********
                      |             ^~~~~~~~~~
                      = write `auth: { bearer: "***" }`

                """
            ),
            (
                "auth: { bearer: [hunter2xyz] }",
                """
                p.yaml:5:23: error: `auth.bearer`: expected a string, found a list [wrong-value]
                    5 |       auth: { bearer: [**********] }
                      |                       ^~~~~~~~~~~~

                """
            ),
            (
                "atuh: { x: hunter2xyz }",
                """
                p.yaml:5:7: error: http.fetch has no key "atuh" [unknown-key]
                    5 |       atuh: { x: ********** }
                      |       ^~~~
                      = did you mean "auth"?

                """
            ),
            (
                "headers: { authorization: hunter2xyz, accept: [a] }",
                """
                p.yaml:5:53: error: `headers.accept`: expected a string, found a list [wrong-value]
                    5 |       headers: { authorization: **********, accept: [*] }
                      |                                                     ^~~

                """
            ),
            (
                "headers:\n        accept: text/html\n       cookie: hunter2xyz",
                """
                p.yaml:7:8: error: expected a key, found "cookie: ***" (libyaml: while parsing a block mapping: did not \
                find expected key) [bad-indentation]
                    7 |        cookie: **********
                      |        ^~~~~~~~~~~~~~~~~~
                      = line 4, column 7: the mapping begins here; all keys of a mapping must begin in the same column

                """
            ),
            (
                "headers:\n        x-key: @hunter2xyz",
                """
                p.yaml:6:16: error: "***" begins with a character that no value may begin with (libyaml: while scanning \
                for the next token: found character that cannot start any token) [unexpected-character]
                    6 |         x-key: ***********
                      |                ^
                      = put the text in quotes

                """
            ),
            (
                "auth: { bearer: *hunter2xyz }",
                """
                p.yaml:5:23: error: the alias "***" refers to an anchor that does not exist [unknown-alias]
                    5 |       auth: * ******* *********** *
                      |                       ^~~~~~~~~~~
                      = if "*" is part of the text, put the text in quotes: "***"

                """
            ),
        ])
    func concealed(setting: String, lines: String) async throws {
        let pipeline = """
            steps:
              - uses: http.fetch
                with:
                  url: https://a.example
                  \(setting)

            """
        try await withProject(["p.yaml": pipeline]) { runnel in
            let ended = try await runnel.run(["validate", "p.yaml"])
            #expect(ended.status == 2)
            #expect(ended.error.hasPrefix(lines), "\(ended.error)")
        }
    }

    @Test("an error in a pipeline does not show the password of a URL")
    func url() async throws {
        let pipeline = """
            steps:
              - { uses: http.fetch, with: { url: "http://me:hunter2xyz@a.example:99999/" } }
              - { uses: http.fetch, with: "http://me:hunter2xyz@a.example/" }

            """
        try await withProject(["p.yaml": pipeline]) { runnel in
            let ended = try await runnel.run(["validate", "p.yaml"])
            for lines in [
                """
                p.yaml:2:38: error: `url`: "http://***@a.example:99999/" has a port that is not a number from 1 to 65535 \
                [wrong-value]
                    2 |   - { uses: http.fetch, with: { url: "http://*************@a.example:99999/" } }
                      |                                      ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

                """,
                """
                p.yaml:3:31: error: `with`: expected a mapping, found "http://***@a.example/" [wrong-type]
                    3 |   - { uses: http.fetch, with: "http://*************@a.example/" }
                      |                               ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

                """,
            ] { #expect(ended.error.contains(lines), "\(ended.error)") }
        }
    }

    @Test(
        "an error in `verify` of a hook shows nothing that may be its secret",
        arguments: [
            (
                "hunter2xyz",
                """
                p.yaml:2:31: error: `verify`: expected a mapping, found "***" [wrong-value]
                    2 |   webhook: { path: a, verify: ********** }
                      |                               ^~~~~~~~~~
                      = write `verify: { secret: "***" }`

                """
            ),
            (
                "{ scheme: github, key: hunter2xyz }",
                """
                p.yaml:2:49: error: `verify`: webhook has no key "key" [unknown-key]
                    2 |   webhook: { path: a, verify: { scheme: github, key: ********** } }
                      |                                                 ^~~
                      = it needs "secret"; did you mean that?

                """
            ),
        ])
    func verify(setting: String, lines: String) async throws {
        let pipeline = """
            on:
              webhook: { path: a, verify: \(setting) }
            steps: [ { uses: log, with: { message: hi } } ]

            """
        try await withProject(["p.yaml": pipeline]) { runnel in
            let ended = try await runnel.run(["validate", "p.yaml"])
            #expect(ended.status == 2)
            #expect(ended.error.hasPrefix(lines), "\(ended.error)")
        }
    }

    @Test("the password in the URL of a proxy is shown neither by `config` nor by an error, and is masked in the log")
    func proxy() async throws {
        let files = [
            "runnel.yaml": "http: { proxy: \"http://me:hunter2xyz@proxy.example:3128\" }\n",
            "p.yaml": "steps: [ { uses: log, with: { message: it was hunter2xyz } } ]\n",
        ]
        try await withProject(files) { runnel in
            let shown = try await runnel.run(["config", "http.proxy"])
            #expect(shown.output == "http.proxy  http://***@proxy.example:3128  # runnel.yaml:1\n")
            let ended = try await runnel.run(["run", "p"])
            #expect(ended.status == 0)
            #expect((ended.output + ended.error).contains("it was ***"), "\(ended)")
        }
        let broken = "http: { proxy: \"http://me:hunter2/xyz@proxy.example:3128\" }\n"
        try await withProject(["runnel.yaml": broken]) { runnel in
            let ended = try await runnel.run(["config"])
            #expect(
                ended.error == """
                    runnel.yaml:1:16: error: `http.proxy`: the proxy "http://***@proxy.example:3128" is not a URL \
                    [wrong-value]
                        1 | http: { proxy: "http://**************@proxy.example:3128" }
                          |                ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
                          = write it such as "http://proxy.example:3128"

                    """)
        }
    }

    @Test(
        "an error in plugin.yaml shows no secret that stands in it",
        arguments: [
            (
                "headers: { authorization: hunter2xyz, b: [c] }",
                """
                plugins/x/plugin.yaml:5:42: error: `headers.b`: expected a text, { env: NAME } or { secret: name }, \
                found a list [wrong-value]
                    5 | headers: { authorization: **********, b: [*] }
                      |                                          ^~~

                """
            ),
            (
                "env: { WORDS: hunter2xyz, b: [c] }",
                """
                plugins/x/plugin.yaml:5:30: error: `env.b`: expected a text, { env: NAME } or { secret: name }, \
                found a list [wrong-value]
                    5 | env: { WORDS: **********, b: [*] }
                      |                              ^~~

                """
            ),
            (
                "env: hunter2xyz",
                """
                plugins/x/plugin.yaml:5:6: error: `env`: expected a list of names, or names with values, found "***" \
                [wrong-value]
                    5 | env: **********
                      |      ^~~~~~~~~~

                """
            ),
        ])
    func manifest(setting: String, lines: String) async throws {
        let manifest = """
            name: x
            protocol: mcp
            transport: http
            url: http://a.example
            \(setting)
            """
        try await withProject(["runnel.yaml": "", "plugins/x/plugin.yaml": manifest]) { runnel in
            let ended = try await runnel.run(["plugins"])
            #expect(ended.error == lines)
            #expect(!ended.output.contains("hunter2xyz"), "\(ended.output)")
        }
    }

    @Test("a secret never appears, whole, encoded or inside a longer text")
    func masked() async throws {
        let files = [
            "runnel.yaml": "secrets: { key: { env: THE_KEY }, other: { file: other.txt } }",
            "other.txt": "s3cr3t/from+file\n",
            "p.yaml": """
            steps:
              - uses: log
                with: { message: "a{{ secrets.key }}b {{ secrets.key | urlencode }} {{ secrets.key | base64 }}", level: error }
              - uses: log
                with: { message: "{{ ('x:' ~ secrets.other) | base64 }} {{ secrets.other | tojson }}" }
              - uses: template
                with: { text: "{{ secrets.key }} and {{ secrets.other }}" }
            """,
        ]
        try await withProject(files, environment: ["THE_KEY": "k&y w/th \"quotes\""]) { runnel in
            for arguments in [["run", "p"], ["run", "p", "--json"]] {
                let ended = try await runnel.run(arguments)
                let shown = ended.output + ended.error
                #expect(ended.status == 0)
                for form in ["k&y", "k%26y", "ayZ5IHcv", "s3cr3t", "czNjcjN0", "OnMzY3IzdC"] {
                    #expect(!shown.contains(form), "\(form) in \(shown)")
                }
                #expect(shown.contains("*** and ***"))
            }
        }
    }

    @Test("a missing file of a secret is named with its path, the setting, its line, and what the system said")
    func missingFile() async throws {
        let files = [
            "runnel.yaml": "secrets:\n  key: { file: keys/key }\n",
            "p.yaml": Self.logsKey,
        ]
        try await withProject(files) { runnel in
            let words = "cannot read the file \"keys/key\" ("
            let rest =
                "/keys/key, `secrets.key` in runnel.yaml:2): No such file or directory; create it, or change the path"
            for arguments in [["run", "p"], ["doctor", "--offline"]] {
                let ended = try await runnel.run(arguments)
                let shown = ended.output + ended.error
                #expect(shown.contains("the secret \"key\" has no value: \(words)"), "\(shown)")
                #expect(shown.contains(rest), "\(shown)")
            }
        }
    }

    @Test("a secret that is not UTF-8 is an error, and is not used with replaced bytes")
    func invalidBytes() async throws {
        let files = [
            "runnel.yaml": "secrets: { key: { command: [sh, secret.sh] } }",
            "secret.sh": "printf 'sch\\374tzen'\n",
            "p.yaml": Self.logsKey,
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["run", "p"])
            #expect(ended.status == 2)
            #expect(
                ended.error.contains(
                    "error: the secret \"key\" has no value: the output of the command \"sh\" is not UTF-8 text: byte 3 is "
                        + "invalid [secret-unavailable]"), "\(ended.error)")
        }
    }

    @Test("a secret without a value is an error where a pipeline uses it, before anything runs")
    func unavailable() async throws {
        let files = [
            "runnel.yaml": "secrets: { key: { env: RUNNEL_TEST_UNSET_KEY } }",
            "p.yaml": Self.logsKey,
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["run", "p"])
            #expect(ended.status == 2)
            #expect(
                ended.error.contains(
                    "error: the secret \"key\" has no value: the environment variable RUNNEL_TEST_UNSET_KEY is not set"
                        + " [secret-unavailable]"))
            // Whether it is there matters where the pipeline runs.
            let validated = try await runnel.run(["validate", "p.yaml"])
            #expect(validated.status == 0)
        }
    }

    @Test("a run is not retried with its old pipeline where a secret that it needs has no value")
    func unavailableForRetry() async throws {
        let files = ["runnel.yaml": "secrets: { key: { file: key } }", "key": "s3cr3t-value", "p.yaml": Self.logsKey]
        try await withProject(files) { runnel in
            #expect(try await runnel.run(["run", "p"]).status == 0)
            try FileManager.default.removeItem(atPath: runnel.directory + "/key")
            let retried = try await runnel.run(["runs", "retry", "last", "--unchanged"])
            #expect(retried.status == 2)
            #expect(
                retried.error.contains(
                    "cannot be retried: the secret \"key\" has no value: cannot read the file \"key\""),
                "\(retried.error)")
        }
    }

    @Test("a retry does not take over an output with a secret that was renamed")
    func renamed() async throws {
        func pipeline(_ secret: String) -> String {
            """
            steps:
              - { id: a, uses: template, with: { text: "Bearer {{ secrets.\(secret) }}" } }
              - { id: b, uses: file.read, with: { path: missing.txt } }
              - { id: c, uses: file.write, with: { path: out.txt, content: "{{ steps.a }}" } }

            """
        }
        let files = [
            "runnel.yaml": "secrets: { one: { file: key } }", "key": "s3cr3t-value", "p.yaml": pipeline("one"),
        ]
        try await withProject(files) { runnel in
            #expect(try await runnel.run(["run", "p"]).status == 1)
            for (file, text) in [
                ("runnel.yaml", "secrets: { two: { file: key } }"), ("p.yaml", pipeline("two")),
                ("missing.txt", "here"),
            ] {
                try Data(text.utf8).write(to: URL(fileURLWithPath: "\(runnel.directory)/\(file)"))
            }
            let retried = try await runnel.run(["runs", "retry", "last", "--from", "b"])
            #expect(retried.status == 2)
            let words =
                "cannot be retried: the output of the step \"a\" holds the secret \"one\", which has no value any more\n"
                + "  = give it a value under `secrets:` in runnel.yaml, by its former name if it was renamed\n"
            #expect(retried.error.contains(words), "\(retried.error)")
            #expect(try await runnel.run(["runs", "retry", "last"]).status == 0)
            let written = try String(contentsOfFile: runnel.directory + "/out.txt", encoding: .utf8)
            #expect(written == "Bearer s3cr3t-value")
        }
    }

    @Test("the client secret is masked in what a server sends back")
    func clientSecret() async throws {
        let files = [
            "runnel.yaml": """
            marketplace: { base_url: "http://127.0.0.1:1", client_id: id, agent_id: a, client_secret: { env: THE_KEY } }
            """,
            "p.yaml": "steps: [ { uses: chat, with: { prompt: \"leak-me-not\" } } ]",
        ]
        try await withProject(files, environment: ["THE_KEY": "leak-me-not"]) { runnel in
            let ended = try await runnel.run(["run", "p", "--json"])
            #expect(ended.status == 1)
            #expect(!(ended.output + ended.error).contains("leak-me-not"))
        }
    }

    @Test("the API token that `serve` has made is masked and sealed in runs of the server and of commands")
    func apiToken() async throws {
        let files = [
            "runnel.yaml": "server: { port: 0, tokens: { wall: { token: { file: wall }, scope: read } } }\n",
            "wall": "a-token-of-a-reader",
            "pipelines/leak.yaml": """
            steps:
              - { uses: shell, with: { run: "cat .runnel/api-token" } }
              - { uses: shell, with: { run: "cat .runnel/api-token >&2; exit 3" } }
            """,
        ]
        try await withProject(files) { runnel in
            try await runnel.serving("pipelines") { (client: RunnelProcess) async throws in
                let file = URL(fileURLWithPath: runnel.directory + "/.runnel/api-token")
                let token = try String(contentsOf: file, encoding: .utf8).replacing("\n", with: "")
                #expect(token.utf8.count == 43)
                #expect(try await client.run(["trigger", "leak"]).status == 0)
                var shown = try await client.run(["runs", "watch", "last"]).output
                let ended = try await client.run(["run", "leak"])
                #expect(ended.status == 1)
                shown += ended.output + ended.error
                shown += try await client.run(["runs", "show", "last", "--json"]).output
                #expect(shown.contains("***"))
                #expect(!shown.contains(token), "\(shown)")
                #expect(try !journalHolds(token, runnel))
            }
        }
    }

    private static let key = """
        -----BEGIN TEST KEY-----
        AbCdEfGhIjKlMnOpQrStUvWxYz0123456789
        ZyXwVuTsRqPoNmLkJiHgFeDcBa9876543210
        -----END TEST KEY-----
        """

    @Test(
        "a line of a secret of several lines is in neither the log, a plugin's standard error, `runs show` nor the journal"
    )
    func lines() async throws {
        let files = [
            "runnel.yaml": "secrets: { key: { file: key.txt } }\nlog: { level: info }\n", "key.txt": Self.key + "\n",
            "plugins/tell/plugin.yaml": """
            name: tell
            version: "1"
            protocol: exec
            command: [sh, tell.sh]
            env: [ { KEY: { secret: key } } ]
            steps: { key: { summary: Tells., output: Lines., input: { type: object } } }
            """,
            "plugins/tell/tell.sh": """
            cat > /dev/null
            printf '%s\n' "$KEY" | sed 's/^/    /' >&2
            printf '{"type": "result", "output": "%s"}\n' "$(printf '%s' "$KEY" | sed -n 2p)"
            """,
            "p.yaml": #"""
            steps:
              - { id: l, uses: transform, with: { from: "{{ secrets.key }}", jq: "split(\"\n\")" } }
              - { for_each: "{{ steps.l }}", uses: log, with: { message: "bad line: {{ item }}" } }
              - { id: crlf, uses: transform, with: { from: "{{ secrets.key }}", jq: "gsub(\"\\n\"; \"\\r\\n  \")" } }
              - { uses: tell.key }
            """#,
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["run", "p"])
            #expect(ended.status == 0)
            #expect(ended.output == "***\n")
            #expect(ended.error.contains("bad line: -----BEGIN TEST KEY-----"))
            #expect(ended.error.split(separator: "\n").count { $0.contains("bad line: ***") } >= 2)
            #expect(ended.error.split(separator: "\n").count { $0.contains("plugin=tell") && $0.contains("***") } == 2)
            var shown = ended.output + ended.error
            for arguments in [["show", "last", "--full"], ["show", "last", "--json"], ["watch", "last"]] {
                shown += try await runnel.run(["runs"] + arguments).output
            }
            #expect(!shown.contains("AbCdEf") && !shown.contains("ZyXwVu"), "\(shown)")
            #expect(try !journalHolds("AbCdEf", runnel) && !journalHolds("ZyXwVu", runnel))
        }
    }

    @Test("fields of a secret that is JSON and a secret that became a number are masked, and the next step gets them")
    func fields() async throws {
        let files = [
            "runnel.yaml": "secrets: { account: { env: ACCOUNT }, pin: { env: PIN } }",
            "p.yaml": """
            steps:
              - { id: a, uses: transform, with: { from: "{{ secrets.account }}", jq: "fromjson" } }
              - { id: n, uses: transform, with: { from: "{{ secrets.pin }}", jq: "tonumber" } }
              - { id: seen, uses: transform, with: { jq: ". + 1" } }
              - { uses: transform, with: { from: [ "{{ steps.a }}", "{{ steps.n }}", "{{ steps.seen == 87654322 }}" ], jq: "." } }
            """,
        ]
        let environment = [
            "ACCOUNT": #"{"user": "me", "nested": {"token": "deep-token"}, "id": 9876543210}"#, "PIN": "087654321",
        ]
        try await withProject(files, environment: environment) { runnel in
            let ended = try await runnel.run(["run", "p"])
            #expect(ended.status == 0, "\(ended.error)")
            #expect(
                try Value.json(ended.output) == [["user": "me", "nested": ["token": "***"], "id": "***"], "***", true])
            let shown = try await runnel.run(["runs", "show", "last", "--json"]).output
            for word in ["deep-token", "9876543210", "87654321"] {
                #expect(!(ended.error + shown).contains(word))
                #expect(try !journalHolds(word, runnel), "\(word)")
            }
        }
    }

    /// Whether the journal's files hold the bytes.
    private func journalHolds(_ word: String, _ runnel: RunnelProcess) throws -> Bool {
        let folder = URL(fileURLWithPath: runnel.directory).appendingPathComponent(".runnel")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.lastPathComponent.hasPrefix("journal") }
        #expect(!files.isEmpty)
        return try files.contains { try Data(contentsOf: $0).range(of: Data(word.utf8)) != nil }
    }
}
