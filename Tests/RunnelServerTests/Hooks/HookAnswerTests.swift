import RunnelKit
import RunnelTesting
import Testing

@testable import RunnelEngine

@Suite("What a hook answers when the run is waited for", .timeLimit(.minutes(5))) struct HookAnswerTests {
    private static let text = [("Content-Type", "text/plain")]
    private static let gate = "{ id: wait, uses: gate, with: { gate: g } }"

    private static func rig(_ keys: String, steps: String = gate) -> ServerRig {
        ServerRig(
            pipelines: ["h.yaml": Pipelines.hook("verify: { scheme: none }, \(keys)", steps: steps)],
            secrets: ["key": "s3cr3t-value"])
    }

    // MARK: - The result

    @Test("the caller gets what the run gave, and a repeat gets it again")
    func result() async throws {
        let steps = "{ uses: template, with: { text: \"Hi {{ trigger.body }}\" } }"
        try await Self.rig("respond: result", steps: steps).serve { server in
            let headers = Self.text + [("Idempotency-Key", "i")]
            for _ in 0..<2 {
                let answer = try await server.call("POST", "/hooks/h", headers, body: "Ada")
                #expect(answer.status == 200)
                #expect(answer.text == "Hi Ada")
                #expect(answer.headers["content-type"] == "text/plain; charset=utf-8")
                let run = try #require(await server.runs().first)
                #expect(answer.headers["runnel-run-id"] == run.id)
            }
            #expect(await server.runs().count == 1)
        }
    }

    @Test("of a run that failed, the caller learns the id and the code, not the words")
    func failed() async throws {
        let steps = "{ uses: break, with: { message: \"cannot read {{ secrets.key }}\" } }"
        try await Self.rig("respond: result", steps: steps).serve { server in
            let answer = try await server.call("POST", "/hooks/h", Self.text, body: "x")
            #expect(answer.status == 500)
            let run = try #require(await server.runs().first)
            #expect(
                try answer.json() == ["run": .string(run.id), "status": "failed", "error": ["code": "broken"]])
            #expect(answer.headers["runnel-run-id"] == run.id)
            #expect(server.log.lines.allSatisfy { !$0.contains("s3cr3t") })
        }
    }

    @Test("when the run takes longer than the caller waits, it goes on, and the answer says where")
    func timeOut() async throws {
        try await Self.rig("respond: result, timeout: 20ms").serve { server in
            let answer = try await server.call("POST", "/hooks/h", Self.text, body: "x")
            #expect(answer.status == 202)
            let run = try #require(answer.run)
            #expect(answer.headers["location"] == "/api/v1/runs/\(run)")
            #expect(await server.runs().map(\.state) == [.running])
            await server.gates.open("g")
            #expect(try await server.end(of: run) == .succeeded(output: "g"))
        }
    }

    @Test("a caller who closes its side is told where the result will be, since it may have gone")
    func halfClosed() async throws {
        try await Self.rig("respond: result").serve { server in
            let wire = try await Wire(port: server.port)
            try await wire.send(server.request("POST", "/hooks/h", Self.text, body: "x"))
            await server.gates.waitForArrivals(at: "g")
            try await wire.closeOutput()
            let answer = try Answer(await wire.readToEnd())
            #expect(answer.status == 202)
            await server.gates.open("g")
            #expect(try await server.end(of: try #require(answer.run)) == .succeeded(output: "g"))
        }
    }

    @Test("a caller who goes leaves the run alone")
    func departure() async throws {
        try await Self.rig("respond: result").serve { server in
            let run = try await Self.leave(server)
            #expect(try await server.call("GET", "/health/live").status == 200)
            await server.gates.open("g")
            #expect(try await server.end(of: run) == .succeeded(output: "g"))
        }
    }

    @Test("a caller who goes takes the run along where that is wanted", arguments: ["result", "stream"])
    func cancellingDeparture(respond: String) async throws {
        try await Self.rig("respond: \(respond), cancel_on_disconnect: true").serve { server in
            let run = try await Self.leave(server)
            #expect(try await server.end(of: run) == .cancelled)
        }
    }

    /// Calls, and goes once the run has begun.
    private static func leave(_ server: RunningServer) async throws -> String {
        let wire = try await Wire(port: server.port)
        try await wire.send(server.request("POST", "/hooks/h", text, body: "x"))
        await server.gates.waitForArrivals(at: "g")
        await wire.close()
        return try #require(await server.runs().first?.id)
    }

    // MARK: - The stream

    private static let talk = "{ id: say, uses: talk, with: { pieces: [\"one \", \"two \", \"three\"] } }"

    @Test("the caller gets all that a quick run says, from its first word to its end")
    func stream() async throws {
        try await Self.rig("respond: stream", steps: Self.talk).serve { server in
            for _ in 0..<20 {
                let answer = try await server.call("POST", "/hooks/h", Self.text, body: "x")
                #expect(answer.status == 200)
                #expect(answer.headers["content-type"] == "text/event-stream")
                let run = try #require(answer.headers["runnel-run-id"])
                let events = Self.events(answer.text)
                #expect(events.first?.name == "run")
                #expect(events.first?.data == ["run": .string(run)])
                let words = events.filter { $0.name == "delta" }.compactMap { $0.data["text"]?.asString }
                #expect(words.joined() == "one two three")
                #expect(events.last?.name == "end")
                #expect(
                    events.last?.data
                        == ["run": .string(run), "status": "succeeded", "output": "one two three"])
            }
        }
    }

    @Test("a repeat of the delivery hears all of it as well, also when the run has ended")
    func streamedAgain() async throws {
        try await Self.rig("respond: stream", steps: "\(Self.talk), \(Self.gate)").serve { server in
            let headers = Self.text + [("Idempotency-Key", "i")]
            async let first = server.call("POST", "/hooks/h", headers, body: "x")
            await server.gates.waitForArrivals(at: "g")
            async let second = server.call("POST", "/hooks/h", headers, body: "x")
            await server.gates.open("g")
            let answers = [try await first, try await second]
            let third = try await server.call("POST", "/hooks/h", headers, body: "x")
            for answer in answers + [third] {
                let events = Self.events(answer.text)
                let words = events.filter { $0.name == "delta" }.compactMap { $0.data["text"]?.asString }
                #expect(words.joined() == "one two three")
                #expect(events.last?.data["status"] == "succeeded")
            }
            #expect(await server.runs().count == 1)
        }
    }

    @Test("what a run says is sent as it says it")
    func live() async throws {
        try await Self.rig("respond: stream", steps: "\(Self.talk), \(Self.gate)").serve { server in
            let wire = try await Wire(port: server.port)
            try await wire.send(server.request("POST", "/hooks/h", Self.text + [("Connection", "close")], body: "x"))
            #expect(try await wire.read(to: "three").contains("event: delta"))
            await server.gates.waitForArrivals(at: "g")
            await server.gates.open("g")
            let rest = String(decoding: await wire.readToEnd(), as: UTF8.self)
            #expect(rest.contains("event: end"))
        }
    }

    private static func events(_ text: String) -> [(name: String, data: Value)] {
        text.split(separator: "\n\n").compactMap { event in
            let lines = event.split(separator: "\n")
            guard lines.count == 2, let data = try? Value.json(String(lines[1].dropFirst("data: ".count))) else {
                return nil
            }
            return (String(lines[0].dropFirst("event: ".count)), data)
        }
    }
}
