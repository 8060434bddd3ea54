import RunnelKit
import RunnelTesting
import Testing

@testable import RunnelEngine

@Suite("Hooks over HTTP", .timeLimit(.minutes(5))) struct HookTests {
    private static let open = "verify: { scheme: none }"
    private static let text = [("Content-Type", "text/plain")]
    private static let gate = "{ id: wait, uses: gate, with: { gate: g } }"

    private static func rig(_ keys: String, steps: String = gate) -> ServerRig {
        ServerRig(pipelines: ["h.yaml": Pipelines.hook(keys, steps: steps)], secrets: ["hook": "s3cr3t-value"])
    }

    // MARK: - Accepting

    @Test("a call is answered with the run's id once the run is on disk, and not before")
    func accepted() async throws {
        var rig = Self.rig(Self.open)
        rig.journal.gates = rig.gates
        try await rig.serve { server in
            let wire = try await Wire(port: server.port)
            try await wire.send(server.request("POST", "/hooks/h", Self.text + [("Connection", "close")], body: "x"))
            await server.gates.waitForArrivals(at: "commit")
            // Others are answered meanwhile, so there was time enough for a hasty answer.
            #expect(try await server.call("GET", "/health/live").status == 200)
            #expect(wire.receivedCount == 0)
            #expect(await server.runs().isEmpty)
            await server.gates.open("commit")
            let answer = try Answer(await wire.readToEnd())
            let id = try #require(answer.run)
            #expect(answer.status == 202)
            #expect(try answer.json() == ["run": .string(id), "status": "accepted"])
            #expect(answer.headers["location"] == "/api/v1/runs/\(id)")
            let run = try #require(try await server.journal.run(id))
            #expect(run.dedupeKey == nil)
            await server.gates.open("g")
        }
    }

    @Test("a caller who goes while the run is being stored leaves a run behind")
    func departure() async throws {
        var rig = Self.rig(Self.open)
        rig.journal.gates = rig.gates
        try await rig.serve { server in
            let wire = try await Wire(port: server.port)
            try await wire.send(server.request("POST", "/hooks/h", Self.text, body: "x"))
            await server.gates.waitForArrivals(at: "commit")
            await wire.close()
            #expect(try await server.call("GET", "/health/live").status == 200)
            await server.gates.open("commit")
            await server.gates.waitForArrivals(at: "g")
            await server.gates.open("g")
            let run = try #require(await server.runs().first)
            #expect(try await server.end(of: run.id) == .succeeded(output: "g"))
        }
    }

    @Test("a call that cannot be stored is told to come again, and nothing is accepted")
    func notStored() async throws {
        var rig = Self.rig(Self.open)
        rig.journal.failure = JournalError(.full, "the disk /var/lib/x is full")
        try await rig.serve { server in
            let answer = try await server.call("POST", "/hooks/h", Self.text, body: "x")
            #expect(answer.status == 503)
            #expect(answer.error == "unavailable runs cannot be stored now; try again in 5 s")
            #expect(answer.headers["retry-after"] == "5")
            #expect(await server.runs().isEmpty)
        }
    }

    @Test("a repeat of a delivery gets the answer of the first, also while the first goes on")
    func duplicate() async throws {
        try await Self.rig(Self.open).serve { server in
            let delivery = Self.text + [("X-GitHub-Delivery", "d-1")]
            let first = try await server.call("POST", "/hooks/h", delivery, body: "x")
            let second = try await server.call("POST", "/hooks/h", delivery, body: "x")
            #expect(second.status == 202)
            #expect(second.run == first.run)
            #expect(second.headers["location"] == first.headers["location"])
            let other = try await server.call("POST", "/hooks/h", Self.text + [("X-GitHub-Delivery", "d-2")], body: "x")
            #expect(other.run != first.run)
            #expect(await server.runs().count == 2)
            await server.gates.open("g")
        }
    }

    @Test("when the queue is full, calls are told to come again, and no run of them is anywhere")
    func full() async throws {
        var rig = Self.rig(Self.open)
        (rig.limit, rig.maximumQueued, rig.isWorking) = (1, 2, false)
        let answers = try await rig.serve { server in
            try await server.callAtOnce(12) { try await $0.call("POST", "/hooks/h", Self.text, body: "x") }
        }
        #expect(answers.count { $0.status == 202 } == 2)
        for answer in answers where answer.status != 202 {
            #expect(answer.status == 429)
            #expect(answer.headers["retry-after"] == "1")
            #expect(answer.error == "overloaded too many runs are waiting; try again in 1 s")
        }
        #expect(await rig.journal.runs(RunFilter()).count == 2)
    }

    // MARK: - Refusing

    @Test("a caller without the right proof gets 401 and not a word, whatever the body is")
    func refused() async throws {
        try await Self.rig("verify: { scheme: github, secret: \"{{ secrets.hook }}\" }").serve { server in
            for (type, body) in [("application/json", "{"), ("image/png", "x"), ("application/json", "{}")] {
                for proof in [nil, "sha256=00", "sha256=" + String(repeating: "0", count: 64)] {
                    let headers = [("Content-Type", type)] + (proof.map { [("X-Hub-Signature-256", $0)] } ?? [])
                    let answer = try await server.call("POST", "/hooks/h", headers, body: body)
                    #expect(answer.status == 401)
                    #expect(answer.body.isEmpty)
                    #expect(
                        Set(answer.headers.keys)
                            == [
                                "x-request-id", "x-content-type-options", "date", "server", "content-length",
                                "connection",
                            ])
                }
            }
            #expect(await server.runs().isEmpty)
            #expect(server.log.lines.contains { $0.contains("a webhook was refused") })
            #expect(server.log.lines.allSatisfy { !$0.contains("s3cr3t") })
        }
    }

    @Test("what a hook cannot take has its status, its code and its words")
    func unfit() async throws {
        try await Self.rig(Self.open + ", max_body: 10B").serve { server in
            let large = try await server.call("POST", "/hooks/h", Self.text, body: "12345678901")
            #expect(large.status == 413)
            #expect(large.error == "body-too-large the body is larger than the 10B that this hook takes")
            #expect(large.headers["connection"] == "close")
            let image = try await server.call("POST", "/hooks/h", [("Content-Type", "image/png")], body: "x")
            #expect(image.status == 415)
            #expect(image.error == "unsupported-media-type this hook does not take bodies of the type \"image/png\"")
            let broken = try await server.post("/hooks/h", "{")
            #expect(broken.status == 400)
            #expect(broken.error?.hasPrefix("malformed-body the body is not JSON: line 1, column 2: ") == true)
            let fits = try await server.call("POST", "/hooks/h", Self.text, body: "1234567890")
            #expect(fits.status == 202)
            #expect(await server.runs().count == 1)
            await server.gates.open("g")
        }
    }

    @Test("an announced body that is too large is refused before it is sent")
    func expectation() async throws {
        try await Self.rig(Self.open + ", max_body: 10B").serve { server in
            let wire = try await Wire(port: server.port)
            let head =
                "POST /hooks/h HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nExpect: 100-continue\r\n"
            try await wire.send(head + "Content-Length: 11\r\n\r\n")
            #expect(String(decoding: await wire.readToEnd(), as: UTF8.self).hasPrefix("HTTP/1.1 413 "))
            let other = try await Wire(port: server.port)
            try await other.send(head + "Content-Length: 2\r\n\r\n")
            #expect(try await other.read(to: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            try await other.send("ok")
            #expect(try await other.read(to: "\r\n\r\n").hasPrefix("HTTP/1.1 202 "))
            await other.close()
            await server.gates.open("g")
        }
    }

    @Test("the questions of Slack and of hubs are answered, and start nothing")
    func challenges() async throws {
        try await Self.rig(Self.open).serve { server in
            let hub = try await server.call("GET", "/hooks/h?hub.mode=subscribe&hub.challenge=abc%20d")
            #expect(hub.status == 200)
            #expect(hub.text == "abc d")
            #expect(hub.headers["content-type"] == "text/plain; charset=utf-8")
            #expect(await server.runs().isEmpty)
        }
        let slack = Self.rig("verify: { scheme: slack, secret: \"{{ secrets.hook }}\" }")
        try await slack.serve { server in
            let question = #"{"type": "url_verification", "challenge": "c-1"}"#
            let unsigned = try await server.post("/hooks/h", question)
            #expect(unsigned.status == 401)
            let now = "\(ServerRig.now / 1_000_000_000)"
            let signature = HMACText.sha256("v0:\(now):\(question)", key: "s3cr3t-value")
            let answer = try await server.post(
                "/hooks/h", question,
                [("X-Slack-Request-Timestamp", now), ("X-Slack-Signature", "v0=\(signature)")])
            #expect(answer.status == 200)
            #expect(answer.text == "c-1")
            #expect(await server.runs().isEmpty)
        }
    }

    @Test("a path with slashes leads to its hook, and one that only looks like it does not")
    func paths() async throws {
        let yaml = "name: deep\non: { webhook: { path: a/b, verify: { scheme: none } } }\nsteps: [ \(Self.gate) ]"
        try await ServerRig(pipelines: ["d.yaml": yaml]).serve { server in
            await server.gates.open("g")
            for path in ["/hooks/a/b", "/hooks/a/b/", "/hooks/a/b?x=1"] {
                let answer = try await server.call("POST", path, Self.text, body: "x")
                #expect(answer.status == 202, "\(path)")
            }
            for path in ["/hooks/a", "/hooks/a/b/c", "/hooks/A/b", "/hooks/../hooks/a/b"] {
                let answer = try await server.call("POST", path, Self.text, body: "x")
                #expect(answer.status == 404, "\(path)")
            }
        }
    }
}
