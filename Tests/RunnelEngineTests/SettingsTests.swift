import ChatPlugin
import LibC
import RunnelKit
import RunnelTesting
import Testing

@testable import RunnelEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Settings") struct SettingsTests {
    /// Runnel's settings, and those of the section `marketplace`.
    @dynamicMemberLookup private struct Loaded {
        let own: Settings
        let marketplace: MarketplaceSettings

        subscript<Member>(dynamicMember path: KeyPath<Settings, Member>) -> Member { own[keyPath: path] }
    }

    private func load(_ yaml: String, _ environment: [String: String] = [:]) -> (settings: Loaded?, text: String) {
        let outcome = SettingsLoader.load(
            Array(yaml.utf8), file: "runnel.yaml", environment: environment,
            sections: ([ChatPlugin()] as [any Plugin]).settingsSections)
        let printer = DiagnosticPrinter(sources: [outcome.report.source])
        let settings = outcome.settings.flatMap { own in
            (try? MarketplaceSettings(field: outcome.sections["marketplace"] ?? [:])).map {
                Loaded(own: own, marketplace: $0)
            }
        }
        return (settings, printer.text(outcome.report.diagnostics))
    }

    @Test("an environment variable wins over the file")
    func overrides() throws {
        let (settings, text) = load(
            "marketplace:\n  timeouts: { idle: 5s, total: 7s }", ["RUNNEL_MARKETPLACE_TIMEOUTS_IDLE": "9s"])
        #expect(text == "")
        #expect(settings?.marketplace.timeouts.idle == .seconds(9))
        #expect(settings?.marketplace.timeouts.total == .seconds(7))
    }

    @Test("a number that JSON lacks is an error in `vars`, also of a profile")
    func nonFinite() {
        let text = load("vars: { a: .inf, b: [ { c: .nan } ] }").text
        #expect(text.contains(#"runnel.yaml:1:12: error: the number ".inf" cannot be written in JSON [wrong-value]"#))
        #expect(text.contains(#"runnel.yaml:1:28: error: the number ".nan" cannot be written in JSON [wrong-value]"#))
        #expect(text.contains("= put it in quotes if it is meant as text"))
        let profile = load("profiles: { dev: { vars: { a: .inf } } }").text
        #expect(profile.contains(#"runnel.yaml:1:31: error: the number ".inf" cannot be written in JSON"#))
        #expect(profile.ranges(of: "cannot be written in JSON").count == 1)
    }

    @Test("how long and how many deliveries are kept, and who is signed in by a proxy")
    func deliveriesAndSignIn() {
        let unset = load("").settings
        #expect(unset?.retention.deliveryAge == .seconds(7 * 86_400))
        #expect(unset?.retention.deliveryBytes == 256 << 20)
        let kept = load("deliveries: { keep: 2d, bytes: 1MiB }").settings
        #expect(kept?.retention.deliveryAge == .seconds(2 * 86_400))
        #expect(kept?.retention.deliveryBytes == 1 << 20)
        let (named, text) = load(
            """
            server:
              trusted_proxies: [127.0.0.1]
              sign_in: { header: X-Forwarded-Email, scopes: { ada@example.org: admin } }
            """)
        #expect(text == "")
        #expect(named?.server.signIn?.header.text == "X-Forwarded-Email")
        #expect(named?.server.signIn?.scope == .read)
        #expect(named?.server.signIn?.scopes == ["ada@example.org": .admin])
        #expect(
            load("server: { sign_in: { header: X-User } }").text
                .contains("it counts only in requests of `trusted_proxies`, and there are none"))
        #expect(
            load("server: { trusted_proxies: [127.0.0.1], sign_in: { header: \"X User\" } }").text
                .contains(#""X User" is not the name of a header field"#))
        #expect(
            load("server: { trusted_proxies: [127.0.0.1], sign_in: { header: Cookie } }").text
                .contains(#""Cookie" says something else than who is signed in"#))
        #expect(
            load(
                """
                server:
                  trusted_proxies: [127.0.0.1]
                  sign_in: { header: X-User, secret: a-literal-in-the-file }
                """
            ).text.contains("`server.sign_in.secret` is a literal in the file"))
    }

    @Test("a variable is checked beside what the file says")
    func dependentVariables() {
        let file = "server: { trusted_proxies: [127.0.0.1], sign_in: { header: X-User } }"
        let (settings, text) = load(
            file, ["RUNNEL_SERVER_SIGN_IN_SECRET": "a-secret-of-the-proxy", "RUNNEL_SERVER_SIGN_IN_SCOPE": "run"])
        #expect(text == "")
        #expect(settings?.server.signIn?.secret == SensitiveValue("a-secret-of-the-proxy"))
        #expect(settings?.server.signIn?.scope == .run)
        let (pair, words) = load(
            "", ["RUNNEL_SERVER_TLS_CERTIFICATE": "c.pem", "RUNNEL_SERVER_TLS_KEY": "k.pem"])
        #expect(words == "")
        #expect(pair?.server.tls?.key.path == "k.pem")
        #expect(
            load(file, ["RUNNEL_SERVER_SIGN_IN_SCOPE": "all"]).text
                .hasPrefix("runnel.yaml: error: the environment variable RUNNEL_SERVER_SIGN_IN_SCOPE: "))
        #expect(load("", ["RUNNEL_SERVER_TLS_KEY": "k.pem"]).text.contains("`server.tls.certificate`: "))
    }

    @Test(
        "a proxy on this machine that signs people in needs a secret",
        arguments: [
            ("[127.0.0.1]", "", true), ("[10.0.0.7, \"::1\"]", "", true), ("[127.0.0.0/8]", "", true),
            ("[0.0.0.0/0]", "", true), ("[\"::/0\"]", "", true), ("[10.0.0.0/8]", "", false),
            ("[127.0.0.1]", ", secret: { env: PROOF }", false),
        ])
    func proxySecret(proxies: String, secret: String, warns: Bool) throws {
        let (settings, text) = load("server: { trusted_proxies: \(proxies), sign_in: { header: X-User\(secret) } }")
        #expect(text == "")
        let doubts = try #require(settings).server.doubts
        #expect(doubts.map(\.message).contains { $0.hasPrefix("`server.sign_in` has no `secret`") } == warns)
    }

    @Test(
        "the dashboard needs the root of a host",
        arguments: [
            ("https://ops.example.org/runnel", #""/runnel""#), ("http://[::1]:8790/a/b/", #""/a/b/""#),
            ("https://ops.example.org/", nil), ("https://ops.example.org:8443", nil),
        ])
    func publicPath(url: String, path: String?) throws {
        let doubts = try #require(load("server: { public_url: \"\(url)\" }").settings).server.doubts
        let words = doubts.map { $0.message.prefix { $0 != ":" } }
        #expect(words == (path.map { ["`server.public_url` has the path \($0)"] } ?? []))
    }

    @Test("what ends a stream, and how much of it is taken, by file and by variable")
    func stream() throws {
        let (unset, _) = load("")
        #expect(unset?.marketplace.streamEnd == nil)
        #expect(unset?.marketplace.limits.maxEvent == .mebibytes(16))
        #expect(unset?.marketplace.limits.maxAnswer == .mebibytes(64))
        let (file, _) = load("marketplace: { stream_end: either, limits: { max_event: 32MiB, max_answer: 1048576 } }")
        #expect(file?.marketplace.streamEnd == .either)
        #expect(file?.marketplace.limits.maxEvent == .mebibytes(32))
        #expect(file?.marketplace.limits.maxAnswer == .mebibytes(1))
        let (variables, text) = load(
            "marketplace: { stream_end: either }",
            [
                "RUNNEL_MARKETPLACE_STREAM_END": "finish", "RUNNEL_MARKETPLACE_LIMITS_MAX_EVENT": "33554432",
                "RUNNEL_MARKETPLACE_LIMITS_MAX_ANSWER": "2 MiB",
            ])
        #expect(text == "")
        #expect(variables?.marketplace.streamEnd == .finish)
        #expect(variables?.marketplace.limits.maxEvent == .mebibytes(32))
        #expect(variables?.marketplace.limits.maxAnswer == .mebibytes(2))
        #expect(
            load("marketplace: { stream_end: never }").text
                .contains(#""never" is not one of "done", "finish", "either""#))
    }

    @Test("an unknown variable is a warning with a suggestion")
    func unknownVariable() {
        let (settings, text) = load("", ["RUNNEL_MARKETPLACE_BASE_URI": "x"])
        #expect(settings != nil)
        #expect(
            text == """
                runnel.yaml: warning: the environment variable RUNNEL_MARKETPLACE_BASE_URI is not a setting of Runnel \
                [unknown-setting]
                      = did you mean RUNNEL_MARKETPLACE_BASE_URL?
                """)
    }

    @Test(
        "a variable that the configuration itself names is no unknown setting",
        arguments: [
            "server: { token: { env: RUNNEL_TOKEN } }",
            "server: { tokens: { ada: { token: { env: RUNNEL_TOKEN }, scope: admin } } }",
            "journal: { url: postgres://db/runnel, password: { env: RUNNEL_TOKEN } }",
            "secrets: { hook: { env: RUNNEL_TOKEN } }",
            "profiles: { prod: { secrets: { hook: { env: RUNNEL_TOKEN } } } }",
            "env: [LANG, RUNNEL_TOKEN]",
        ])
    func namedVariable(yaml: String) {
        let (settings, text) = load(yaml, ["RUNNEL_TOKEN": "a-long-token"])
        #expect(settings != nil)
        #expect(text == "")
        #expect(
            load(yaml, ["RUNNEL_TOKEM": "a-long-token"]).text
                .contains("the environment variable RUNNEL_TOKEM is not a setting of Runnel [unknown-setting]"))
    }

    @Test(
        "what is wrong in runnel.yaml is said at its place",
        arguments: [
            ("marketplase: {}", #"runnel.yaml:1:1: error: runnel.yaml has no key "marketplase" [unknown-key]"#),
            ("marketplace:\n  timeouts: { idle: soon }", "runnel.yaml:2:21: error: "),
            ("log: { level: loud }", "runnel.yaml:1:15: error: `log.level`: "),
        ])
    func wrong(yaml: String, expected: String) {
        let (settings, text) = load(yaml)
        #expect(settings == nil)
        #expect(text.hasPrefix(expected), "\(text)")
    }

    @Test(
        "a null in runnel.yaml is an error, most of all in the place of a secret",
        arguments: [
            ("server: { token: null }", "1:18: error: `server.token`: expected a string or an object, found null"),
            ("secrets:\n  hook:", "2:8: error: `secrets.hook`: expected a string or an object, found null"),
            (
                "marketplace: { client_secret: ~ }",
                "1:31: error: `marketplace.client_secret`: expected a string or an object, found null"
            ),
            ("marketplace: { timeouts: }", "1:26: error: `marketplace.timeouts`: expected an object, found null"),
            ("env: [HOME, null]", "1:13: error: `env[1]`: expected a string, found null"),
        ])
    func null(yaml: String, expected: String) {
        let (settings, text) = load(yaml)
        #expect(settings == nil)
        #expect(text.hasPrefix("runnel.yaml:\(expected) [empty-value]"), "\(text)")
        #expect(load("", ["RUNNEL_SERVER_PORT": "null"]).text.contains("found null [empty-value]"))
        #expect(load("server:\nsecrets:").settings?.server.port == 8790)
    }

    @Test("a variable of the wrong kind is an error")
    func wrongVariable() {
        let (settings, text) = load("", ["RUNNEL_MARKETPLACE_TIMEOUTS_IDLE": "soon"])
        #expect(settings == nil)
        #expect(text.hasPrefix("runnel.yaml: error: the environment variable RUNNEL_MARKETPLACE_TIMEOUTS_IDLE: "))
        let journal = load("", ["RUNNEL_JOURNAL_URL": "mysql://host/db"]).text
        #expect(journal.contains("RUNNEL_JOURNAL_URL: expected the URL of a database of PostgreSQL [wrong-value]"))
        #expect(journal.contains("= write \"postgres://user@host/database\""), "\(journal)")
    }

    @Test(
        "a secret's value is in no diagnostic, wherever it was written",
        arguments: [
            "marketplace:\n  client_secret: hunter2x", "marketplace:\n  client_secrt: hunter2x",
            "marketplace:\n  client_secret: [hunter2x]", "marketplace: { base_url: 5, client_secret: hunter2x }",
            "marketplace:\n  client_secret: { hunter2x }", "marketplace:\n  client_secret: { env: a, b: hunter2x }",
            "secrets: hunter2x", "secrets:\n  a: { fiel: hunter2x }", "secrets:\n  a: \"hunter2x",
            "secrets: [hunter2x]",
            "secrets:\n  a: |\n    hunter2x\n    hunter2x", "marketplace:\n  token: hunter2x\n  token: hunter2x",
            "marketplace:\n  client_secret:hunter2x\n  agent_id: a", "secrets:\n  a: *hunter2x",
            "secrets:\n  a: !hunter2x b", "secrets:\n  a: !!int hunter2x", "secrets:\n  a: @hunter2x",
            "secrets:\n  a: |hunter2x", "secrets:\n  a: \"\\xhunter2x\"", "secrets:\n  a: \"\\hunter2x\"",
            "marketplace: client_secret:hunter2x", "client_secret:hunter2x", "[ hunter2x ]", "client_secret: hunter2x",
            "scerets: { a: hunter2x }", "server: hunter2x", "server: { tokn: hunter2x }",
            "server: { tokens: hunter2x }", "server: { tokens: { a: { tokn: hunter2x } } }",
            "server: { tokens: { a: hunter2x } }", "server: { token: [hunter2x] }", "traces: { headers: hunter2x }",
            "traces: hunter2x", "traces: { hedaers: { a: hunter2x } }", "journal: { passwrod: hunter2x }",
            "plugins: hunter2x", "profiles: hunter2x", "profiles: { a: hunter2x }",
            "profiles: { a: { client_secret: hunter2x } }", "profiles: { a: { secrets: hunter2x } }",
        ])
    func noSecret(yaml: String) {
        let text = load(yaml).text
        #expect(text.contains("runnel.yaml"))
        #expect(!text.contains("hunter2x"), "\(text)")
    }

    @Test(
        "if a secret's `command` is not a list of texts, the hint shows the right form, and the command is not shown",
        arguments: ["command: \"hunter2x show\"", "command: [hunter2x, 1]", "command: []"])
    func commandOfSecret(written: String) {
        for yaml in ["secrets: { A: { \(written) } }", "server: { token: { \(written) } }"] {
            let text = load(yaml).text
            #expect(
                text.contains("expected `{ env: NAME }`, `{ file: path }` or `{ command: […] }`, found an object"),
                "\(text)")
            let forms = #"`{ command: [pass, show, mail] }`, or `{ command: [sh, -c, "…"] }`"#
            #expect(text.hasSuffix("= a command is a list of texts: \(forms)"), "\(text)")
            #expect(!text.contains("hunter2x"))
        }
        #expect(!load("secrets: { A: { command: [pass], x: y } }").text.contains("a command is a list"))
    }

    @Test("an error in runnel.yaml says what was expected, and shows asterisks for what may be a secret")
    func concealed() {
        #expect(
            load("marketplace:\n  base_url: https://a.example\n  client_secret hunter2x\n  agent_id: a\n").text == """
                runnel.yaml:3:3: error: expected a key here, but "***" has no ":" (libyaml: while scanning a simple key: \
                could not find expected ':') [missing-colon]
                      = write "key: value", or correct the indentation
                """)
        #expect(
            load("marketplace: client_secret:hunter2x").text == """
                runnel.yaml:1:14: error: `marketplace`: expected a mapping, found a string [wrong-value]
                    1 | marketplace: **********************
                      |              ^~~~~~~~~~~~~~~~~~~~~~
                """)
        #expect(
            load("log: { levle: debug }\nserver: { tokn: hunter2x }").text == """
                runnel.yaml:1:8: error: `log`: runnel.yaml has no key "levle" [unknown-key]
                    1 | log: { levle: debug }
                      |        ^~~~~
                      = did you mean "level"?
                runnel.yaml:2:11: error: `server`: runnel.yaml has no key "tokn" [unknown-key]
                    2 | server: { tokn: ******** }
                      |           ^~~~
                      = did you mean "token"?
                """)
    }

    @Test("the credentials of a URL are shown neither among the settings in effect nor with an error")
    func passwordOfURL() {
        let outcome = SettingsLoader.load(
            Array("journal: { url: \"postgres://me:hunter2x@h/db\" }".utf8), file: "runnel.yaml", environment: [:])
        #expect(outcome.effective.first { $0.key == "journal.url" }?.value == .shown("postgres://me:***@h/db"))
        #expect(
            load("traces: { endpoint: \"https://me:hunter2x@h\" }").text == """
                runnel.yaml:1:21: error: `traces.endpoint`: "https://***@h" is not the URL of a server [wrong-value]
                    1 | traces: { endpoint: "https://***********@h" }
                      |                     ^~~~~~~~~~~~~~~~~~~~~~~
                      = leave out what stands before "@", and behind "?" or "#"
                """)
        #expect(
            load("server: { public_url: \"https://h.example.org/?api_key=hunter2x&a=b&sig=hunter3\" }").text == """
                runnel.yaml:1:23: error: `server.public_url`: "https://h.example.org/?api_key=***&a=b&sig=***" is not \
                the URL of a server [wrong-value]
                    1 | server: { public_url: "https://h.example.org/?api_key=********&a=b&sig=*******" }
                      |                       ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
                      = leave out what stands before "@", and behind "?" or "#"
                """)
        #expect(
            load("server: { public_url: \"https://\" }").text
                .hasSuffix(" = write scheme and host: \"https://hooks.example.org\""))
        #expect(
            load("journal: { url: \"mysql://me:hunter2x@h/db\" }").text == """
                runnel.yaml:1:17: error: `journal.url`: expected the URL of a database of PostgreSQL [wrong-value]
                    1 | journal: { url: ************************** }
                      |                 ^~~~~~~~~~~~~~~~~~~~~~~~~~
                      = write "postgres://user@host/database"
                """)
    }

    @Test("a literal secret is a warning whose line shows asterisks")
    func literal() {
        #expect(
            load("marketplace:\n  client_secret: hunter2x").text == """
                runnel.yaml:2:18: warning: `marketplace.client_secret` is a literal in the file [literal-secret]
                    2 |   client_secret: ********
                      |                  ^~~~~~~~
                      = use `{ env: NAME }`, `{ file: path }` or `{ command: […] }`, so that the file can be shared
                """)
    }

    @Test("a secret without a value says why")
    func resolving() {
        let files: [String: Result<[UInt8], BoundedFile.Failure>] = [
            "/p/key": .success(Array("secret\n".utf8)), "/p/empty": .success(Array("\n".utf8)),
            "/etc/key": .failure(.init(code: EACCES)), "/p/keys": .failure(.init(code: EISDIR)),
            "/p/large": .success([UInt8](repeating: 0x78, count: (1 << 20) + 1)),
            "/p/latin": .success([0x73, 0x63, 0x68, 0xFC, 0x74, 0x7A, 0x65, 0x6E]),
            "/p/wide": .success([0xFF, 0xFE, 0x73, 0, 0, 0xD8]),
            "/p/disk": .failure(.init(code: EIO)),
        ]
        let resolver = SensitiveResolver(
            environment: ["E": "", "S": "abc", "L": "sch\u{FFFD}tzen"], folder: "/p",
            place: { ["secrets.k": "runnel.yaml:7", "plugins.weather": "runnel.yaml:9"][$0] },
            readFile: { files[$0] ?? .failure(.init(code: ENOENT)) })
        func reason(_ value: SensitiveValue, of setting: String = "secrets.k") -> String? {
            if case .failure(let problem) = resolver.resolve(value, of: setting) { problem.reason } else { nil }
        }
        #expect(reason(.environment("X")) == "the environment variable X is not set")
        #expect(reason(.environment("E")) == "the environment variable E is empty")
        #expect(reason(.environment("L")) == "the environment variable L is not UTF-8 text")
        #expect(reason(.environment("S")) == "it is too short to be masked in logs (minimum 4 bytes)")
        #expect(
            reason(.file("no"))
                == """
                cannot read the file "no" (/p/no, `secrets.k` in runnel.yaml:7): No such file or directory; create it, or \
                change the path
                """)
        #expect(
            reason(.file("/etc/key"), of: "plugins.weather.key")
                == """
                cannot read the file "/etc/key" (`plugins.weather.key` in runnel.yaml:9): Permission denied; let the user \
                who runs Runnel read it
                """)
        #expect(
            reason(.file("keys"), of: "server.token")
                == "cannot read the file \"keys\" (/p/keys): Is a directory; name a file in it")
        #expect(
            reason(.file("disk"), of: "server.token") == "cannot read the file \"disk\" (/p/disk): Input/output error")
        #expect(
            reason(.file("empty")) == """
                the file "empty" (/p/empty, `secrets.k` in runnel.yaml:7) is empty; write the secret into it
                """)
        #expect(
            reason(.file("large"), of: "server.token") == "the file \"large\" (/p/large) is larger than 1 MiB")
        #expect(
            reason(.file("latin"), of: "server.token")
                == "the file \"latin\" (/p/latin) is not UTF-8 text: byte 3 is invalid; save the secret as UTF-8 text")
        #expect(
            reason(.file("wide"), of: "server.token")?.hasPrefix("the file \"wide\" (/p/wide) is not ") == true)
        #expect((try? resolver.resolve(.file("key"), of: "secrets.k").get()) == "secret")
    }

    @Test(
        "a byte order mark is not part of a secret, and tells the encoding of its file",
        arguments: [Array("\u{FEFF}secret\r\n".utf8), [0xFF, 0xFE] + Array("s\0e\0c\0r\0e\0t\0\n\0".utf8)] as [[UInt8]])
    func marked(bytes: [UInt8]) async throws {
        try await withTemporaryDirectory { folder in
            try Data(bytes).write(to: URL(fileURLWithPath: folder + "/key"))
            let resolver = SensitiveResolver(environment: [:], folder: folder)
            #expect((try? resolver.resolve(.file("key"), of: "secrets.k").get()) == "secret")
        }
    }
}

