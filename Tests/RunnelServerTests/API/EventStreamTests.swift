import RunnelKit
import Testing

@testable import RunnelEngine
@testable import RunnelServer

@Suite("A run's events in the API", .timeLimit(.minutes(5))) struct EventStreamTests {
    private static let yaml = """
        name: two
        steps:
          - { id: first, uses: template, with: { text: one } }
          - { id: wait, uses: gate, with: { gate: g } }
        """

    private static func events(_ text: String) -> [(id: String, name: String, data: Value?)] {
        text.split(separator: "\n\n").map { event in
            var fields: [String: String] = [:]
            for line in event.split(separator: "\n") {
                let parts = line.split(separator: ": ", maxSplits: 1)
                if parts.count == 2 { fields[String(parts[0])] = String(parts[1]) }
            }
            return (fields["id"] ?? "", fields["event"] ?? "", try? Value.json(fields["data"] ?? ""))
        }
    }

    @Test("events come while the run goes on, and the stream ends with it")
    func follow() async throws {
        try await ServerRig(pipelines: ["t.yaml": Self.yaml]).serve { server in
            let id = try #require(try await server.post("/api/v1/pipelines/two/runs", "").run)
            let wire = try await Wire(port: server.port)
            try await wire.send(server.request("GET", "/api/v1/runs/\(id)/events", [("Connection", "close")]))
            let beginning = try await wire.read(to: "\"step\":\"first\"")
            #expect(beginning.contains("Content-Type: text/event-stream\r\n"))
            #expect(!beginning.contains("\"step\":\"wait\",\"output\""))
            await server.gates.open("g")
            let rest = String(decoding: await wire.readToEnd(), as: UTF8.self)
            #expect(rest.contains("event: run-finished\n"))
            #expect(rest.hasSuffix("\r\n0\r\n\r\n"))
        }
    }

    @Test("the stream ends when its token is removed, and says so")
    func revoked() async throws {
        let kept = APIToken(name: APIToken.unnamed, value: "t0ken", scope: .admin)
        var rig = ServerRig(pipelines: ["t.yaml": Self.yaml])
        rig.options.tokens = [kept, APIToken(name: "ci", value: "ci-token", scope: .run)]
        try await rig.serve { server in
            let headers = [("Authorization", "Bearer ci-token"), ("Connection", "close")]
            let id = try #require(try await server.post("/api/v1/pipelines/two/runs", "", [headers[0]]).run)
            let wire = try await Wire(port: server.port)
            try await wire.send(server.request("GET", "/api/v1/runs/\(id)/events", headers))
            _ = try await wire.read(to: "\"step\":\"first\"")
            server.server.setAPITokens([kept])
            let rest = String(decoding: await wire.readToEnd(), as: UTF8.self)
            #expect(rest.contains("event: unauthorized\ndata: {\"message\":\"the token is no longer valid\"}\n\n"))
            #expect(rest.hasSuffix("\r\n0\r\n\r\n"))
            #expect(try await server.call("GET", "/api/v1/runs", [headers[0]]).status == 401)
            #expect(try await server.call("GET", "/api/v1/runs", [("Authorization", "Bearer t0ken")]).status == 200)
            await server.gates.open("g")
        }
    }

    @Test("the events of a run that has ended are numbered, and a reader goes on where it was interrupted")
    func resume() async throws {
        let rig = ServerRig(pipelines: ["t.yaml": Self.yaml])
        await rig.gates.open("g")
        try await rig.serve { server in
            let id = try #require(try await server.post("/api/v1/pipelines/two/runs", "").run)
            try await server.end(of: id)
            let path = "/api/v1/runs/\(id)/events"
            let all = Self.events(try await server.call("GET", path).text)
            #expect(all.map(\.id) == all.indices.map(String.init))
            #expect(all.first?.name == "run-started")
            #expect(all.last?.name == "run-finished")
            #expect(all.allSatisfy { $0.data?["event"]?.asString == $0.name })
            let rest = Self.events(try await server.call("GET", path, [("Last-Event-ID", "1")]).text)
            #expect(rest.map(\.id) == Array(all.map(\.id).dropFirst(2)))
            let behind = try await server.call("GET", path, [("Last-Event-ID", "1000")])
            #expect(behind.status == 200)
            #expect(behind.text.isEmpty)
            let wrong = try await server.call("GET", path, [("Last-Event-ID", "-1")])
            #expect(wrong.status == 400)
            #expect(wrong.error == "bad-header Last-Event-ID: expected the number of an event, found \"-1\"")
            #expect(try await server.call("GET", "/api/v1/runs/none/events").status == 404)
        }
    }
}
