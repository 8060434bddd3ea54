import RunnelKit
import RunnelTesting
import Testing

@testable import RunnelServer

@Suite("Who may use the API", .timeLimit(.minutes(5))) struct AccessTests {
    private static func rig(token: String?) -> ServerRig {
        ServerRig(pipelines: ["g.yaml": Pipelines.gate], options: ServerOptions(port: 0, token: token))
    }

    @Test("with a token, nothing of the API is there without it, and the answer says no more than that")
    func token() async throws {
        try await Self.rig(token: "t0ken").serve { server in
            for path in [
                "/api/v1/status", "/api/v1/pipelines", "/api/v1/pipelines/gate", "/api/v1/runs", "/api/v1/runs/x",
                "/api/v1/runs/x/events", "/api/v1/openapi.json",
            ] {
                for value in ["", "Bearer", "Bearer t0ke", "Bearer t0kenn", "Basic t0ken", "t0ken"] {
                    let answer = try await server.call("GET", path, [("Authorization", value)])
                    #expect(answer.status == 401)
                    #expect(answer.error == "unauthorized the API needs the token: Authorization: Bearer …")
                    #expect(answer.headers["www-authenticate"] == "Bearer")
                }
            }
            for path in ["/api/v1/pipelines/gate/runs", "/api/v1/runs/x/cancel", "/api/v1/runs/x/retry"] {
                #expect(try await server.call("POST", path).status == 401)
            }
            #expect(await server.runs().isEmpty)
            let other = [("Host", "runnel.example.org"), ("Origin", "https://a.example.org")]
            for scheme in ["Bearer", "bearer", "BEARER"] {
                let answer = try await server.call(
                    "GET", "/api/v1/runs", other + [("Authorization", "\(scheme) t0ken")])
                #expect(answer.status == 200)
            }
            #expect(server.log.lines.allSatisfy { !$0.contains("t0ken") })
        }
    }

    @Test("health needs no token and takes any name")
    func health() async throws {
        try await Self.rig(token: "t0ken").serve { server in
            for path in ["/health/live", "/health/ready"] {
                let answer = try await server.call("GET", path, [("Host", "example.org")])
                #expect(answer.status == 200)
                #expect(answer.text == #"{"status":"ok"}"#)
            }
        }
    }

    @Test("tokens are compared over their whole length, whatever was given", arguments: ["", "a", "abcd", "abcdef"])
    func constantTime(given: String) {
        #expect(!ConstantTime.areEqual("abcde", given))
        #expect(ConstantTime.areEqual("abcde", "abcde"))
    }

    @Test(
        "without a token, names that lead to this machine alone are answered",
        arguments: [
            ("localhost", 200), ("LOCALHOST:1", 200), ("127.0.0.1", 200), ("127.1.2.3:80", 200), ("[::1]:8790", 200),
            ("example.org", 403), ("127.example.org", 403), ("127.0.0.1.example.org", 403), ("127.0.0.256", 403),
            ("localhost.example.org", 403), ("", 403),
        ])
    func host(name: String, status: Int) async throws {
        try await Self.rig(token: nil).serve { server in
            let answer = try await server.call("GET", "/api/v1/status", [("Host", name)])
            #expect(answer.status == status)
            if status == 403 {
                #expect(answer.error == "wrong-host the API answers to localhost only; a token lets others in")
            }
        }
    }

    @Test("without a token, a page of another site cannot start a run with a form")
    func origin() async throws {
        try await Self.rig(token: nil).serve { server in
            for origin in ["https://example.org", "null", "http://localhost:1"] {
                let answer = try await server.call("POST", "/api/v1/pipelines/gate/runs", [("Origin", origin)])
                #expect(answer.status == 403)
                #expect(
                    answer.error == "wrong-origin the API does not answer to pages of other sites; a token lets them in"
                )
            }
            #expect(await server.runs().isEmpty)
            let own = [("Origin", "http://localhost:\(server.port)")]
            #expect(try await server.call("POST", "/api/v1/pipelines/gate/runs", own).status == 202)
            await server.gates.open("g")
        }
    }

    @Test("which addresses are this machine's own")
    func loopback() {
        for host in ["localhost", "127.0.0.1", "127.9.9.9", "::1", "LocalHost"] {
            #expect(ServerOptions(host: host).isLoopback)
        }
        for host in [
            "0.0.0.0", "::", "127.example.org", "192.168.0.1", "127.0.0", "127.0.0.1.2", "127.0.0.+1", "127.0.0.1.",
            "127..0.1", "127.0.0.0001", "1270.0.0.1",
        ] {
            #expect(!ServerOptions(host: host).isLoopback)
        }
    }
}
