import RunnelKit
import Testing

@testable import RunnelEngine
@testable import RunnelServer

@Suite("The stream of the dashboard", .timeLimit(.minutes(5))) struct LiveTests {
    private static let yaml = """
        name: two
        steps:
          - { id: first, uses: talk, with: { pieces: ["one ", "two"] } }
          - { id: wait, uses: gate, with: { gate: g } }
        """

    /// Opens the stream of a session, and waits until it has begun.
    private static func open(_ cookie: String, _ server: RunningServer) async throws -> Wire {
        let wire = try await Wire(port: server.port)
        try await wire.send(server.request("GET", "/live", [("Cookie", cookie), ("Connection", "close")]))
        _ = try await wire.read(to: "event: open\ndata: {}\n\n")
        return wire
    }

    @Test("sends the events of runs from a number on, and says that something has changed")
    func follow() async throws {
        try await ServerRig(pipelines: ["t.yaml": Self.yaml]).serve { server in
            let id = try #require(try await server.post("/api/v1/pipelines/two/runs", "").run)
            await server.gates.waitForArrivals(at: "g")
            let wire = try await Wire(port: server.port)
            try await wire.send(server.request("GET", "/live?run=\(id)%3A0"))
            let beginning = try await wire.read(to: "\"step\":\"wait\"")
            #expect(beginning.contains("Content-Type: text/event-stream\r\n"))
            #expect(beginning.contains("event: open\ndata: {}\n\n"))
            #expect(beginning.contains("\"event\":\"step-text\""))
            await server.gates.open("g")
            let rest = try await wire.read(to: "\"event\":\"run-finished\"")
            #expect(!rest.contains("\"step\":\"first\""))
            _ = try await wire.read(to: "event: change\n")
            await wire.close()
        }
    }

    @Test("ends when the session is signed out, and a copy of the cookie is refused afterwards")
    func signedOut() async throws {
        try await ServerRig.dashboard().serve { server in
            let browser = try await Browsing.signedIn(server)
            let cookie = try #require(browser.cookie)
            let other = try await Browsing.signedIn(server)
            let wire = try await Self.open(cookie, server)
            #expect(try await browser.send("/sign-out", [:]).status == 303)
            let rest = String(decoding: await wire.readToEnd(), as: UTF8.self)
            #expect(rest.contains("event: signed-out\ndata: {}\n\n"))
            #expect(rest.hasSuffix("\r\n0\r\n\r\n"))
            #expect(try await browser.get("/runs").status == 303)
            #expect(try await other.get("/runs").status == 200)
        }
    }

    @Test("ends when the token of the session is removed")
    func revoked() async throws {
        try await ServerRig.dashboard().serve { server in
            let cookie = try #require(try await Browsing.signedIn(server).cookie)
            let wire = try await Self.open(cookie, server)
            server.server.setAPITokens([APIToken(name: APIToken.unnamed, value: "another-token", scope: .admin)])
            let rest = String(decoding: await wire.readToEnd(), as: UTF8.self)
            #expect(rest.contains("event: signed-out\ndata: {}\n\n"))
        }
    }

    @Test("goes on behind the events that the page has")
    func resume() async throws {
        try await ServerRig(pipelines: ["t.yaml": Self.yaml]).serve { server in
            let id = try #require(try await server.post("/api/v1/pipelines/two/runs", "").run)
            await server.gates.open("g")
            try await server.end(of: id)
            let count = await server.journal.events(of: id, from: 0, limit: 100).count
            let wire = try await Wire(port: server.port)
            try await wire.send(server.request("GET", "/live?run=\(id)%3A\(count - 1)"))
            let text = try await wire.read(to: "\"event\":\"run-finished\"")
            #expect(text.ranges(of: "event: run\n").count == 1)
            await wire.close()
            let wrong = try await server.call("GET", "/live?run=x")
            #expect(wrong.status == 400)
            #expect(wrong.text.contains("run: expected an id and the number of an event, found &quot;x&quot;"))
        }
    }
}
