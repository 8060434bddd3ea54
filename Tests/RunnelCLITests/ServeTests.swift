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
        try await withProject(files, environment: ["TOKEN": "a-long-token"]) { runnel in
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
