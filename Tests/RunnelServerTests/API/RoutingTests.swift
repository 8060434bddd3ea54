import RunnelKit
import RunnelTesting
import Testing

@Suite("Every request gets an answer", .timeLimit(.minutes(5))) struct RoutingTests {
    private static var rig: ServerRig {
        ServerRig(pipelines: [
            "g.yaml": Pipelines.gate,
            "h.yaml": Pipelines.hook("verify: { scheme: none }", steps: "{ uses: template, with: { text: x } }"),
        ])
    }

    @Test("where there is nothing, the answer says so and quotes the path, of a long one the beginning")
    func notFound() async throws {
        try await Self.rig.serve { server in
            for path in ["/api", "/api/v1", "/api/v2/runs", "/api/v1/runs/a/b", "/hooks", "/health"] {
                let answer = try await server.call("GET", path)
                #expect(answer.status == 404)
                #expect(answer.error == "not-found there is nothing at \"\(path)\"")
            }
            let long = try await server.call("GET", "/" + String(repeating: "a", count: 50_000))
            #expect(long.status == 404)
            #expect(long.body.count < 400)
            let hook = try await server.call("POST", "/hooks/none")
            #expect(hook.status == 404)
            #expect(hook.error == "no-such-hook there is no hook at \"/hooks/none\"")
        }
    }

    @Test("what is asked for in the wrong way says which ways there are")
    func wrongMethod() async throws {
        try await Self.rig.serve { server in
            let delete = try await server.call("DELETE", "/api/v1/runs")
            #expect(delete.status == 405)
            #expect(delete.headers["allow"] == "GET, HEAD, OPTIONS")
            #expect(
                delete.error == "method-not-allowed DELETE is not possible here; ask \"/api/v1/runs\" with GET")
            let get = try await server.call("GET", "/api/v1/pipelines/gate/runs")
            #expect(get.status == 405)
            #expect(get.headers["allow"] == "OPTIONS, POST")
            let strange = try await server.call("PROPFIND", "/health/live")
            #expect(strange.status == 405)
            let hook = try await server.call("GET", "/hooks/h")
            #expect(hook.status == 405)
            #expect(hook.headers["allow"] == "POST, HEAD, OPTIONS")
            #expect(hook.error == "method-not-allowed this hook is called with POST")
            #expect(try await server.call("DELETE", "/hooks/h").status == 405)
            let head = try await server.call("HEAD", "/hooks/h")
            #expect((head.status, head.body.count) == (200, 0))
            let options = try await server.call("OPTIONS", "/hooks/h")
            #expect((options.status, options.headers["allow"]) == (204, "POST, HEAD, OPTIONS"))
            #expect(await server.runs().isEmpty)
        }
    }

    @Test("HEAD gives what GET gives without the body, and OPTIONS the methods")
    func headAndOptions() async throws {
        try await Self.rig.serve { server in
            for path in ["/health/live", "/api/v1/pipelines", "/api/v1/openapi.json"] {
                let get = try await server.call("GET", path)
                let head = try await server.call("HEAD", path)
                #expect(head.status == 200)
                #expect(head.body.isEmpty)
                #expect(head.headers["content-length"] == "\(get.body.count)")
                let options = try await server.call("OPTIONS", path)
                #expect(options.status == 204)
                #expect(options.headers["allow"] == "GET, HEAD, OPTIONS")
                #expect(options.body.isEmpty)
            }
        }
    }

    @Test("each answer has an id, the caller's own where it can stand in a log")
    func requestIDs() async throws {
        try await Self.rig.serve { server in
            let given = try await server.call("GET", "/health/live", [("X-Request-ID", "abc-1")])
            #expect(given.headers["x-request-id"] == "abc-1")
            #expect(server.log.lines.contains("debug GET /health/live 200 request=abc-1"))
            for bad in ["with space", "täglich", String(repeating: "x", count: 129), ""] {
                let made = try await server.call("GET", "/nothing", [("X-Request-ID", bad)])
                let id = try #require(made.headers["x-request-id"])
                #expect(id.count == 36)
                #expect(server.log.lines.contains("debug GET /nothing 404 request=\(id)"))
            }
            let long = String(repeating: "x", count: 128)
            let answer = try await server.call("GET", "/api/v1/runs?q=1", [("X-Request-ID", long)])
            #expect(answer.headers["x-request-id"] == long)
            #expect(answer.status == 400)
            // A query may hold what is nobody's business.
            #expect(server.log.lines.contains { $0.hasPrefix("debug GET /api/v1/runs 400 ") })
        }
    }

    @Test("several requests share a connection")
    func keepAlive() async throws {
        try await Self.rig.serve { server in
            let wire = try await Wire(port: server.port)
            for _ in 0..<3 {
                try await wire.send(server.request("POST", "/hooks/h", [("Content-Type", "text/plain")], body: "x"))
                #expect(try await wire.read(to: "\"status\":\"accepted\"}").hasPrefix("HTTP/1.1 202 "))
            }
            let both = server.request("GET", "/health/live") + server.request("GET", "/health/ready")
            try await wire.send(both)
            for _ in 0..<2 { #expect(try await wire.read(to: "\"ok\"}").hasPrefix("HTTP/1.1 200 OK\r\n")) }
            await wire.close()
        }
    }
}