@Suite("UUIDv7") struct UUIDv7Tests {
    @Test("an id has the version, the variant and the time, and sorts by it")
    func format() {
        let id = UUIDv7.make(nanoseconds: 1_767_225_600_000_000_000)
        #expect(id.wholeMatch(of: /019b76da-a800-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil, "\(id)")
        #expect(id < UUIDv7.make(nanoseconds: 1_767_225_600_001_000_000))
    }

    @Test("ids of one moment differ, whichever task makes them")
    func oneMoment() async {
        let ids = await withTaskGroup(of: [String].self) { group in
            for _ in 0..<4 { group.addTask { (0..<200).map { _ in UUIDv7.make(nanoseconds: 0) } } }
            var ids: Set<String> = []
            for await made in group { ids.formUnion(made) }
            return ids
        }
        #expect(ids.count == 800)
    }

    @Test("ids with the same key differ only in their time")
    func key() {
        let id = UUIDv7.make(nanoseconds: 1_767_225_600_000_000_000, key: "a")
        #expect(id.wholeMatch(of: /019b76da-a800-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil, "\(id)")
        #expect(id == UUIDv7.make(nanoseconds: 1_767_225_600_000_000_000, key: "a"))
        let later = UUIDv7.make(nanoseconds: 1_767_225_600_001_000_000, key: "a")
        #expect(later > id)
        #expect(UUIDv7.haveSameKey(id, later))
        #expect(!UUIDv7.haveSameKey(id, UUIDv7.make(nanoseconds: 1_767_225_600_000_000_000, key: "b")))
        #expect(!UUIDv7.haveSameKey(id, UUIDv7.make(nanoseconds: 1_767_225_600_000_000_000)))
    }
}
