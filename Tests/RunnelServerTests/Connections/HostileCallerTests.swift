import HTTPServing
import RunnelKit
import RunnelTesting
import Testing

@testable import RunnelEngine
@testable import RunnelServer

@Suite("Hostile callers", .serialized, .timeLimit(.minutes(5))) struct HostileCallerTests {
    private static let head = "POST /hooks/h HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
    private static let never = Duration.seconds(3600)

    /// Nothing takes too long, except what the test says.
    private static func rig(
        header: Duration = never, body: Duration = never, idle: Duration = never, write: Duration = never,
        connections: Int = 1000, bodyMemory: Int = 256 << 20
    ) -> ServerRig {
        let timeouts = ConnectionTimeouts(
            header: header, body: body, idle: idle, write: write, lingeringClose: .milliseconds(100))
        return ServerRig(
            pipelines: [
                "h.yaml": Pipelines.hook(
                    "verify: { scheme: none }", steps: "{ uses: template, with: { text: \"{{ input }}\" } }")
            ],
            options: ServerOptions(
                port: 0, timeouts: timeouts, maximumConnections: connections, maximumBodyMemory: bodyMemory))
    }

    // MARK: - Slow

    @Test("a header that does not come to its end is not waited for")
    func slowHeader() async throws {
        try await Self.rig(header: .milliseconds(50)).serve { server in
            var wires: [Wire] = []
            for _ in 0..<50 {
                let wire = try await Wire(port: server.port)
                try await wire.send("POST /hooks/h HTTP/1.1\r\nHost: localhost\r\nX-A: ")
                wires.append(wire)
            }
            await server.untilHealthy()
            for wire in wires { #expect(await wire.readToEnd().isEmpty) }
        }
    }

    @Test("the second header of a connection has no more time than the first")
    func slowSecondHeader() async throws {
        try await Self.rig(header: .milliseconds(50)).serve { server in
            func answeredOnce() async throws -> Wire {
                let wire = try await Wire(port: server.port)
                try await wire.send(server.request("GET", "/health/live"))
                _ = try await wire.read(to: "\"ok\"}")
                return wire
            }
            // The first header may take too long as well.
            var first: Wire?
            while !Task.isCancelled, first == nil { first = try? await answeredOnce() }
            let wire = try #require(first)
            try await wire.send("G")
            #expect(await wire.readToEnd().isEmpty)
        }
    }

    @Test("a body that comes a byte at a time is given up when its time is over, however busy it is")
    func slowBody() async throws {
        try await Self.rig(body: .milliseconds(100)).serve { server in
            let wire = try await Wire(port: server.port)
            try await wire.send(
                Self.head + "Content-Length: 1000000\r\n\r\n"
            )
            await wire.sendUntilAnswered("x")
            let answer = try Answer(await wire.readToEnd())
            #expect(answer.status == 408)
            #expect(answer.error == "too-slow the body did not come within 100ms")
            #expect(answer.headers["connection"] == "close")
            #expect(try await server.isHealthy())
            #expect(await server.runs().isEmpty)
        }
    }

    @Test("a body that stops coming is given up, and so is one that ends too soon")
    func brokenBody() async throws {
        try await Self.rig(body: .milliseconds(50)).serve { server in
            let wire = try await Wire(port: server.port)
            try await wire.send(Self.head + "Content-Length: 9\r\n\r\nabc")
            #expect(try Answer(await wire.readToEnd()).status == 408)
        }
        try await Self.rig().serve { server in
            let wire = try await Wire(port: server.port)
            try await wire.send(Self.head + "Content-Length: 9\r\n\r\nabc")
            try await wire.closeOutput()
            let answer = try Answer(await wire.readToEnd())
            #expect(answer.status == 400)
            #expect(answer.error == "incomplete-body the body did not come whole")
            #expect(await server.runs().isEmpty)
            #expect(server.log.lines.allSatisfy { !$0.hasPrefix("error ") })
        }
    }

    @Test("who asks for much and reads nothing is cut off")
    func slowReader() async throws {
        // There is one connection, so the next is taken when the first has been closed.
        try await Self.rig(write: .milliseconds(500), connections: 1).serve { server in
            let large = String(repeating: "x", count: 4 << 20)
            let body = "{\"input\": \"\(large)\"}"
            let run = try #require(try await server.post("/api/v1/pipelines/hook/runs", body).run)
            let wire = try await Wire(port: server.port, readsByItself: false)
            try await wire.send(server.request("GET", "/api/v1/runs/\(run)"))
            await server.untilHealthy()
            // It may have been cut off already.
            try? await wire.startReading()
            #expect(await wire.readToEnd().count < large.utf8.count)
        }
    }

    // MARK: - Much

    @Test("a body without an end is refused at the limit, and the connection ended while it still comes")
    func endlessBody() async throws {
        try await Self.rig().serve { server in
            let wire = try await Wire(port: server.port)
            try await wire.send(
                Self.head + "Transfer-Encoding: chunked\r\n\r\n"
            )
            let chunk = "10000\r\n" + String(repeating: "x", count: 0x10000) + "\r\n"
            // Until the server will not take any more.
            let sent = await wire.sendWithoutEnd(chunk, atMost: 1_000_000)
            #expect(sent < 1_000_000)
            #expect(wire.receivedCount > 0)
            let answer = try Answer(await wire.readToEnd())
            #expect(answer.status == 413)
            #expect(answer.error == "body-too-large the body is larger than the 1MiB that this hook takes")
            #expect(try await server.isHealthy())
            #expect(await server.runs().isEmpty)
        }
    }

    @Test("a body that nobody wants is not waited for")
    func unwantedBody() async throws {
        try await Self.rig().serve { server in
            for path in ["/nothing", "/hooks/none", "/health/live"] {
                let wire = try await Wire(port: server.port)
                try await wire.send("GET \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nabc")
                let answer = try Answer(await wire.readToEnd())
                #expect([200, 404].contains(answer.status))
                #expect(answer.headers["connection"] == "close")
            }
        }
    }

    @Test("bodies of anonymous callers take at most half of the limit; beyond it callers are told to retry")
    func manyBodies() async throws {
        try await Self.rig(bodyMemory: 2000).serve { server in
            func request(_ length: Int) -> String {
                Self.head + "Content-Length: \(length)\r\n\r\n"
            }
            let wire = try await Wire(port: server.port)
            try await wire.send(request(900) + String(repeating: "x", count: 800))
            let small = String(repeating: "y", count: 300)
            var answer: Answer
            repeat {
                // The first body may not have been read yet, and until it is, these begin runs.
                answer = try await server.call("POST", "/hooks/h", [("Content-Type", "text/plain")], body: small)
            } while answer.status == 202 || answer.status == 429
            #expect(answer.status == 503)
            #expect(answer.error == "overloaded too many bodies are being read; try again in 1 s")
            #expect(answer.headers["retry-after"] == "1")
            try await wire.send(String(repeating: "x", count: 100))
            let first = try await wire.read(to: "\r\n\r\n")
            #expect(first.hasPrefix("HTTP/1.1 202 ") || first.hasPrefix("HTTP/1.1 429 "))
            await wire.close()
            repeat {
                answer = try await server.call("POST", "/hooks/h", [("Content-Type", "text/plain")], body: small)
            } while answer.status == 429
            #expect(answer.status == 202)
        }
    }

    @Test("a header that is too large, and what is no HTTP, is answered with 400 and the connection closed")
    func nonsense() async throws {
        try await Self.rig().serve { server in
            for text in [
                "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: " + String(repeating: "x", count: 100_000) + "\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: localhost\r\n" + String(repeating: "A: b\r\n", count: 2000) + "\r\n",
                "\u{16}\u{3}\u{1}nonsense\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
                "POST /hooks/h HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            ] {
                let wire = try await Wire(port: server.port)
                try? await wire.send(text)
                let answer = try Answer(await wire.readToEnd())
                #expect(answer.status == 400)
                #expect(answer.headers["connection"] == "close")
            }
            #expect(try await server.isHealthy())
            #expect(await server.runs().isEmpty)
        }
    }

    // MARK: - Many

    @Test("connections that say nothing keep nobody out, and are closed when their time is over")
    func idle() async throws {
        // In its own process, because of the descriptors: Foundation's `Process`, which other tests use, reads beyond a
        // buffer in a process with more than about 1,300 of them.
        await #expect(processExitsWith: .success) {
            let count = min(2000, (ConnectionLimit.raise(to: 12_000) - 500) / 2)
            try await HostileCallerTests.rig(connections: count + 100).serve { server in
                var wires: [Wire] = []
                for _ in 0..<count { wires.append(try await Wire(port: server.port)) }
                #expect(try await server.isHealthy())
                let hook = try await server.call("POST", "/hooks/h", [("Content-Type", "text/plain")], body: "x")
                #expect(hook.status == 202)
                for wire in wires { await wire.close() }
                #expect(try await server.isHealthy())
            }
        }
        try await Self.rig(idle: .milliseconds(50)).serve { server in
            var wires: [Wire] = []
            for _ in 0..<100 { wires.append(try await Wire(port: server.port)) }
            for wire in wires { #expect(await wire.readToEnd().isEmpty) }
        }
    }

    @Test("beyond the most connections that there may be, idle ones make room, however long they may be idle")
    func tooMany() async throws {
        try await Self.rig(connections: 5).serve { server in
            var wires: [Wire] = []
            for _ in 0..<10 { wires.append(try await Wire(port: server.port)) }
            await server.untilHealthy()
            for wire in wires { await wire.close() }
        }
    }

    // MARK: - Not hostile

    @Test("a caller who has said all and closed its side still gets its answer")
    func halfClosed() async throws {
        try await Self.rig().serve { server in
            let wire = try await Wire(port: server.port)
            try await wire.send(server.request("POST", "/hooks/h", [("Content-Type", "text/plain")], body: "x"))
            try await wire.closeOutput()
            #expect(try Answer(await wire.readToEnd()).status == 202)
        }
    }
}
