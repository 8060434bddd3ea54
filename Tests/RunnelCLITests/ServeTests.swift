import Foundation
import Testing

@testable import RunnelCLI

@Suite("runnel serve, typed") struct ServeTests {
    @Test("beyond this machine, a hook that anybody may call is warned of before it can be called")
    func openHook() async throws {
        let files = [
            "runnel.yaml": "server: { host: 0.0.0.0, port: 0, token: { env: TOKEN } }\n",
            "pipelines/h.yaml": """
            name: h
            on: { webhook: { path: h, verify: { scheme: none } } }
            steps:
              - { uses: log }
            """,
        ]
        try await withProject(files, environment: ["TOKEN": "a-token-for-tests"]) { runnel in
            let warning = "warning: /hooks/h can be called by anybody who reaches 0.0.0.0\n"
            let ended = try await runnel.interrupt(["serve", "pipelines"], after: warning)
            #expect(ended.error.contains(warning))
            // It was told to stop before or after its port was open.
            let served = "Serving 1 pipeline\n  h  on webhook\nListening on "
            #expect(ended.output.isEmpty || ended.output.hasPrefix(served))
            #expect(ended.status == 0)
        }
    }

    @Test("beyond this machine there has to be a token")
    func token() async throws {
        let files = ["runnel.yaml": "server: { host: 0.0.0.0, port: 0 }\n", "h.yaml": "steps: [ { uses: log } ]\n"]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["serve"])
            #expect(
                ended.error == """
                    error: others can reach 0.0.0.0, so the API needs a token
                      = set `server: { token: { env: RUNNEL_TOKEN } }` in runnel.yaml, or listen on 127.0.0.1

                    """)
            #expect(ended.status == 2)
            #expect(ended.output == "")
        }
    }

    @Test(
        "where the token cannot be kept for lack of permission, `serve` says so",
        .enabled(if: geteuid() != 0, "root writes into every folder"))
    func readOnlyProject() async throws {
        try await withProject(["runnel.yaml": "server: { port: 0 }\n", "p.yaml": "steps: [ { uses: log } ]\n"]) {
            runnel in
            chmod(runnel.directory, 0o500)
            defer { chmod(runnel.directory, 0o700) }
            let ended = try await runnel.run(["serve"])
            #expect(
                ended.error == """
                    error: the API token cannot be kept in \(runnel.directory)/.runnel/api-token: Permission denied
                      = make the folder writable, or set `server: { token: { env: RUNNEL_TOKEN } }` in runnel.yaml

                    """)
            #expect(ended.status == 1)
        }
    }

    @Test(
        """
        `serve`, `doctor` and `validate` warn if every user of the machine could sign in as anybody, and if the dashboard \
        cannot be where `public_url` says
        """,
        arguments: [
            (
                "sign_in: { header: X-Forwarded-Email }",
                "`server.sign_in` has no `secret`, and `trusted_proxies` has an address of this machine: every user and "
                    + "program of the machine can sign in to the dashboard as anybody"
            ),
            (
                "public_url: https://ops.example.org/runnel",
                "`server.public_url` has the path \"/runnel\": the dashboard cannot be there, because its links, pages and "
                    + "cookies are at the root of the host"
            ),
        ])
    func doubtfulSettings(setting: String, warning: String) async throws {
        let files = [
            "runnel.yaml": "server:\n  port: 0\n  trusted_proxies: [127.0.0.1]\n  \(setting)\n",
            "h.yaml": "steps: [ { uses: log } ]\n",
        ]
        try await withProject(files) { runnel in
            let served = try await runnel.interrupt(["serve"], after: warning)
            #expect(served.status == 0, "\(served.error)")
            let doctor = try await runnel.run(["doctor", "--offline"])
            #expect(doctor.output.contains("! configuration runnel.yaml:4: \(warning)\n"), "\(doctor.output)")
            let validated = try await runnel.run(["validate"])
            #expect(validated.status == 0)
            let line = "runnel.yaml:4:3: warning: \(warning) [doubtful-value]\n"
            #expect(validated.error.contains(line), "\(validated.error)")
            #expect(try await runnel.run(["run", "h"]).error.contains(warning) == false)
        }
    }

    @Test("`serve` and `doctor` refuse a token that is too short, and `serve` says how to make a new one")
    func shortToken() async throws {
        let words = "is too short to be safe (minimum 16 bytes); `runnel tokens --new` prints a new one"
        for (setting, configuration) in [
            ("server.token", "token: { env: TOKEN }"),
            ("server.tokens.ci.token", "tokens: { ci: { token: { env: TOKEN } } }"),
            (
                "server.sign_in.secret",
                "trusted_proxies: [127.0.0.1], sign_in: { header: X-User, secret: { env: TOKEN } }"
            ),
        ] {
            let files = [
                "runnel.yaml": "server: { port: 0, \(configuration) }\n", "h.yaml": "steps: [ { uses: log } ]\n",
            ]
            try await withProject(files, environment: ["TOKEN": "fifteen-letters"]) { runnel in
                let ended = try await runnel.run(["serve"])
                #expect(ended.error == "error: `\(setting)` \(words)\n")
                #expect(ended.status == 2)
                let doctor = try await runnel.run(["doctor"])
                #expect(doctor.output.contains("`\(setting)` is too short to be safe"), "\(doctor.output)")
                #expect(!doctor.output.contains("fifteen-letters"))
            }
        }
    }

    @Test("a command without a token that the server accepts says where the token should be, and what is wrong there")
    func tokenFile() async throws {
        let files = ["runnel.yaml": "server: { port: 0 }\n", "pipelines/h.yaml": "steps: [ { uses: log } ]\n"]
        try await withProject(files) { runnel in
            try await runnel.serving("pipelines") { (runnel: RunnelProcess) async throws in
                let file = runnel.directory + "/.runnel/api-token"
                let server = "error: the server at http://127.0.0.1:\(runnel.environment["RUNNEL_SERVER_PORT"] ?? "")"
                let again = "; `runnel serve` makes a new one when it starts\n"
                let wrong = String(repeating: "x", count: 43)
                let cases: [(content: String?, mode: Int, words: String)] = [
                    (nil, 0o600, " needs the API token: there is no file \"\(file)\"" + again),
                    ("", 0o600, " needs the API token: the file \"\(file)\" is empty" + again),
                    ("x\n", 0o600, " needs the API token: the token in the file \"\(file)\" is too short" + again),
                    (
                        wrong, 0o644,
                        " needs the API token: other users can open the file \"\(file)\" (mode 0644)" + again
                    ),
                    (
                        wrong, 0o600,
                        " does not accept the token of \"\(file)\"\n"
                            + "  = it was started with another one, or for another project; restart it, or name its "
                            + "project with --project\n"
                    ),
                ]
                for (content, mode, words) in cases {
                    try? FileManager.default.removeItem(atPath: file)
                    if let content {
                        let isMade = FileManager.default.createFile(
                            atPath: file, contents: Data(content.utf8), attributes: [.posixPermissions: mode])
                        #expect(isMade)
                    }
                    let ended = try await runnel.run(["status"])
                    #expect(ended.error == server + words)
                    #expect(ended.status == 2)
                }
            }
        }
    }

    @Test("a command whose `server.token` has no value quotes its file and the reason")
    func settingsTokenFile() async throws {
        let files = [
            "runnel.yaml": "server: { port: 0, token: { file: token } }\n", "token": String(repeating: "x", count: 43),
            "pipelines/h.yaml": "steps: [ { uses: log } ]\n",
        ]
        try await withProject(files) { runnel in
            try await runnel.serving("pipelines") { (runnel: RunnelProcess) async throws in
                let file = runnel.directory + "/token"
                let place = "the file \"token\" (\(file), `server.token` in runnel.yaml:1)"
                let start = " needs the API token: `server.token` has no value: "
                try Data().write(to: URL(fileURLWithPath: file))
                let empty = try await runnel.run(["status"])
                #expect(empty.error.hasSuffix("\(start)\(place) is empty; write the secret into it\n"))
                try FileManager.default.removeItem(atPath: file)
                let missing = try await runnel.run(["status"])
                let reason = "No such file or directory; create it, or change the path\n"
                #expect(missing.error.hasSuffix("\(start)cannot read \(place): \(reason)"))
                #expect(missing.status == 2)
            }
        }
    }

    @Test("what a server refuses ends with 2, as other names of nothing, unless it can work later")
    func refused() async throws {
        for status in [400, 401, 403, 404, 409] { #expect(RunnelCLI.ExitStatus(refusal: status) == .usage) }
        for status in [408, 429, 500, 503] { #expect(RunnelCLI.ExitStatus(refusal: status) == .runFailed) }
        let files = ["runnel.yaml": "server: { port: 0 }\n", "pipelines/h.yaml": "steps: [ { uses: log } ]\n"]
        try await withProject(files) { runnel in
            try await runnel.serving("pipelines") { (runnel: RunnelProcess) async throws in
                let ended = try await runnel.run(["trigger", "nothing"])
                #expect(ended.error == "error: there is no pipeline \"nothing\"; the pipelines are h\n")
                #expect(ended.status == 2)
            }
        }
    }

    @Test("a log gets the plain address of the dashboard, and no link that signs in")
    func plainAddress() async throws {
        let files = ["runnel.yaml": "server: { port: 0 }\n", "pipelines/h.yaml": "steps: [ { uses: log } ]\n"]
        try await withProject(files) { runnel in
            let ended = try await runnel.interruptOutput(["serve", "pipelines"]) { said in
                said.contains("Dashboard: ") && said.hasSuffix("\n")
            }
            let lines = ended.output.split(separator: "\n").map(String.init)
            let listening = try #require(lines.first { $0.hasPrefix("Listening on ") })
            let address = listening.dropFirst("Listening on ".count)
            #expect(lines.last == "Dashboard: \(address)/ (`runnel open` makes a link that signs in)")
            #expect(!ended.output.contains("sign-in"))
            #expect(!ended.error.contains("sign-in"))
        }
    }

    @Test("`runnel open` makes the link that the log does not have")
    func linkOnRequest() async throws {
        let files = ["runnel.yaml": "server: { port: 0 }\n", "pipelines/h.yaml": "steps: [ { uses: log } ]\n"]
        try await withProject(files) { runnel in
            try await runnel.serving("pipelines") { client in
                let link = try await client.run(["open", "--print"]).output
                let port = try #require(client.environment["RUNNEL_SERVER_PORT"])
                #expect(link.hasPrefix("http://127.0.0.1:\(port)/sign-in?once="), "\(link)")
            }
        }
    }

    #if os(Linux)
    @Test("`runnel open` passes the link in a file that only its owner can read, and not as an argument")
    func openFile() async throws {
        let files = [
            "runnel.yaml": "server: { port: 0 }\n", "pipelines/h.yaml": "steps: [ { uses: log } ]\n",
            "bin/browser": "#!/bin/sh\nprintf %s \"$*\" >\"${0%/*}/arguments\"\n",
        ]
        try await withProject(files) { runnel in
            let folder = runnel.directory
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder + "/bin/browser")
            try await runnel.serving("pipelines") { client in
                var client = client
                client.environment["DISPLAY"] = ":0"
                client.environment["BROWSER"] = folder + "/bin/missing:" + folder + "/bin/browser"
                // The file is then in a visible folder below the home folder, where browsers from snap can read it too.
                client.environment["HOME"] = URL(fileURLWithPath: folder).deletingLastPathComponent().path
                let ended = try await client.run(["open"])
                #expect(ended.status == 0, "\(ended.error)")
                #expect(ended.output.isEmpty)
                let path = folder + "/.runnel/open.html"
                #expect(try String(contentsOfFile: folder + "/bin/arguments", encoding: .utf8) == path)
                let port = try #require(client.environment["RUNNEL_SERVER_PORT"])
                let page = try String(contentsOfFile: path, encoding: .utf8)
                let start = #"<meta http-equiv="refresh" content="0; url=http://127.0.0.1:\#(port)/sign-in?once="#
                #expect(page.contains(start), "\(page)")
                let attributes = try FileManager.default.attributesOfItem(atPath: path)
                #expect(attributes[.posixPermissions] as? Int == 0o600)
            }
        }
    }
    #endif

    #if os(Linux)
    @Test("`runnel open` prefers BROWSER, then the browser of the system, to a program that may open an editor")
    func browsers() {
        func programs(_ environment: [String: String], _ installed: Set<String>) -> [String] {
            Browser.all(environment) { installed.contains($0) }.map { $0.arguments(for: "L").joined(separator: " ") }
        }
        let installed: Set = ["/usr/bin/xdg-open", "/usr/bin/x-www-browser", "/opt/bin/firefox"]
        var environment = ["DISPLAY": ":0", "PATH": "/opt/bin:/usr/bin"]
        let system = programs(environment, installed)
        #expect(system.count == 2)
        #expect(system.first?.hasPrefix("/bin/sh -c ") == true)
        #expect(system.first?.hasSuffix(" /usr/bin/x-www-browser L") == true)
        #expect(system.last == "/usr/bin/xdg-open L")
        #expect(programs(environment, ["/usr/bin/xdg-open"]) == ["/usr/bin/xdg-open L"])
        environment["BROWSER"] = "missing:firefox --new-tab %s:/my/browser -x"
        #expect(
            programs(environment, installed) == ["/opt/bin/firefox --new-tab L", "/my/browser -x L"] + system)
        environment["DISPLAY"] = nil
        #expect(programs(environment, installed) == [])
    }

    @Test("a browser that goes on running is left alone, and the next one is tried after one that fails")
    func background() async throws {
        let files = ["good": "#!/bin/sh\nexec sleep 2\n", "bad": "#!/bin/sh\nexit 3\n"]
        try await withProject(files) { runnel in
            for (name, succeeds) in [("good", true), ("bad", false)] {
                let program = runnel.directory + "/" + name
                try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
                let link = runnel.directory + "/x-www-browser"
                try? FileManager.default.removeItem(atPath: link)
                try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: program)
                let browser = try #require(
                    Browser.all(["DISPLAY": ":0", "PATH": runnel.directory]) { $0 == link }.first)
                #expect(browser.open("L") == succeeds)
            }
        }
    }
    #endif

    @Test("a browser gets the link itself if it could not read the file, or if others could replace the file")
    func noFile() async throws {
        func file(_ directory: String, hasSnap: Bool) -> LinkFile {
            LinkFile(directory: directory, home: "/home/ada", hasSnap: hasSnap)
        }
        for (directory, isReadable) in [
            ("/home/ada/work/.runnel", true), ("/home/ada/.runnel", false), ("/home/adam/work/.runnel", false),
            ("/srv/work/.runnel", false),
        ] {
            #expect(file(directory, hasSnap: true).isReadable == isReadable, "\(directory)")
            #expect(file(directory, hasSnap: false).isReadable)
        }
        try await withProject([:]) { runnel in
            try FileManager.default.setAttributes([.posixPermissions: 0o770], ofItemAtPath: runnel.directory)
            #expect(file(runnel.directory, hasSnap: false).make("http://a/?b&c") == nil)
            try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: runnel.directory)
            let path = try #require(file(runnel.directory, hasSnap: false).make("http://a/?b&c"))
            #expect(try String(contentsOfFile: path, encoding: .utf8).contains(#"<a href="http://a/?b&amp;c">"#))
        }
    }

    @Test("if a private file cannot be put in place, the error code is returned and no temporary file is left")
    func irreplaceable() async throws {
        try await withProject([:]) { runnel in
            let place = runnel.directory + "/place"
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
            #expect(PrivateFile.replace(place, with: "a") == EISDIR)
            let names = try FileManager.default.contentsOfDirectory(atPath: runnel.directory)
            #expect(!names.contains { $0.hasSuffix(".tmp") }, "\(names)")
        }
    }

    @Test("a terminal gets the link, and a link is made for nobody else")
    func terminal() {
        var made = 0
        func text(isTerminal: Bool) -> String {
            ServeServices.dashboard(at: "http://127.0.0.1:8790", isTerminal: isTerminal) {
                made += 1
                return "/sign-in?once=x"
            }
        }
        #expect(text(isTerminal: true) == "Dashboard: http://127.0.0.1:8790/sign-in?once=x\n")
        #expect(made == 1)
        #expect(
            text(isTerminal: false)
                == "Dashboard: http://127.0.0.1:8790/ (`runnel open` makes a link that signs in)\n")
        #expect(made == 1)
    }
}
