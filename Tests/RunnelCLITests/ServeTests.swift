import Testing

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
}
