import RunnelKit
import Testing

@testable import RunnelEngine

@Suite("Pipelines in the API", .timeLimit(.minutes(5))) struct PipelineRoutesTests {
    private static let files = [
        "a.yaml": Pipelines.greet, "b.yaml": "steps: [ { uses: nowhere } ]",
        "c.yaml": "name: tag täglich\nsteps: [ { uses: template, with: { text: x } } ]",
    ]

    @Test("all pipelines are listed, also a file with errors, with what is wrong in it")
    func list() async throws {
        try await ServerRig(pipelines: Self.files).serve { server in
            let answer = try await server.call("GET", "/api/v1/pipelines")
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "application/json")
            let all = try #require(try answer.json().asList)
            #expect(
                all[0] == ["file": "a.yaml", "name": "greet", "description": "Greet somebody.", "triggers": []])
            #expect(all[1]["name"] == nil)
            #expect(all[1]["problem"]?.asString?.contains("unknown step \"nowhere\"") == true)
            let status = try await server.call("GET", "/api/v1/status").json()
            #expect(
                status == [
                    "version": "1.2.3", "running": 0, "queued": 0, "waiting": 0, "stranded": [],
                    "journal_problem": .null, "drained": false, "pending_restart": [],
                    "configuration_problems": [], "held_runs": [],
                    "workers": status["workers"] ?? .null, "pipelines": .list(all),
                ])
            #expect(status["workers"]?.asList?.map { $0["id"] } == ["test"])
        }
    }

    @Test("a pipeline is shown by its name, however its path is encoded; a wrong name is quoted, with the one meant")
    func show() async throws {
        try await ServerRig(pipelines: Self.files).serve { server in
            #expect(try await server.call("GET", "/api/v1/pipelines/greet").json()["name"] == "greet")
            let encoded = try await server.call("GET", "/api/v1/pipelines/tag%20t%C3%A4glich")
            #expect(try encoded.json()["name"] == "tag täglich")
            let wrong = try await server.call("GET", "/api/v1/pipelines/gret")
            #expect(wrong.status == 404)
            #expect(wrong.error == "no-such-pipeline there is no pipeline \"gret\"; did you mean \"greet\"?")
            let broken = try await server.call("GET", "/api/v1/pipelines/%ff")
            let names = "; the pipelines are greet, tag täglich"
            #expect(broken.error == "no-such-pipeline there is no pipeline \"\"\(names)")
            let long = try await server.call("GET", "/api/v1/pipelines/" + String(repeating: "x", count: 10_000))
            #expect(long.status == 404)
            #expect(long.body.count < 400)
        }
    }

    @Test("a pipeline with errors is there, cannot be run, and the first error is told with its place")
    func faulty() async throws {
        var files = Self.files
        files["d.yaml"] = "name: tickets\nsteps: ["
        try await ServerRig(pipelines: files).serve { server in
            for (method, path) in [
                ("POST", "/runs"), ("GET", ""), ("POST", "/triggers/watch/disable"), ("GET", "/triggers/watch/ledger"),
            ] {
                let answer = try await server.call(method, "/api/v1/pipelines/b\(path)")
                #expect(answer.status == 409)
                let words = "the pipeline \"b\" has errors: b.yaml:1:18: unknown step \"nowhere\" [unknown-step]"
                #expect(answer.error?.hasPrefix("pipeline-invalid \(words)") == true, "\(path): \(answer.error ?? "")")
            }
            let unread = try await server.post("/api/v1/pipelines/tickets/runs", "{}")
            #expect(unread.status == 409)
            let words = "pipeline-invalid the pipeline \"tickets\" has errors: d.yaml:"
            #expect(unread.error?.hasPrefix(words) == true, "\(unread.error ?? "")")
        }
    }

    @Test("a run is started with inputs and a trigger, and repeats with the same key start no other")
    func start() async throws {
        try await ServerRig(pipelines: Self.files).serve { server in
            let key = [("Idempotency-Key", "k1")]
            let body = #"{"inputs": {"who": "Ada"}, "input": [1], "trigger": {"type": "test"}}"#
            let answer = try await server.post("/api/v1/pipelines/greet/runs", body, key)
            #expect(answer.status == 202)
            let run = try #require(answer.run)
            #expect(try answer.json() == ["run": .string(run), "status": "accepted"])
            #expect(answer.headers["location"] == "/api/v1/runs/\(run)")
            let again = try await server.post("/api/v1/pipelines/greet/runs", body, key)
            #expect(again.status == 202)
            #expect(again.run == run)
            #expect(try await server.end(of: run) == .succeeded(output: "Hello Ada, test"))
            #expect(await server.runs().count == 1)
            let retries = [
                try await server.post("/api/v1/runs/\(run)/retry", "", [("Idempotency-Key", "k2")]),
                try await server.post("/api/v1/runs/\(run)/retry", "", [("Idempotency-Key", "k2")]),
            ]
            #expect(retries[0].status == 202)
            #expect(retries[0].run == retries[1].run)
            // The audit log has one entry for each started run, and none for repeated requests.
            let entries = try await server.journal.operators.audit(before: nil, limit: 9)
            #expect(entries.map(\.action) == ["retry-run", "start-run"])
        }
    }

    @Test("a run joins the trace of its caller, a retry keeps it, and a malformed trace context counts for nothing")
    func trace() async throws {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let cases: [([(String, String)], Value?, Value?)] = [
            ([("traceparent", parent), ("tracestate", "a=1")], .string(parent), "a=1"),
            ([("traceparent", parent)], .string(parent), nil),
            ([("traceparent", parent), ("traceparent", parent)], nil, nil),
            ([("traceparent", "00-00000000000000000000000000000000-00f067aa0ba902b7-01")], nil, nil),
            ([("traceparent", "nonsense"), ("tracestate", "a=1")], nil, nil),
        ]
        for (headers, traceparent, tracestate) in cases {
            try await ServerRig(pipelines: Self.files).serve { server in
                let body = #"{"inputs": {"who": "Ada"}}"#
                let run = try #require(try await server.post("/api/v1/pipelines/greet/runs", body, headers).run)
                try await server.end(of: run)
                _ = try await server.post("/api/v1/runs/\(run)/retry", "")
                let triggers = await server.runs().map(\.trigger)
                #expect(triggers.count == 2)
                for trigger in triggers {
                    #expect(trigger["type"] == "manual")
                    #expect(trigger["traceparent"] == traceparent)
                    #expect(trigger["tracestate"] == tracestate)
                }
            }
        }
    }

    @Test(
        "a body that cannot start a run is refused with the reason, and starts none",
        arguments: [
            ("{", 400, "malformed the body is not JSON: line 1, column 2: expected a key in quotes, found the end"),
            ("[1]", 400, "bad-body the body: expected an object, found a list"),
            (#"{"inputs": 1}"#, 400, "bad-body `inputs`: expected an object, found a whole number"),
            (#"{"trigger": "x"}"#, 400, "bad-body `trigger`: expected an object, found a string"),
            (#"{"imputs": {}}"#, 400, "bad-body the body has a key \"imputs\"; did you mean `inputs`?"),
            (
                #"{"zebra": {}}"#, 400,
                "bad-body the body has a key \"zebra\"; there are `inputs`, `input`, `trigger`, `priority`"
            ),
            (
                #"{"priority": 11}"#, 400,
                "bad-body `priority`: expected a whole number from -10 to 10, found the number 11"
            ),
            (
                #"{"priority": null}"#, 400,
                "bad-body `priority`: expected a whole number from -10 to 10, found null"
            ),
            (
                #"{"inputs": {"whom": "x"}}"#, 400,
                "bad-input the pipeline \"greet\" has no input \"whom\"; did you mean \"who\"?"
            ),
            (
                #"{"inputs": {"who": null}}"#, 400,
                "bad-input the input \"who\": expected a string, found null"
            ),
            ("", 400, "bad-input the input \"who\" is required"),
        ])
    func badBody(body: String, status: Int, error: String) async throws {
        try await ServerRig(pipelines: Self.files).serve { server in
            let answer = try await server.post("/api/v1/pipelines/greet/runs", body)
            #expect(answer.status == status)
            #expect(answer.error == error)
            #expect(await server.runs().isEmpty)
        }
    }

    @Test("a body that is not JSON, one that is too large, and a key that is too long are refused")
    func badRequest() async throws {
        try await ServerRig(pipelines: Self.files).serve { server in
            let path = "/api/v1/pipelines/greet/runs"
            let form = try await server.call(
                "POST", path, [("Content-Type", "application/x-www-form-urlencoded")], body: "a=b")
            #expect(form.status == 415)
            #expect(
                form.error
                    == "unsupported-media-type the body is \"application/x-www-form-urlencoded\"; "
                    + "send application/json instead"
            )
            let large = try await server.call("POST", path, [("Content-Length", "8388609")])
            #expect(large.status == 413)
            #expect(large.error == "body-too-large the body is larger than 8MiB")
            #expect(large.headers["connection"] == "close")
            let key = try await server.post(
                path, #"{"inputs": {"who": "x"}}"#, [("Idempotency-Key", String(repeating: "k", count: 201))])
            #expect(key.status == 400)
            #expect(key.error == "bad-header Idempotency-Key: expected 1 to 200 characters, found 201")
            #expect(await server.runs().isEmpty)
        }
    }

    @Test("when too many runs wait, further ones are refused with the time to come again, however many come at once")
    func overload() async throws {
        let rig = ServerRig(pipelines: ["g.yaml": Pipelines.gate], limit: 2, maximumQueued: 3, isWorking: false)
        let answers = try await rig.serve { server in
            try await server.callAtOnce(20) { try await $0.post("/api/v1/pipelines/gate/runs", "") }
        }
        #expect(answers.count { $0.status == 202 } == 3)
        for answer in answers where answer.status != 202 {
            #expect(answer.status == 429)
            #expect(answer.headers["retry-after"] == "1")
            #expect(answer.error == "overloaded 3 runs are waiting already")
        }
        #expect(await rig.journal.runs(RunFilter()).count == 3)
    }

    @Test("a journal that cannot be written is no reason to lose a run silently")
    func brokenJournal() async throws {
        var rig = ServerRig(pipelines: ["g.yaml": Pipelines.gate], isWorking: false)
        rig.journal.failure = JournalError(.full, "the disk is full")
        try await rig.serve { server in
            let answer = try await server.post("/api/v1/pipelines/gate/runs", "")
            #expect(answer.status == 503)
            #expect(answer.error == "unavailable the disk is full")
            #expect(answer.headers["retry-after"] == "5")
            let list = try await server.call("GET", "/api/v1/runs/x")
            #expect(list.status == 503)
            #expect(list.error == "journal-full the disk is full")
            let ready = try await server.call("GET", "/health/ready")
            #expect(ready.status == 503)
            #expect(try ready.json() == ["status": "failing", "reason": "journal-full"])
            #expect(try await server.call("GET", "/health/live").status == 200)
        }
    }
}
