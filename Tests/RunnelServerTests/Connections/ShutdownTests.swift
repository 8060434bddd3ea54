import Foundation
import HTTPServing
import NIOCore
import NIOEmbedded
import NIOPosix
import RunnelKit
import RunnelTesting
import Synchronization
import TestSupport
import Testing

@testable import RunnelEngine
@testable import RunnelServer

@Suite("Shutting the server down", .timeLimit(.minutes(5))) struct ShutdownTests {
    private static let shuttingDown = "shutting-down Runnel is shutting down; try again in 5 s"

    private static func rig(_ respond: String) -> ServerRig {
        ServerRig(pipelines: [
            "h.yaml": Pipelines.hook(
                "verify: { scheme: none }, respond: \(respond)",
                steps: "{ id: say, uses: talk, with: { pieces: [a] } }, { id: wait, uses: gate, with: { gate: g } }"),
            "gate.yaml": Pipelines.gate,
        ])
    }

    @Test("nobody can connect any more, and idle connections are closed")
    func idle() async throws {
        try await Self.rig("accepted").serve { server in
            let fresh = try await Wire(port: server.port)
            let used = try await Wire(port: server.port)
            try await used.send(server.request("GET", "/health/live"))
            _ = try await used.read(to: "\"ok\"}")
            server.server.stopAccepting()
            #expect(await fresh.readToEnd() == [])
            #expect(await used.readToEnd() == [])
            while (try? await Wire(port: server.port)) != nil { try await waitTurn() }
        }
    }

    @Test("a delivery that comes while the server shuts down is told to come again, and its connection ends")
    func late() async throws {
        try await Self.rig("accepted").serve { server in
            let wire = try await Wire(port: server.port)
            let request = server.request("POST", "/hooks/h", [("Content-Type", "application/json")], body: "{}")
            let half = request.index(request.startIndex, offsetBy: 20)
            try await wire.send(String(request[..<half]))
            // Whatever came before on other connections has been read once this is answered.
            #expect(try await server.call("GET", "/health/live").status == 200)
            server.server.stopAccepting()
            try await wire.send(String(request[half...]))
            let answer = try Answer(await wire.readToEnd())
            #expect(answer.status == 503)
            #expect(answer.error == Self.shuttingDown)
            #expect(answer.headers["retry-after"] == "5")
            #expect(answer.headers["connection"] == "close")
            #expect(await server.runs().isEmpty)
        }
    }

    @Test("requests that are sent behind one that is under way are not begun")
    func pipelined() async throws {
        try await Self.rig("result").serve { server in
            let wire = try await Wire(port: server.port)
            let request = server.request("POST", "/hooks/h", [("Content-Type", "application/json")], body: "{}")
            try await wire.send(request)
            await server.gates.waitForArrivals(at: "g")
            server.server.stopAccepting()
            try await Self.waitForDraining(server)
            try await wire.send(request)
            await server.gates.open("g")
            let answer = try Answer(await wire.readToEnd())
            #expect(answer.status == 200)
            #expect(answer.text == "g")
            #expect(await server.runs().count == 1)
        }
    }

    @Test("a caller who waits for a run that ends in time gets its result")
    func inTime() async throws {
        try await Self.rig("result").serve { server in
            async let answering = server.post("/hooks/h", "{}")
            await server.gates.waitForArrivals(at: "g")
            server.server.stopAccepting()
            await server.gates.open("g")
            let answer = try await answering
            #expect(answer.status == 200)
            #expect(answer.text == "g")
        }
    }

    @Test("a caller who waits for a run that goes on later is told that it is accepted; the run is not cancelled")
    func notInTime() async throws {
        try await Self.rig("result, cancel_on_disconnect: true").serve { server in
            async let answering = server.post("/hooks/h", "{}")
            await server.gates.waitForArrivals(at: "g")
            server.server.stopAccepting()
            server.server.endAnswers(within: .seconds(30))
            let run = try #require(await server.runs().first)
            let answer = try await answering
            #expect(answer.status == 202)
            #expect(try answer.json() == ["run": .string(run.id), "status": "accepted"])
            #expect(try await server.journal.run(run.id)?.state == .running)
        }
    }

    @Test("a hook's stream ends whole, and says that the run goes on")
    func stream() async throws {
        try await Self.rig("stream, cancel_on_disconnect: true").serve { server in
            let wire = try await Wire(port: server.port)
            try await wire.send(
                server.request(
                    "POST", "/hooks/h", [("Content-Type", "application/json"), ("Connection", "close")], body: "{}"))
            let beginning = try await wire.read(to: "\"text\":\"a\"}\n\n\r\n")
            server.server.stopAccepting()
            server.server.endAnswers(within: .seconds(30))
            let run = try #require(await server.runs().first)
            let answer = try Answer(Array(beginning.utf8) + (await wire.readToEnd()))
            #expect(
                answer.text.hasSuffix("event: end\ndata: {\"run\":\"\(run.id)\",\"status\":\"accepted\"}\n\n"))
            #expect(try await server.journal.run(run.id)?.state == .running)
        }
    }

    @Test("who watches a run hears that the server shuts down, and the stream ends whole")
    func watcher() async throws {
        try await Self.rig("accepted").serve { server in
            let id = try #require(try await server.post("/api/v1/pipelines/gate/runs", "").run)
            let wire = try await Wire(port: server.port)
            try await wire.send(server.request("GET", "/api/v1/runs/\(id)/events", [("Connection", "close")]))
            let beginning = try await wire.read(to: "event: step-started\n")
            server.server.stopAccepting()
            server.server.endAnswers(within: .seconds(30))
            let answer = try Answer(Array(beginning.utf8) + (await wire.readToEnd()))
            #expect(
                answer.text.hasSuffix("event: shutdown\ndata: {\"message\":\"Runnel is shutting down\"}\n\n"))
        }
    }

    @Test("a caller who never sends the rest of its body cannot hold the server back")
    func stuck() async throws {
        try await Self.rig("accepted").serve { server in
            let wire = try await Wire(port: server.port)
            try await wire.send(
                "POST /hooks/h HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
            _ = try await wire.read(to: "100 Continue\r\n\r\n")
            try await wire.send("{")
            server.server.stopAccepting()
            server.server.endAnswers(within: .milliseconds(50))
            #expect(await wire.readToEnd() == [])
        }
    }

    @Test("a server that is stopped before it begins does not begin")
    func stoppedBefore() async throws {
        try await Self.rig("accepted").serve { server in
            let other = RunnelServer(
                options: ServerOptions(port: 0), ingress: HTTPIngress(), queue: server.queue, host: server.host,
                journal: server.journal, version: "1", logger: server.log.logger())
            other.stopAccepting()
            try await other.run { port in Issue.record("it listens on \(port)") }
        }
    }

    @Test("a request that arrives before the server is said to listen is answered afterwards")
    func early() async throws {
        try await Self.rig("accepted").serve { server in
            let other = RunnelServer(
                options: ServerOptions(port: 0), ingress: HTTPIngress(), queue: server.queue, host: server.host,
                journal: server.journal, version: "1", logger: server.log.logger())
            let (ports, port) = AsyncStream.makeStream(of: Int.self)
            let ready = Latch()
            let serving = Task {
                defer { port.finish() }
                try await other.run {
                    port.yield($0)
                    await ready.wait()
                }
            }
            var iterator = ports.makeAsyncIterator()
            let number = await iterator.next()
            let wire = try await Wire(port: try #require(number))
            try await wire.send(server.request("GET", "/health/live"))
            // Everything that was put on the event loops before has been done by then.
            for _ in 0..<100 { await Task.yield() }
            #expect(wire.receivedCount == 0)
            ready.open()
            _ = try await wire.read(to: "\"ok\"}")
            serving.cancel()
            try await serving.value
        }
    }

    @Test("a server that is cancelled in any moment ends", arguments: 0..<20)
    func cancelled(round: Int) async throws {
        try await Self.rig("accepted").serve { server in
            let other = RunnelServer(
                options: ServerOptions(port: 0), ingress: HTTPIngress(), queue: server.queue, host: server.host,
                journal: server.journal, version: "1", logger: server.log.logger())
            let (ports, port) = AsyncStream.makeStream(of: Int.self)
            let serving = Task {
                defer { port.finish() }
                try await other.run { port.yield($0) }
            }
            if !round.isMultiple(of: 4) {
                var iterator = ports.makeAsyncIterator()
                let number = await iterator.next()
                // Connections that the server may not have taken over yet.
                if let number { for _ in 0..<round { _ = try? await Wire(port: number) } }
            }
            serving.cancel()
            try await serving.value
        }
    }

    /// Until connections know that they end.
    private static func waitForDraining(_ server: RunningServer) async throws {
        while (try? await Wire(port: server.port)) != nil { try await waitTurn() }
        // Everything that was put on the event loops before has been done by then.
        for _ in 0..<100 { await Task.yield() }
    }
}

@Suite("More callers than there can be connections", .timeLimit(.minutes(5))) struct FullServerTests {
    private static func rig(limit: Int) -> ServerRig {
        var rig = ServerRig(pipelines: ["gate.yaml": Pipelines.gate])
        rig.options.maximumConnections = limit
        return rig
    }

    @Test("connections that are idle are closed for a caller, the longest idle first")
    func idle() async throws {
        try await Self.rig(limit: 8).serve { server in
            var idle: [Wire] = []
            for _ in 0..<8 { idle.append(try await Wire(port: server.port)) }
            await server.untilHealthy()
            // The oldest has gone, the youngest has not.
            #expect(await idle[0].readToEnd() == [])
            try await idle[7].send(server.request("GET", "/health/live", [("Connection", "close")]))
            #expect(try Answer(await idle[7].readToEnd()).status == 200)
            for wire in idle { await wire.close() }
        }
    }

    @Test("callers do not wait behind any number of idle connections")
    func crowd() async throws {
        try await Self.rig(limit: 16).serve { server in
            var idle: [Wire] = []
            for _ in 0..<200 { idle.append(try await Wire(port: server.port)) }
            for _ in 0..<20 { await server.untilHealthy() }
            for wire in idle { await wire.close() }
        }
    }

    @Test("what a client has sent by then is read before its idle connection is closed", arguments: [true, false])
    func unread(hasSent: Bool) throws {
        let connection = ConnectionGuard(limits: .init(ConnectionTimeouts()))
        let channel = EmbeddedChannel(handler: connection)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        connection.closeIfIdle()
        #expect(channel.isActive)
        if hasSent { connection.bytesCame() }
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(channel.isActive == hasSent)
    }

    @Test("a connection whose request is under way is not closed for another one")
    func busy() async throws {
        // The connection that starts the run may not have been closed when the next one comes.
        try await Self.rig(limit: 3).serve { server in
            let id = try #require(try await server.post("/api/v1/pipelines/gate/runs", "").run)
            let busy = try await Wire(port: server.port)
            try await busy.send(server.request("GET", "/api/v1/runs/\(id)/events", [("Connection", "close")]))
            let beginning = try await busy.read(to: "event: step-started\n")
            let idle = [try await Wire(port: server.port), try await Wire(port: server.port)]
            await server.untilHealthy()
            await server.gates.open("g")
            let answer = try Answer(Array(beginning.utf8) + (await busy.readToEnd()))
            #expect(answer.text.contains("event: run-finished\n"))
            for wire in idle { await wire.close() }
        }
    }
}

@Suite("Connections that cannot be accepted", .timeLimit(.minutes(5))) struct AcceptErrorTests {
    private final class Recorder: ChannelInboundHandler, Sendable {
        typealias InboundIn = any Channel

        let errors = Mutex<[String]>([])

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            errors.withLock { $0.append("\((error as? IOError)?.errnoCode ?? 0)") }
        }
    }

    @Test("the server goes on when descriptors or memory run out or a caller goes early, and warns once in a while")
    func goesOn() async throws {
        let log = LogRecorder()
        let eviction = IdleEviction(connections: OpenConnections(), limit: 10)
        let recorder = Recorder()
        let (acceptances, acceptance) = AsyncStream.makeStream(of: Void.self)
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                acceptance.yield()
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .serverChannelInitializer { channel in
                channel.pipeline.addHandlers([AcceptErrors(eviction, log.logger()), recorder])
            }
            .bind(host: "127.0.0.1", port: 0).get()
        for code in [EMFILE, ENFILE, ENOBUFS, ENOMEM, ECONNABORTED, EBADF] {
            server.pipeline.fireErrorCaught(IOError(errnoCode: code, reason: "accept"))
        }
        let wire = try await Wire(port: try #require(server.localAddress?.port))
        for await _ in acceptances { break }
        await wire.close()
        try await server.close()
        #expect(recorder.errors.withLock { $0 } == ["\(EBADF)"])
        let warnings = log.messages.filter { $0.contains("connections cannot be accepted and wait") }
        #expect(warnings.count == 1)
    }
}
