import RunnelKit
import Testing

@testable import RunnelEngine

@Suite("Runs in the API", .timeLimit(.minutes(5))) struct RunRoutesTests {
    private static var rig: ServerRig {
        ServerRig(
            pipelines: ["a.yaml": Pipelines.greet, "g.yaml": Pipelines.gate, "f.yaml": Pipelines.failing],
            secrets: ["key": "s3cr3t-value"])
    }

    private static func start(_ pipeline: String, _ server: RunningServer, _ body: String = "") async throws -> String {
        try #require(try await server.post("/api/v1/pipelines/\(pipeline)/runs", body).run)
    }

    @Test("a run is shown with its inputs, its steps and what came out")
    func show() async throws {
        try await Self.rig.serve { server in
            let id = try await Self.start("greet", server, #"{"inputs": {"who": "Ada"}, "input": {"a": 1}}"#)
            try await server.end(of: id)
            let run = try await server.call("GET", "/api/v1/runs/\(id)").json()
            #expect(run["id"] == .string(id))
            #expect(run["pipeline"] == "greet")
            #expect(run["state"] == "succeeded")
            #expect(run["trigger"] == ["type": "manual"])
            #expect(run["inputs"] == ["who": "Ada"])
            #expect(run["input"] == ["a": 1])
            #expect(run["output"] == "Hello Ada, manual")
            #expect(run["steps"]?.asList?.map { $0["step"] } == ["hello", "log"])
            let none = try await server.call("GET", "/api/v1/runs/none")
            #expect(none.status == 404)
            #expect(none.error == "no-such-run there is no run \"none\"")
        }
    }

    @Test("secrets are masked wherever a run is shown")
    func secrets() async throws {
        try await Self.rig.serve { server in
            let id = try await Self.start(
                "failing", server, #"{"input": "s3cr3t-value", "trigger": {"token": "s3cr3t-value"}}"#)
            try await server.end(of: id)
            for path in ["/api/v1/runs/\(id)", "/api/v1/runs", "/api/v1/runs/\(id)/events"] {
                let text = try await server.call("GET", path).text
                #expect(!text.contains("s3cr3t"))
                #expect(text.contains("***"))
            }
            let run = try await server.call("GET", "/api/v1/runs/\(id)").json()
            #expect(run["error"]?["message"] == "the secret is ***")
        }
    }

    @Test("runs are listed newest first, by state and pipeline, a page at a time")
    func list() async throws {
        try await Self.rig.serve { server in
            var ids: [String] = []
            for _ in 0..<3 { ids.append(try await Self.start("failing", server)) }
            for id in ids { try await server.end(of: id) }
            let waiting = try await Self.start("gate", server)
            func list(_ query: String) async throws -> [String] {
                let answer = try await server.call("GET", "/api/v1/runs?\(query)")
                #expect(answer.status == 200)
                return try answer.json().asList?.compactMap { $0["id"]?.asString } ?? []
            }
            let newest = (ids + [waiting]).sorted(by: >)
            #expect(try await list("") == newest)
            #expect(try await list("limit=2") == Array(newest.prefix(2)))
            #expect(try await list("limit=2&before=\(newest[1])") == Array(newest.suffix(2)))
            #expect(try await list("state=running&state=queued") == [waiting])
            #expect(try await list("pipeline=failing&state=failed") == ids.sorted(by: >))
            #expect(try await list("pipeline=fail%69ng&limit=1000") == ids.sorted(by: >))
            #expect(try await list("pipeline=no+such") == [])
            await server.gates.open("g")
        }
    }

    @Test(
        "a query that means nothing is refused, not left out",
        arguments: [
            ("limit=0", "limit: expected a number from 1 to 1000, found \"0\""),
            ("limit=1001", "limit: expected a number from 1 to 1000, found \"1001\""),
            ("limit=ten", "limit: expected a number from 1 to 1000, found \"ten\""),
            ("limit=1&limit=2", "limit: stands there 2 times"),
            ("before=yesterday", "before: expected the id of a run, found \"yesterday\""),
            ("before=", "before: expected the id of a run, found \"\""),
            (
                "state=done",
                "there is no state \"done\"; there are queued, running, waiting, succeeded, failed, cancelled, skipped"
            ),
            ("stat=failed", "there is no parameter \"stat\"; did you mean \"state\"?"),
            ("x=1", "there is no parameter \"x\"; there are state, pipeline, before, limit"),
            ("pipeline=%zz", "\"%zz\" is not percent-encoded UTF-8"),
        ])
    func badQuery(query: String, message: String) async throws {
        try await Self.rig.serve { server in
            let answer = try await server.call("GET", "/api/v1/runs?\(query)")
            #expect(answer.status == 400)
            #expect(answer.error == "bad-parameter \(message)")
        }
    }

    @Test("an error that quotes the request is the same for the beginning of a secret as for other text")
    func guesses() async throws {
        try await ServerRig(pipelines: ["g.yaml": Pipelines.gate], secrets: ["key": "s3cr3t-value"]).serve { server in
            for guess in ["s3cr3t-va", "s3cr3t-vb", "czNjcjN0"] {
                let answer = try await server.call("GET", "/api/v1/runs?\(guess)%E2%80%A6=1")
                #expect(
                    answer.error
                        == "bad-parameter there is no parameter \"\(guess)\\u2026\"; there are state, pipeline, before, limit"
                )
            }
        }
    }

    @Test("a run that goes on is cancelled, one that waits never begins, and one that has ended stays as it is")
    func cancel() async throws {
        try await ServerRig(pipelines: ["g.yaml": Pipelines.gate], limit: 1).serve { server in
            let first = try await Self.start("gate", server)
            await server.gates.waitForArrivals(at: "g")
            let second = try await Self.start("gate", server)
            let waiting = try await server.call("POST", "/api/v1/runs/\(second)/cancel")
            #expect(waiting.status == 200)
            #expect(try waiting.json() == ["run": .string(second), "status": "cancelled"])
            let running = try await server.call("POST", "/api/v1/runs/\(first)/cancel")
            #expect(running.status == 202)
            #expect(try running.json() == ["run": .string(first), "status": "cancelling"])
            #expect(try await server.end(of: first) == .cancelled)
            let ended = try await server.call("POST", "/api/v1/runs/\(first)/cancel")
            #expect(ended.status == 409)
            #expect(ended.error == "has-ended the run has ended already: cancelled")
            #expect(try await server.call("POST", "/api/v1/runs/none/cancel").status == 404)
        }
    }

    @Test("a run is repeated with what it was given, as another run, once for each key")
    func retry() async throws {
        try await Self.rig.serve { server in
            let id = try await Self.start("greet", server, #"{"inputs": {"who": "Ada"}, "input": 7}"#)
            try await server.end(of: id)
            let path = "/api/v1/runs/\(id)/retry"
            let answer = try await server.call("POST", path, [("Idempotency-Key", "once")])
            #expect(answer.status == 202)
            let copy = try #require(answer.run)
            #expect(copy != id)
            #expect(answer.headers["location"] == "/api/v1/runs/\(copy)")
            #expect(try await server.call("POST", path, [("Idempotency-Key", "once")]).run == copy)
            #expect(try await server.end(of: copy) == .succeeded(output: "Hello Ada, manual"))
            let run = try #require(await server.journal.run(copy))
            #expect(run.retryOf == id)
            let old = try await server.call("GET", "/api/v1/runs/\(id)").json()
            #expect(old["retried_by"] == .string(copy))
            #expect(run.input == 7)
            let urgent = try #require(try await server.call("POST", path + "?priority=-7").run)
            let urgentRun = try await server.journal.run(urgent)
            #expect(urgentRun?.priority == -7)
            let wrong = try await server.call("POST", path + "?priority=11")
            #expect(wrong.status == 400)
            #expect(wrong.error == "bad-parameter priority: expected a number from -10 to 10, found \"11\"")
            for (body, status, error) in [
                (
                    #"{"priority": 5}"#, 400,
                    "bad-body the body has a key \"priority\"; it takes none; `from`, `priority` stand in the query"
                ),
                ("[1]", 400, "bad-body the body: expected an object, found a list"),
                ("{", 400, "malformed the body is not JSON: line 1, column 2: expected a key in quotes, found the end"),
            ] {
                let refused = try await server.post(path, body)
                #expect(refused.status == status)
                #expect(refused.error == error)
            }
            #expect(try await server.post(path, "{}", [("Idempotency-Key", "once")]).run == copy)
            let form = try await server.call(
                "POST", path, [("Content-Type", "application/x-www-form-urlencoded")], body: "from=a")
            #expect(form.status == 415)
            let waiting = try await Self.start("gate", server)
            let early = try await server.call("POST", "/api/v1/runs/\(waiting)/retry")
            #expect(early.status == 409)
            #expect(early.error == "not-ended the run has not ended yet")
            await server.gates.open("g")
        }
    }

    @Test("a run has the priority that it was started with, or that of its pipeline, and so has its retry")
    func priority() async throws {
        let urgent = Pipelines.greet.replacing("name: greet", with: "name: urgent\npriority: 2")
        try await ServerRig(pipelines: ["g.yaml": Pipelines.greet, "u.yaml": urgent]).serve { server in
            for (pipeline, key, priority) in [
                ("greet", "", nil), ("greet", ", \"priority\": -7", -7), ("urgent", "", 2),
                ("urgent", ", \"priority\": 10", 10), ("urgent", ", \"priority\": 0", nil),
            ] as [(String, String, Int64?)] {
                let id = try await Self.start(pipeline, server, "{\"inputs\": {\"who\": \"Ada\"}\(key)}")
                try await server.end(of: id)
                let copy = try #require(try await server.call("POST", "/api/v1/runs/\(id)/retry").run)
                for run in [id, copy] {
                    #expect(
                        try await server.call("GET", "/api/v1/runs/\(run)").json()["priority"]
                            == priority.map { .int($0) })
                }
                let listed = try await server.call("GET", "/api/v1/runs?pipeline=\(pipeline)").json().asList
                let shown = listed?.filter { $0["id"] == .string(id) || $0["id"] == .string(copy) }
                #expect(shown?.map { $0["priority"]?.asInt } == [priority, priority])
            }
        }
    }

    @Test("a run that lacks an input of the pipeline as it is now is not repeated, and selected runs leave it out")
    func retryWithoutInput() async throws {
        let rig = ServerRig.dashboard(["p.yaml": Pipelines.greet])
        for (id, inputs) in [("old-1", [:]), ("old-2", ["who": "Ada"])] as [(String, ValueObject)] {
            var run = RunRecord(
                id: id, pipeline: "greet", definition: "", trigger: [:], inputs: inputs, createdAt: 1)
            run.state = .failed
            _ = await rig.journal.base.accept(run, memory: nil)
        }
        try await rig.serve { server in
            let words =
                #"the input "who" is required, and the run has no value for it; "#
                + "`runnel runs retry old-1 --input who=…` sets it"
            let answer = try await server.call(
                "POST", "/api/v1/runs/old-1/retry", [("Authorization", "Bearer \(Browsing.token)")])
            #expect(answer.status == 400)
            #expect(answer.error == "bad-input \(words)")
            let browser = try await Browsing.signedIn(server)
            #expect(try await browser.send("/runs/old-1/retry", [:]).status == 400)
            #expect(await server.runs().count == 2)
            let mixed = try await browser.send(
                "/runs/selected", ["run": "old-1", "run": "old-2", "do": "retry", "to": "/runs"])
            #expect(mixed.headers["location"] == "/runs?done=retried-1-1")
            let none = try await browser.send("/runs/selected", ["run": "old-1", "do": "retry", "to": "/runs"])
            #expect(none.headers["location"] == "/runs?done=retried-0-1")
            #expect(
                try await browser.page("/runs?done=retried-0-1").contains(
                    ">0 new runs were started. 1 selected run was left out: it was retried already, or its state, its "
                        + "file or an input does not allow it. Retry it alone to see why.<"))
            #expect(await server.runs().count == 3)
        }
    }

    @Test("a run of a pipeline that is not served any more cannot be repeated, and a full queue says when it can")
    func impossibleRetry() async throws {
        let rig = ServerRig(pipelines: ["g.yaml": Pipelines.gate], limit: 1, maximumQueued: 1, isWorking: false)
        var gone = RunRecord(id: "gone", pipeline: "gone", definition: "", trigger: [:], createdAt: 1)
        gone.state = .failed
        var old = RunRecord(id: "old", pipeline: "gate", definition: "", trigger: [:], createdAt: 1)
        old.state = .failed
        for run in [gone, old] { _ = await rig.journal.base.accept(run, memory: nil) }
        try await rig.serve { server in
            let answer = try await server.call("POST", "/api/v1/runs/gone/retry")
            #expect(answer.status == 409)
            #expect(answer.error == "not-served the pipeline \"gone\" is not served any more")
            #expect(try await server.call("POST", "/api/v1/runs/old/retry").status == 202)
            let full = try await server.call("POST", "/api/v1/runs/old/retry")
            #expect(full.status == 429)
            #expect(full.error == "overloaded 1 run is waiting already")
            #expect(full.headers["retry-after"] == "1")
        }
    }
}
