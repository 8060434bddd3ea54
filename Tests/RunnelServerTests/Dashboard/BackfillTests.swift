import RunnelKit
import RunnelTesting
import SchedulePlugin
import Testing

@testable import RunnelEngine
@testable import RunnelServer

@Suite("Backfilling ticks of the past", .timeLimit(.minutes(5))) struct BackfillTests {
    @Test("what is asked for in the wrong way is said with the value")
    func wrong() throws {
        func message(_ body: Value) -> String? {
            do throws(APIError) {
                _ = try Backfill(body)
                return nil
            } catch {
                return error.message
            }
        }
        let time: Value = "2026-11-24T09:00:00Z"
        #expect(message([]) == "the body: expected an object, found a list")
        #expect(
            message(["from": "monday", "to": time])
                == "`from`: expected a time such as 2026-11-24T09:00:00Z, found \"monday\"")
        #expect(
            message(["from": time, "to": time, "limit": 0]) == "`limit`: expected a number from 1 to 1000, found 0")
        #expect(message(["from": time, "to": time, "limt": 1])?.hasPrefix("the body has a key \"limt\"") == true)
        #expect(message(["from": time, "to": time, "again": true]) == nil)
    }

    @Test("a local time of a form is one of the server's time zone")
    func localTime() throws {
        #expect(DashboardRoutes.time("2026-11-24T09:00", in: .utc) == "2026-11-24T09:00:00.000Z")
        #expect(DashboardRoutes.time("2026-11-24T09:00:30", in: .utc) == "2026-11-24T09:00:30.000Z")
        let tokyo = try Zone(field: "Asia/Tokyo")
        #expect(DashboardRoutes.time("2026-11-24T09:00", in: tokyo) == "2026-11-24T00:00:00.000Z")
        for text in ["", "monday", "2026-11-24T09:00:00Z", "2026-13-24T09:00"] {
            #expect(DashboardRoutes.time(text, in: tokyo) == text)
        }
    }

    @Test("a pipeline without a schedule cannot be backfilled")
    func none() async throws {
        try await ServerRig(pipelines: ["g.yaml": Pipelines.gate]).serve { server in
            let answer = try await server.post(
                "/api/v1/pipelines/gate/backfill", #"{"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}"#)
            #expect(answer.status == 404)
            #expect(answer.error == "no-such-trigger the pipeline \"gate\" has no schedule with ticks")
            let turned = try await server.post(
                "/api/v1/pipelines/gate/backfill", #"{"from": "2026-01-03T00:00:00Z", "to": "2026-01-02T00:00:00Z"}"#)
            #expect(turned.error == "bad-body `from` is after `to`")
        }
    }

    @Test("a form or a request that is sent twice starts one run for a tick, also if that run has failed")
    func sentTwice() async throws {
        var rig = ServerRig.dashboard([
            "f.yaml":
                "name: f\non: { schedule: { every: 1h, enabled: false } }\nsteps: [ { uses: break, with: { message: x } } ]"
        ])
        rig.plugins = [SchedulePlugin()]
        try await rig.serve { server in
            let browser = try await Browsing.signedIn(server)
            let time = "2025-12-31T00:00:00Z"
            /// Sends the form, waits for the end of all runs, and returns how many there are.
            func send(_ form: String) async throws -> Int {
                let answer = try await browser.send(
                    "/pipelines/f/backfill", ["from": time, "to": time, "again": "true", "form-id": form])
                #expect(answer.status == 303)
                let runs = await server.runs()
                for run in runs { try await server.end(of: run.id) }
                return runs.count
            }
            #expect(try await send("one") == 1)
            #expect(await server.runs().map(\.state) == [.failed])
            #expect(try await send("one") == 1)
            // The run of the tick has failed, so the next form retries it.
            #expect(try await send("two") == 2)
            #expect(try await send("two") == 2)
            func request(_ key: String) async throws -> Value? {
                try await server.post(
                    "/api/v1/pipelines/f/backfill", #"{"from": "\#(time)", "to": "\#(time)", "again": true}"#,
                    [("Authorization", "Bearer \(Browsing.token)"), ("Idempotency-Key", key)]
                ).json().asList?.first
            }
            let first = try await request("k")
            #expect(first?["status"] == "again")
            try await server.end(of: try #require(first?["run"]?.asString))
            #expect(try await request("k") == first)
            #expect(await server.runs().count == 3)
        }
    }

    @Test("a tick whose run cannot run again is refused with the reason, and the others run")
    func refused() async throws {
        var rig = ServerRig.dashboard()
        rig.plugins = [SchedulePlugin()]
        let times = ["2025-12-31T00:00:00Z", "2025-12-31T01:00:00Z"]
        let path = "/api/v1/pipelines/f/backfill"
        let headers = [("Authorization", "Bearer \(Browsing.token)")]
        func pipeline(_ size: String) -> [String: String] {
            [
                "f.yaml": """
                name: f
                on: { schedule: { every: 1h, enabled: false } }
                inputs: { size: { \(size) } }
                steps: [ { uses: break, with: { message: x } } ]
                """
            ]
        }
        var ids: [String] = []
        for (time, value) in zip(times, ["large", "5"]) {
            rig.pipelines = pipeline("type: string, default: '\(value)'")
            let id = try await rig.serve { server in
                let answer = try await server.post(path, #"{"from": "\#(time)", "to": "\#(time)"}"#, headers)
                let id = try #require(answer.json()[0]?["run"]?.asString)
                try await server.end(of: id)
                return id
            }
            ids.append(id)
        }
        rig.pipelines = pipeline("type: integer, default: 1")
        try await rig.serve { [large = ids[0]] server in
            let filled = try await server.post(
                path, #"{"from": "\#(times[0])", "to": "\#(times[1])", "again": true}"#, headers)
            let ticks = try filled.json().asList ?? []
            let words =
                #"the input "size": expected a whole number, found "large"; "#
                + "`runnel runs retry \(large) --input size=…` sets it"
            #expect(ticks.map { $0["status"] } == ["refused", "again"])
            #expect(ticks.first?["run"] == .string(large))
            #expect(ticks.map { $0["problem"] } == [.string(words), nil])
            for run in await server.runs() { try await server.end(of: run.id) }
            let browser = try await Browsing.signedIn(server)
            let answer = try await browser.send(
                "/pipelines/f/backfill", ["from": times[0], "to": times[1], "again": "true", "form-id": "one"])
            #expect(answer.status == 400)
            #expect(answer.text.contains("1 of 2 ticks cannot run again: the input "))
        }
    }

    @Test("with more ticks than the limit nothing is run, and the error says up to when they fit")
    func tooMany() async throws {
        var rig = ServerRig(pipelines: [
            "h.yaml":
                "name: h\non: { schedule: { every: 1h, enabled: false } }\nsteps: [ { uses: log, with: { message: x } } ]"
        ])
        rig.plugins = [SchedulePlugin()]
        try await rig.serve { server in
            func fill(to: String, limit: Int) async throws -> Answer {
                try await server.post(
                    "/api/v1/pipelines/h/backfill",
                    #"{"from": "2025-12-31T00:00:00Z", "to": "\#(to)", "limit": \#(limit), "missing": true}"#)
            }
            let refused = try await fill(to: "2025-12-31T09:00:00Z", limit: 3)
            #expect(refused.status == 400)
            #expect(
                refused.error
                    == "bad-body there are more than 3 ticks between `from` and `to`; set `to` to "
                    + "2025-12-31T02:00:00.000Z and go on from there, or raise `limit`, to 1000 at most")
            let part = try await fill(to: "2025-12-31T02:00:00.000Z", limit: 3)
            #expect(try part.json().asList?.count == 3)
            // None of the others has a run by now.
            let all = try await fill(to: "2025-12-31T09:00:00Z", limit: 10)
            let states = try all.json().asList?.compactMap { $0["status"]?.asString }
            #expect(states == Array(repeating: "started", count: 7))
        }
    }

    @Test("ticks that may have run, but whose dedupe keys are forgotten, are refused unless they are asked for")
    func forgotten() async throws {
        var rig = ServerRig.dashboard([
            "d.yaml":
                "name: d\non: { schedule: { every: 1d, enabled: false } }\nsteps: [ { uses: log, with: { message: x } } ]"
        ])
        rig.dedupe = .seconds(30 * 86_400)
        rig.plugins = [SchedulePlugin()]
        try await rig.serve { server in
            func fill(_ from: String, _ more: String = "") async throws -> Answer {
                try await server.post(
                    "/api/v1/pipelines/d/backfill", #"{"from": "\#(from)", "to": "2025-12-03T12:00:00Z"\#(more)}"#,
                    [("Authorization", "Bearer \(Browsing.token)")])
            }
            let refused = try await fill("2025-12-01T00:00:00Z")
            #expect(refused.status == 400)
            #expect(
                refused.error
                    == "bad-body ticks before 2025-12-02T00:00:00.000Z may have run already: `dedupe.keep` is 30d; choose a later "
                    + "`from`, or add `old` (`--old`) to run them all the same")
            #expect(await server.runs().isEmpty)
            #expect(try await fill("2025-12-02T00:00:00Z").json().asList?.count == 2)
            #expect(try await fill("2025-12-01T00:00:00Z", #", "old": true"#).json().asList?.count == 3)
        }
    }

    @Test(
        "one that stops half-way says how far it has come, which is in the audit log",
        arguments: [
            (2, "1 tick up to 2025-12-31T00:00:00.000Z was started"),
            (3, "2 ticks up to 2025-12-31T01:00:00.000Z were started"),
        ])
    func halfWay(maximumQueued: Int, words: String) async throws {
        var rig = ServerRig(
            pipelines: [
                "h.yaml":
                    "name: h\non: { schedule: { every: 1h, enabled: false } }\nsteps: [ { uses: log, with: { message: x } } ]"
            ], maximumQueued: maximumQueued, isWorking: false)
        rig.plugins = [SchedulePlugin()]
        try await rig.serve { server in
            func fill() async throws -> Answer {
                try await server.post(
                    "/api/v1/pipelines/h/backfill",
                    #"{"from": "2025-12-31T00:00:00Z", "to": "2025-12-31T03:00:00Z"}"#)
            }
            #expect(try await server.post("/api/v1/pipelines/h/runs", "{}").status == 202)
            let stopped = try await fill()
            #expect(stopped.status == 429)
            let full = "overloaded \(maximumQueued) runs are waiting already"
            #expect(stopped.error == "\(full); \(words); repeat the request to go on")
            // A repeated request that starts nothing does not say that it did.
            #expect(try await fill().error == full)
            let entries = try await server.journal.operators.audit(before: nil, limit: 9)
            #expect(entries.map(\.action) == ["backfill", "start-run"])
            #expect(
                entries.first?.outcome
                    == "\(maximumQueued - 1) from 2025-12-31T00:00:00.000Z to 2025-12-31T03:00:00.000Z")
        }
    }

    @Test("a body that is too large is told apart from one that is no JSON")
    func body() async throws {
        try await ServerRig(pipelines: ["g.yaml": Pipelines.gate]).serve { server in
            let path = "/api/v1/pipelines/gate/backfill"
            let large = try await server.post(path, "\"\(String(repeating: "a", count: RunRequestBody.maximum))\"")
            #expect(large.status == 413)
            #expect(large.error == "body-too-large the body is larger than 8MiB")
            #expect(try await server.post(path, "{").error == "malformed the body is not JSON")
        }
    }
}
