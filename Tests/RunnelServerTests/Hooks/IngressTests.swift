import RunnelKit
import RunnelTesting
import Testing

@testable import RunnelEngine
@testable import RunnelServer

/// A trigger that the server has never heard of: takes files of any size, piece by piece.
struct Upload: LedgerTrigger {
    static let name = "upload"
    static let summary = "Starts a run for a file that is uploaded."
    static let titles = ["en": "upload to"]
    static let documentation = TriggerDocumentation(payload: [])

    static func summary(of payload: Value) -> String? { payload["folder"]?.asString }

    static let ledgerPrefix = "upload/"

    static func ledgerItem(key: String, value: Value) -> LedgerItem? {
        LedgerItem(
            name: String(key.dropFirst(ledgerPrefix.count)), size: value["size"]?.asInt.map { Int($0) }, runID: "r1")
    }

    @Field("How large a file may be.") var limit: ByteCount = .mebibytes(4)
    @Field("Whether it holds the caller until the gate opens.") var holds: Bool = false

    func run(_ context: TriggerContext) async throws {
        let gates = try await context.services.get(Gates.self)
        let route = IngressRoute("files/{folder}/{name}", methods: ["PUT"], body: .streamed(upTo: limit.bytes)) {
            [holds] request in
            if holds {
                await gates.arrive(at: "held")
                do {
                    try await ContinuousClock().sleep(for: .seconds(60))
                } catch {
                    await gates.arrive(at: request.routeStatus == .active ? "caller left" : "shutting down")
                    throw error
                }
            }
            var size: Int64 = 0
            for try await piece in request.bodyStream {
                if size == 0 { await gates.arrive(at: "first piece") }
                size += Int64(piece.count)
            }
            let folder = request.parameters["folder"] ?? ""
            let event = TriggerEvent(
                dedupeKey: request.path,
                payload: ["folder": .string(folder), "size": .int(size), "from": .string(request.remoteAddress)])
            let run = try await context.emit(event).runID
            return IngressResponse(
                status: 201, headers: ["content-type": "text/plain"],
                body: .stream { [size] writer in
                    try await writer.write(Array("\(request.parameters["name"] ?? "") of ".utf8))
                    try await writer.write(Array("\(size) bytes: \(run ?? "")\n".utf8))
                })
        }
        try await context.serve(route)
    }
}

