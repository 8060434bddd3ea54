import RunnelKit
import RunnelTesting
import Testing

@testable import RunnelEngine
@testable import RunnelServer

@Suite("Deliveries that are kept", .timeLimit(.minutes(5))) struct DeliveryTests {
    private static let json = ("Content-Type", "application/json")
    private static let keys =
        "verify: { scheme: github, secret: \"{{ secrets.hook }}\" }, if: \"trigger.body.go != false\""
    private static let step = "{ id: seen, uses: template, with: { text: \"{{ trigger | tojson }}\" } }"
    private static let secrets = ["hook": "s3cr3t-value", "key": "another-secret"]
    /// With a journal of its own each time.
    private static var rig: ServerRig {
        ServerRig(pipelines: ["h.yaml": Pipelines.hook(keys, steps: step)], secrets: secrets)
    }

    /// Calls the hook as GitHub does.
    private static func deliver(
        _ body: String, id: String, secret: String = "s3cr3t-value", _ server: RunningServer
    ) async throws -> Answer {
        try await server.call(
            "POST", "/hooks/h?page=1&token=t0ken",
            [
                json, ("X-GitHub-Delivery", id), ("Authorization", "Bearer b34rer"),
                ("X-Hub-Signature-256", "sha256=\(HMACText.sha256(body, key: secret))"),
            ], body: body)
    }

    private static func list(_ query: String = "", _ server: RunningServer) async throws -> [Value] {
        try await server.call("GET", "/api/v1/deliveries\(query)").json().asList ?? []
    }

    private static func number(_ delivery: Value) throws -> String { try #require(delivery["number"]).json() }

    private static func replay(_ delivery: Value, _ server: RunningServer) async throws -> Answer {
        try await server.post("/api/v1/deliveries/\(try number(delivery))/replay", "")
    }

    @Test("each call is listed with what became of it, the newest first, and a refused one with its reason")
    func outcomes() async throws {
        try await Self.rig.serve { server in
            let run = try #require(try await Self.deliver(#"{"go": true}"#, id: "1", server).run)
            #expect(try await Self.deliver(#"{"go": true}"#, id: "1", server).run == run)
            #expect(try await Self.deliver(#"{"go": false}"#, id: "2", server).status == 202)
            #expect(try await Self.deliver(#"{"go": true}"#, id: "3", secret: "wrong", server).status == 401)
            #expect(try await Self.deliver("{", id: "4", server).status == 400)
            #expect(try await server.call("PUT", "/hooks/h").status == 405)
            // Answered without the trigger: nothing was delivered.
            #expect(try await server.call("OPTIONS", "/hooks/h").status == 204)
            let all = try await Self.list("", server)
            #expect(
                all.map { $0["outcome"]?.asString } == [
                    "refused", "refused", "refused", "ignored", "duplicate", "accepted",
                ])
            #expect(all.map { $0["status"]?.asInt } == [405, 400, 401, 202, 202, 202])
            #expect(all[0]["reason"] == "this hook is called with POST")
            #expect(all[1]["reason"]?.asString?.hasPrefix("the body is not JSON") == true)
            #expect(all[2]["reason"] == "the signature is wrong")
            #expect(all[4]["run"] == .string(run))
            #expect(all[5]["run"] == .string(run))
            #expect(all[5]["pipeline"] == "hook")
            #expect(all[5]["trigger"] == "webhook")
            #expect(all[5]["path"] == "/hooks/h")
            #expect(try await Self.list("?outcome=refused&limit=2", server) == Array(all[0..<2]))
            #expect(
                try await Self.list("?outcome=refused&before=\(try Self.number(all[1]))", server) == Array(all[2..<3]))
            #expect(try await Self.list("?pipeline=other", server) == [])
            let wrong = try await server.call("GET", "/api/v1/deliveries?outcome=lost")
            #expect(
                wrong.error
                    == "bad-parameter there is no outcome \"lost\"; there are accepted, duplicate, ignored, refused")
        }
    }

    @Test("a delivery is kept as it came, without credentials and proof, and with secrets sealed")
    func raw() async throws {
        try await Self.rig.serve { server in
            let body = #"{"go": true, "note": "another-secret", "text": "é"}"#
            _ = try await Self.deliver(body, id: "1", server)
            let number = try Self.number(try #require(try await Self.list("", server).first))
            let shown = try await server.call("GET", "/api/v1/deliveries/\(number)").json()
            #expect(shown["body"] == .string(body.replacing("another-secret", with: "***")))
            #expect(shown["size"] == .int(Int64(body.utf8.count)))
            #expect(shown["whole"] == true)
            #expect(shown["query"] == "page=1")
            #expect(shown["url"]?.asString?.hasSuffix("/hooks/h?page=1") == true)
            #expect(shown["from"] == "127.0.0.1")
            let names = shown["headers"]?.asList?.compactMap { $0.asList?.first?.asString?.lowercased() } ?? []
            #expect(names.contains("x-github-delivery"))
            #expect(!names.contains("authorization") && !names.contains("x-hub-signature-256"))
            let id = try #require(Int64(number))
            let stored = try #require(try await server.journal.deliveries.delivery(id))
            #expect(!String(decoding: stored.body, as: UTF8.self).contains("another-secret"))
            let missing = try await server.call("GET", "/api/v1/deliveries/999")
            #expect(missing.status == 404)
            #expect(missing.error == "no-such-delivery there is no delivery \"999\"")
        }
    }

    @Test("a refused delivery is replayed without its signature, and the sender's own redelivery is then a duplicate")
    func refused() async throws {
        try await Self.rig.serve { server in
            let body = #"{"note": "another-secret", "go": false}"#
            #expect(try await Self.deliver(body, id: "7", secret: "wrong", server).status == 401)
            let delivery = try #require(try await Self.list("", server).first)
            let replayed = try await Self.replay(delivery, server)
            #expect(replayed.status == 202)
            let id = try #require(replayed.run)
            #expect(replayed.headers["location"] == "/api/v1/runs/\(id)")
            try await server.end(of: id)
            let run = try #require(try await server.journal.run(id))
            #expect(run.state == .succeeded)
            #expect(run.retryOf == nil)
            #expect(run.dedupeKey == "webhook:h:x-github-delivery:7")
            #expect(SecretSeal(secrets: Self.secrets).unseal(run.trigger)["raw"] == .string(body))
            // The sender tries again with the right secret, and what was kept has its identity.
            let again = try await Self.deliver(#"{"go": true}"#, id: "7", server)
            #expect(again.run == id)
            let entry = try #require(try await server.journal.operators.audit(before: nil, limit: 1).first)
            #expect(entry.action == "replay-delivery")
            #expect(entry.subject == (try Self.number(delivery)))
            #expect(entry.outcome == id)
        }
    }

    @Test("a replay of a delivery that has a run is a new run that retries it, each time")
    func again() async throws {
        try await Self.rig.serve { server in
            let first = try #require(try await Self.deliver(#"{"go": true}"#, id: "1", server).run)
            _ = try await Self.deliver(#"{"go": true}"#, id: "2", secret: "wrong", server)
            let second = try #require(try await Self.deliver(#"{"go": true}"#, id: "2", server).run)
            let all = try await Self.list("", server)
            for (delivery, old) in [(all[2], first), (all[2], first), (all[1], second)] {
                let id = try #require(try await Self.replay(delivery, server).run)
                #expect(id != old)
                #expect(try await server.journal.run(id)?.retryOf == old)
            }
            #expect(await server.runs().count == 5)
        }
    }

    @Test("replays of a delivery with the same Idempotency-Key start one run, whether or not the delivery has a run")
    func replayedOnce() async throws {
        try await Self.rig.serve { server in
            _ = try await Self.deliver(#"{"go": true}"#, id: "1", secret: "wrong", server)
            _ = try await Self.deliver(#"{"go": true}"#, id: "2", server)
            for (index, delivery) in try await Self.list("", server).enumerated() {
                let path = "/api/v1/deliveries/\(try Self.number(delivery))/replay"
                func replay(_ key: String) async throws -> String? {
                    try await server.post(path, "", [("Idempotency-Key", key)]).run
                }
                // A key counts for one delivery.
                let id = try #require(try await replay("once"))
                #expect(try await replay("once") == id)
                #expect(try await replay("twice") != id)
                #expect(try await replay("once") == id)
                #expect(await server.runs().count == 3 + 2 * index)
            }
            let long = try await server.post(
                "/api/v1/deliveries/1/replay", "", [("Idempotency-Key", String(repeating: "k", count: 201))])
            #expect(long.error == "bad-header Idempotency-Key: expected 1 to 200 characters, found 201")
        }
    }

    @Test("a delivery to a hook whose entry has variables is replayed")
    func variable() async throws {
        var rig = Self.rig
        rig.vars = ["path": "orders"]
        rig.pipelines = [
            "h.yaml": "name: h\non: { webhook: { path: '{{ vars.path }}', verify: { scheme: none } } }\n"
                + "steps: [ { uses: log, with: { message: x } } ]\n"
        ]
        try await rig.serve { server in
            let run = try #require(try await server.post("/hooks/orders", "{}").run)
            let delivery = try #require(try await Self.list("", server).first)
            let replayed = try await Self.replay(delivery, server)
            #expect(replayed.status == 202, "\(replayed.error ?? "")")
            let id = try #require(replayed.run)
            #expect(try await server.journal.run(id)?.retryOf == run)
        }
    }

    @Test("a body beyond the limit is kept cut, and replayed by its run or not at all")
    func cut() async throws {
        var rig = Self.rig
        rig.pipelines = [
            "h.yaml": Pipelines.hook("verify: { scheme: none }", steps: "{ uses: log, with: { message: x } }")
        ]
        try await rig.serve { server in
            let body = String(repeating: "x", count: DeliveryRecord.maximumBody - 4) + "another-secret"
            let run = try #require(
                try await server.call("POST", "/hooks/h", [("Content-Type", "text/plain")], body: body).run)
            try await server.end(of: run)
            let refused = try await server.call("POST", "/hooks/h", [("Content-Type", "image/png")], body: body)
            #expect(refused.status == 415)
            let all = try await Self.list("", server)
            #expect(all.map { $0["whole"] } == [false, false])
            #expect(all[1]["size"] == .int(Int64(body.utf8.count)))
            let number = try #require(Int64(try Self.number(all[1])))
            let stored = try #require(try await server.journal.deliveries.delivery(number))
            // The first bytes of a secret that goes on behind the cut are left out.
            #expect(stored.body == Array(repeating: UInt8(ascii: "x"), count: DeliveryRecord.maximumBody - 4))
            let id = try #require(try await Self.replay(all[1], server).run)
            #expect(try await server.journal.run(id)?.retryOf == run)
            let lost = try await Self.replay(all[0], server)
            #expect(lost.status == 409)
            #expect(
                lost.error == """
                    delivery-cut 256KiB of the body are kept, of \(ByteCount(body.utf8.count)), and no run has the rest; \
                    ask the sender to deliver it again
                    """)
        }
    }

    @Test("a body that was not read is not replayed as an empty one")
    func unread() async throws {
        var rig = Self.rig
        rig.pipelines = [
            "h.yaml": Pipelines.hook("verify: { scheme: none }", steps: "{ uses: log, with: { message: x } }")
        ]
        try await rig.serve { server in
            let fields = [("Content-Type", "text/plain"), ("Origin", "http://evil.example")]
            #expect(try await server.call("POST", "/hooks/h", fields, body: "hello").status == 403)
            let all = try await Self.list("", server)
            #expect(all.map { $0["whole"] } == [false])
            let answer = try await Self.replay(all[0], server)
            #expect(
                answer.error == "delivery-cut the body was not read to its end; ask the sender to deliver it again")
            #expect(await server.runs().isEmpty)
            let page = try await server.call("GET", "/deliveries/\(try Self.number(all[0]))").text
            #expect(page.contains("The body was not read to its end."))
            #expect(!page.contains("The body is empty."))
            #expect(try await server.call("POST", "/hooks/h", fields).status == 403)
            #expect(try await Self.list("", server).map { $0["whole"] } == [true, false])
        }
    }

    @Test("a replay that the trigger refuses again says why")
    func refusedAgain() async throws {
        try await Self.rig.serve { server in
            _ = try await Self.deliver("{", id: "1", server)
            let answer = try await Self.replay(try #require(try await Self.list("", server).first), server)
            #expect(answer.status == 409)
            #expect(
                answer.error?.hasPrefix("delivery-refused the trigger refuses the delivery: the body is not JSON")
                    == true
            )
            #expect(await server.runs().isEmpty)
        }
    }

    @Test("without room for deliveries none are kept, and calls are answered as ever")
    func off() async throws {
        var rig = Self.rig
        rig.options.recordsDeliveries = false
        try await rig.serve { server in
            let answer = try await Self.deliver(#"{"go": true}"#, id: "1", server)
            let kept = try await Self.list("", server)
            #expect(answer.status == 202)
            #expect(kept.isEmpty)
        }
    }

    @Test("strangers cannot fill the journal with refused calls")
    func flood() async throws {
        let journal = MemoryJournal()
        let log = LogRecorder()
        let recorder = DeliveryRecorder(
            journal: journal, seal: SecretSeal(secrets: [:]), logger: log.logger(), isOn: true)
        for outcome in [DeliveryRecord.Outcome.refused, .accepted] {
            for _ in 0..<2000 {
                recorder.record { Self.record(outcome) }
            }
        }
        await recorder.flush()
        let refused = try await journal.deliveries.deliveries(DeliveryFilter(outcome: .refused, limit: 9999)).count
        let accepted = try await journal.deliveries.deliveries(DeliveryFilter(outcome: .accepted, limit: 9999)).count
        #expect((600..<700).contains(refused))
        #expect(accepted == 2000)
        #expect(log.lines.contains { $0.contains("deliveries were not recorded: too many came at once") })
    }

    @Test("deliveries that a broken journal loses are counted in one line a minute")
    func lost() async throws {
        let failure = JournalError(.unreachable, "there is no journal", hint: "start it")
        let (log, clock) = (LogRecorder(), ManualClock())
        let recorder = DeliveryRecorder(
            journal: HeldJournal(failure: failure), seal: SecretSeal(secrets: [:]), logger: log.logger(), isOn: true,
            stopwatch: clock.measureStart())
        for _ in 0..<4 {
            recorder.record { Self.record(.refused) }
            await recorder.flush()
        }
        #expect(log.lines == ["warning 1 delivery was not recorded: there is no journal; start it"])
        clock.advance(by: .seconds(60))
        await recorder.flush()
        #expect(log.lines.count == 2)
        #expect(log.lines.last == "warning 3 deliveries were not recorded: there is no journal; start it")
    }

    private static func record(_ outcome: DeliveryRecord.Outcome) -> DeliveryRecord {
        DeliveryRecord(
            time: 0, pipeline: "p", trigger: "webhook", method: "POST", path: "/hooks/h", outcome: outcome,
            status: 401, size: 0, isWhole: true)
    }
}

/// A trigger of a plugin that answers requests and cannot replay them.
extension DeliveryTests {
    @Test("a streamed body is kept as well, and a trigger that cannot replay says so")
    func streamed() async throws {
        let rig = ServerRig(
            pipelines: ["u.yaml": "name: u\non: { upload: {} }\nsteps: [ { uses: log, with: { message: x } } ]"])
        try await rig.serve { server in
            #expect(try await server.call("PUT", "/hooks/files/in/a.txt", body: "a file").status == 201)
            let run = try #require(await server.runs().first?.id)
            let delivery = try #require(
                try await server.call("GET", "/api/v1/deliveries").json().asList?.first)
            #expect(delivery["outcome"] == "accepted")
            #expect(delivery["run"] == .string(run))
            #expect(delivery["size"] == 6)
            #expect(delivery["path"] == "/hooks/files/in/a.txt")
            let number = try #require(delivery["number"]).json()
            #expect(try await server.call("GET", "/api/v1/deliveries/\(number)").json()["body"] == "a file")
            let answer = try await server.post("/api/v1/deliveries/\(number)/replay", "")
            #expect(
                answer.error == "not-replayable the trigger `upload` cannot start a run for a stored delivery")
        }
    }
}