@Suite("A route of a trigger that the server does not know", .timeLimit(.minutes(5))) struct IngressTests {
    private static func rig(_ keys: String = "{}") -> ServerRig {
        ServerRig(pipelines: [
            "u.yaml":
                "name: u\non: { upload: \(keys) }\nsteps: [ { uses: template, with: { text: \"{{ trigger.size }} bytes\" } } ]"
        ])
    }

    @Test("gets the body as it comes, the parameters and the caller, and streams its answer")
    func streaming() async throws {
        try await Self.rig().serve { server in
            let wire = try await Wire(port: server.port)
            try await wire.send(
                "PUT /hooks/files/a%20b/c.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            // Before the body is whole.
            await server.gates.waitForArrivals(at: "first piece")
            try await wire.send("6\r\n world\r\n0\r\n\r\n")
            let answer = try Answer(await wire.readToEnd())
            let run = try #require(await server.runs().first)
            #expect(answer.status == 201)
            #expect(answer.text == "c.txt of 11 bytes: \(run.id)\n")
            #expect(run.trigger["folder"] == "a b")
            #expect(run.trigger["size"] == 11)
            #expect(run.trigger["from"] == "127.0.0.1")
            #expect(try await server.end(of: run.id) == .succeeded(output: "11 bytes"))
        }
    }

    @Test("a body that is larger than the route takes is refused, declared or not, and starts nothing")
    func tooLarge() async throws {
        try await Self.rig("{ limit: 8B }").serve { server in
            let declared = try await server.call("PUT", "/hooks/files/a/b", body: "123456789")
            #expect(declared.status == 413)
            #expect(declared.error == "body-too-large the body is larger than the 8B that this hook takes")
            let wire = try await Wire(port: server.port)
            try await wire.send(
                "PUT /hooks/files/a/b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n5\r\n12345\r\n0\r\n\r\n")
            #expect(try Answer(await wire.readToEnd()).status == 413)
            #expect(await server.runs().isEmpty)
        }
    }

    @Test("other methods and other paths are refused")
    func refusals() async throws {
        try await Self.rig().serve { server in
            let method = try await server.call("POST", "/hooks/files/a/b", body: "x")
            #expect(method.status == 405)
            #expect(method.headers["allow"] == "PUT, HEAD, OPTIONS")
            #expect(method.error == "method-not-allowed this hook is called with PUT")
            for path in [
                "/hooks/files", "/hooks/files/a", "/hooks/files/a/b/c", "/hooks/files//b", "/hooks/files/a/%ZZ",
            ] {
                let answer = try await server.call("PUT", path, body: "x")
                #expect(answer.status == 404, "\(path)")
                #expect(answer.error == "no-such-hook there is no hook at \"\(path)\"")
            }
        }
    }

    @Test("a handler is told when its caller has gone")
    func clientDisconnected() async throws {
        try await Self.rig("{ holds: true }").serve { server in
            let wire = try await Wire(port: server.port)
            try await wire.send(server.request("PUT", "/hooks/files/a/b", body: "x"))
            await server.gates.waitForArrivals(at: "held")
            await wire.close()
            await server.gates.waitForArrivals(at: "caller left")
        }
    }

    @Test("a handler is told when Runnel shuts down, which is not the caller's doing")
    func shutdown() async throws {
        try await Self.rig("{ holds: true }").serve { server in
            let wire = try await Wire(port: server.port)
            try await wire.send(server.request("PUT", "/hooks/files/a/b", body: "x"))
            await server.gates.waitForArrivals(at: "held")
            server.server.stopAccepting()
            server.server.endAnswers(within: .seconds(1))
            await server.gates.waitForArrivals(at: "shutting down")
            await wire.close()
        }
    }

    @Test("what it remembers is on a page and in the API, a part at a time; other triggers have no such page")
    func ledger() async throws {
        let pipeline = """
            name: u
            on: { upload: {}, webhook: { path: w, verify: { scheme: none } } }
            steps: [ { uses: log, with: { message: x } } ]
            """
        let rig = ServerRig.dashboard(["u.yaml": pipeline])
        try await rig.serve { server in
            let memory = server.journal.memory(of: TriggerID(pipeline: "u", key: "upload"))
            var entries: [String: Value?] = ["other": 1]
            for number in 100..<203 { entries["upload/<\(number)>"] = ["size": .int(Int64(number))] as Value }
            try await memory.set(entries)
            let browser = try await Browsing.signedIn(server)
            #expect(try await browser.page("/triggers").contains(#"<a href="/pipelines/u/ledger?trigger=upload">"#))
            let first = try await browser.page("/pipelines/u/ledger?trigger=upload")
            #expect(first.contains("&lt;100&gt;"))
            #expect(first.contains("&lt;199&gt;"))
            #expect(!first.contains("&lt;200&gt;"))
            #expect(first.contains(#"data-label="Bytes">199</td>"#))
            #expect(first.contains(#"<a href="/runs/r1">"#))
            #expect(first.contains("after=upload%2F%3C199%3E"))
            let second = try await browser.page("/pipelines/u/ledger?trigger=upload&after=upload/%3C199%3E")
            #expect(second.contains("&lt;202&gt;"))
            #expect(!second.contains("rel=\"next\""))
            func call(_ path: String) async throws -> Answer {
                try await server.call("GET", "/api/v1" + path, [("Authorization", "Bearer \(Browsing.token)")])
            }
            let page = try await call("/pipelines/u/triggers/upload/ledger?limit=2").json()
            #expect(page["entries"]?[1] == ["name": "<101>", "size": 101, "run": "r1"])
            #expect(page["next"] == "upload/<101>")
            let last = try await call("/pipelines/u/triggers/upload/ledger?after=upload/%3C201%3E").json()
            #expect(last["entries"]?.asList?.count == 1)
            #expect(last["next"] == nil)
            let none = try await call("/pipelines/u/triggers/webhook/ledger")
            #expect(none.status == 404)
            #expect(none.error?.hasPrefix("no-such-trigger ") == true)
            #expect(
                none.error?.hasSuffix(#" has no trigger "webhook" with a ledger; those with one are upload"#) == true)
        }
    }
}
