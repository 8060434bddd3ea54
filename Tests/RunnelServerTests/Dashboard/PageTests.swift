import RunnelKit
import RunnelSupport
import SchedulePlugin
import TestSupport
import Testing

@testable import RunnelEngine
@testable import RunnelServer

/// A trigger that says in two languages what it waits for.
private struct Tide: Trigger {
    static let name = "tide"
    static let summary = "Starts a run at high tide."
    static let documentation = TriggerDocumentation(payload: [])
    @Field("Where.") var harbour: String

    func run(_ context: TriggerContext) async throws {
        await context.report(.waiting("for the tide at \(harbour)", translations: ["ja": "\(harbour) の潮を待機中"]))
        try await context.clock.sleep(for: .seconds(3600))
    }
}

private struct TidePlugin: Plugin {
    let name = "tide"
    var triggers: [TriggerDefinition] { [TriggerDefinition(Tide.self)] }
}

@Suite("The pages of the dashboard", .timeLimit(.minutes(5))) struct PageTests {
    private static let hostile = "<script>alert(1)</script>\u{202E}'\"&"

    private static var rig: ServerRig {
        ServerRig.dashboard(
            [
                "a.yaml": Pipelines.greet, "g.yaml": Pipelines.gate, "f.yaml": Pipelines.failing,
                "bad.yaml": "name: bad\nsteps: [ { uses: templat } ]",
            ], secrets: ["key": "s3cr3t-value"])
    }

    private static let bearer = [("Authorization", "Bearer \(Browsing.token)")]

    private static func start(_ pipeline: String, _ server: RunningServer, _ body: String = "") async throws -> String {
        try #require(try await server.post("/api/v1/pipelines/\(pipeline)/runs", body, bearer).run)
    }

    /// The runs of the rig end at a fixed time, which may be more than a day ago.
    private static func haveLooked(_ server: RunningServer) async throws {
        try await server.journal.operators.setSeen(by: "token", until: ServerRig.now - 1)
    }

    private static let paths = ["/", "/runs", "/pipelines", "/triggers", "/usage", "/workers", "/audit", "/settings"]

    @Test("confine what they can do, and hold neither inline scripts nor inline styles")
    func policy() async throws {
        try await Self.rig.serve { server in
            let browser = try await Browsing.signedIn(server)
            let run = try await Self.start("failing", server)
            try await server.end(of: run)
            let pages =
                Self.paths + [
                    "/pipelines/greet", "/pipelines?file=bad.yaml", "/runs/\(run)", "/runs/\(run)?view=definition",
                    "/sign-in", "/runs/none", "/pipelines/none",
                ]
            for path in pages {
                let answer = try await browser.get(path)
                #expect(
                    answer.headers["content-security-policy"]
                        == "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
                        + "form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
                #expect(answer.headers["x-content-type-options"] == "nosniff")
                #expect(answer.headers["cache-control"] == "no-store" || answer.status == 303, "\(path)")
                #expect(!answer.text.contains(" style="), "\(path)")
                #expect(!answer.text.contains("<style"), "\(path)")
                #expect(answer.text.components(of: "<script") == (answer.status == 303 ? 0 : 1), "\(path)")
                #expect(!answer.text.contains(" onclick="), "\(path)")
            }
        }
    }

    @Test("hide the secrets that stand in the file of a pipeline, also beside errors and in the definition of a run")
    func literalSecrets() async throws {
        let line = "  webhook: { path: a, verify: { scheme: github, secret: hunter2xyz } }"
        func pipeline(_ name: String, uses: String) -> String {
            "name: \(name)\non:\n\(line)\nsteps: [ { uses: \(uses), with: { message: \"password: shown\" } } ]\n"
        }
        let files = ["h.yaml": pipeline("hooked", uses: "log"), "bad.yaml": pipeline("bad", uses: "lgo")]
        try await ServerRig.dashboard(files).serve { server in
            let browser = try await Browsing.signedIn(server)
            let run = try await Self.start("hooked", server)
            try await server.end(of: run)
            for path in ["/pipelines/hooked", "/pipelines?file=bad.yaml", "/runs/\(run)?view=definition"] {
                let page = try await browser.page(path)
                #expect(page.contains("<code>\(line.replacing("hunter2xyz", with: "**********"))</code>"), "\(path)")
                #expect(page.contains("password: shown"), "\(path)")
                #expect(!page.contains("hunter2xyz"), "\(path)")
            }
        }
    }

    @Test("say what to do where there is nothing yet")
    func empty() async throws {
        try await ServerRig.dashboard().serve { server in
            let browser = try await Browsing.signedIn(server)
            let now = try await browser.page("/")
            #expect(now.contains("Everything is fine. Nothing needs you."))
            #expect(now.contains("Nothing failed."))
            #expect(now.contains("Nothing is running."))
            #expect(now.contains("No trigger is waiting."))
            let runs = try await browser.page("/runs")
            #expect(runs.contains("There are no runs yet."))
            #expect(runs.contains("Start one from the page of a pipeline."))
            #expect(try await browser.page("/runs?state=failed").contains("No run matches these filters."))
            #expect(runs.contains(#"<a href="/runs?hours=1">Last hour</a>"#))
            #expect(runs.contains(#"<a href="/runs?state=skipped">skipped</a>"#))
            let week = try await browser.page("/runs?hours=168")
            #expect(week.contains(#"<a href="/runs" aria-current="true">Last 7 days</a>"#))
            // Rendered anew with the rows, which may be the first ones.
            #expect(runs.contains(#"<span class="soft" id="open-runs" data-live>0 running, 0 queued</span>"#))
            #expect(runs.contains(#"<div class="below" id="below-runs" data-live>"#))
            #expect(
                try await browser.page("/triggers").contains(
                    #"<nav class="pages" id="delivery-pages" data-live aria-label="Deliveries: Pages">"#))
            let pipelines = try await browser.page("/pipelines")
            #expect(pipelines.contains("<code>runnel new pipeline</code> writes one into the folder."))
            #expect(try await browser.page("/triggers").contains("No pipeline has a trigger."))
            #expect(try await browser.page("/usage").contains("No agent or model was called."))
            #expect(try await browser.page("/audit").contains("Nothing was done yet."))
        }
    }

    @Test("a second request ends a `finally` that hangs, by its own button on the page of the run and by REST")
    func endingFinally() async throws {
        let pipeline = Pipelines.gate + "\nfinally: [ { id: last, uses: gate, with: { gate: h } } ]"
        try await ServerRig.dashboard(["g.yaml": pipeline]).serve { server in
            let browser = try await Browsing.signedIn(server)
            for number in 1...2 {
                let run = try await Self.start("gate", server)
                await server.gates.waitForArrivals(number, at: "g")
                #expect(!(try await browser.page("/runs/\(run)").contains("End its finally")))
                let first = try await browser.send("/runs/\(run)/cancel", [:])
                #expect(first.headers["location"] == "/runs/\(run)?done=cancelling")
                await server.gates.waitForArrivals(number, at: "h")
                // A page that is out of date still says "Cancel".
                let repeated = try await browser.send("/runs/\(run)/cancel", [:])
                #expect(repeated.headers["location"] == "/runs/\(run)?done=cancelling")
                let page = try await browser.page("/runs/\(run)")
                #expect(page.contains("End its finally"))
                #expect(page.contains(#"<input type="hidden" name="finally" value="true">"#))
                if number == 1 {
                    let second = try await browser.send("/runs/\(run)/cancel", ["finally": "true"])
                    let location = try #require(second.headers["location"])
                    #expect(location == "/runs/\(run)?done=endingFinally")
                    #expect(try await browser.page(location).contains("Its finally was asked to end."))
                } else {
                    let second = try await server.post("/api/v1/runs/\(run)/cancel", "", Self.bearer)
                    #expect(second.status == 202)
                    #expect(try second.json() == ["run": .string(run), "status": "cancelling"])
                }
                #expect(try await server.end(of: run) == .cancelled)
                #expect(!(try await browser.page("/runs/\(run)").contains("End its finally")))
            }
        }
    }

    @Test("the page of a run opens at the step that goes on, and at the end at the one that failed the run")
    func openedStep() async throws {
        let definition = """
            name: soft
            steps:
              - { id: ignored, uses: break, on_error: continue, with: { message: a } }
              - { id: hold, uses: gate, with: { gate: g } }
              - { id: bad, uses: break, with: { message: b } }
            finally: [ { id: tidy, uses: break, with: { message: c } } ]
            """
        try await ServerRig.dashboard(["s.yaml": definition]).serve { server in
            let browser = try await Browsing.signedIn(server)
            let run = try await Self.start("soft", server)
            await server.gates.waitForArrivals(1, at: "g")
            #expect(try await browser.page("/runs/\(run)").contains(#"aria-current="true" data-step="hold""#))
            await server.gates.open("g")
            try await server.end(of: run)
            #expect(try await browser.page("/runs/\(run)").contains(#"aria-current="true" data-step="bad""#))
        }
    }

    @Test("tokens that no server told are unknown on the page of usage, and a sum that lacks some is marked")
    func usage() async throws {
        try await ServerRig.dashboard().serve { server in
            let worker = WorkerRecord(id: WorkerID("other"), processID: 1, host: "here", role: "run", startedAt: 0)
            await server.journal.join(worker, replacing: [], at: 0)
            var run = RunRecord(
                id: "run", pipeline: "talk", definition: "d", trigger: ["type": "manual"], createdAt: ServerRig.now)
            (run.owner, run.state) = (worker.id, .running)
            _ = try await server.journal.accept(run, steps: [], memory: nil)
            let lease = try #require(try await server.journal.run("run")?.lease)
            func entry(_ pipeline: String, _ input: Int?, cached: Int?) -> UsageEntry {
                UsageEntry(
                    pipeline: pipeline, step: ExecutionKey("ask"), at: WallClock.nanoseconds(),
                    usage: UsageRecord(agent: "a", inputTokens: input, outputTokens: 5, cachedTokens: cached))
            }
            var commit = RunCommit(lease: lease)
            commit.usage = [
                entry("some", 100, cached: 40), entry("some", 100, cached: nil), entry("none", nil, cached: nil),
            ]
            try await server.journal.commit(commit, .durable)
            let browser = try await Browsing.signedIn(server)
            let page = try await browser.page("/usage")
            #expect(page.contains(#"data-label="Cached">≥ 40</td>"#))
            #expect(page.contains(#"data-label="Cached">unknown</td>"#))
            #expect(page.contains(#"data-label="Tokens in">200</td>"#))
            #expect(page.contains(#"data-label="Tokens in">unknown</td>"#))
            #expect(!page.contains(#"data-label="Cached">0</td>"#))
            #expect(page.contains(#"<h2 id="by-pipeline-title">By pipeline</h2>"#))
            #expect(page.contains(" a day</span>"))
            let now = try await browser.page("/")
            #expect(now.contains(#"<a class="soft" href="/usage">Model tokens</a><b>≥ 210</b>"#))
            #expect(now.contains(#"<a class="soft" href="/usage">Cost</a><b>unknown</b>"#))
            #expect(now.contains("<bdi>3 calls</bdi>"))
            let shown = try await browser.page("/runs/run")
            #expect(shown.contains("<dt>Model tokens</dt><dd>≥ 210</dd>"))
            #expect(shown.contains("<dt>Cost</dt><dd>unknown</dd>"))
            #expect(shown.contains(#"<a href="/workers" title="other"><bdi>here · 1</bdi></a>"#))
        }
    }

    @Test("a run whose worker has died is interrupted on every page, in lists, in counts and by REST")
    func deadWorker() async throws {
        var rig = ServerRig.dashboard(["a.yaml": Pipelines.greet])
        rig.isWorking = false
        let worker = WorkerRecord(id: WorkerID("dead"), processID: 1, host: "here", role: "run", startedAt: 0)
        rig.journal.gone = [worker.id]
        try await rig.serve { server in
            await server.journal.join(worker, replacing: [], at: 0)
            var old = RunRecord(
                id: "old", pipeline: "greet", definition: "d", trigger: ["type": "manual"], createdAt: ServerRig.now)
            var run = old
            old.state = .failed
            (run.id, run.retryOf) = ("run", old.id)
            (run.owner, run.state, run.startedAt) = (worker.id, .running, ServerRig.now)
            for run in [old, run] { _ = try await server.journal.accept(run, steps: [], memory: nil) }
            let browser = try await Browsing.signedIn(server)
            for path in ["/runs", "/runs?state=interrupted", "/runs/run", "/runs/old", "/pipelines/greet"] {
                let page = try await browser.page(path)
                #expect(page.contains(">interrupted</span>"), "\(path)")
                #expect(!page.contains(">running</span>"), "\(path)")
            }
            #expect(try await browser.page("/").contains("Nothing is running."))
            #expect(try await browser.page("/runs").contains("0 running, 1 queued"))
            for state in ["running", "queued"] {
                #expect(
                    try await browser.page("/runs?state=\(state)").contains("No run matches these filters."), "\(state)"
                )
            }
            func json(_ path: String) async throws -> Value {
                try await server.call("GET", "/api/v1" + path, Self.bearer).json()
            }
            #expect(try await json("/runs?state=running") == [])
            #expect(try await json("/runs?state=queued").asList?.map { $0["id"] } == ["run"])
            let shown = try await json("/runs/run")
            #expect(shown["state"] == "queued")
            #expect(shown["interrupted"] == true)
            #expect(try await json("/status")["queued"] == 1)
        }
    }

    @Test("a step of a run whose worker has died has no duration, and one of a run that ended lasted until then")
    func unendedStep() async throws {
        var rig = ServerRig.dashboard(["a.yaml": Pipelines.greet])
        rig.isWorking = false
        let worker = WorkerRecord(id: WorkerID("dead"), processID: 1, host: "here", role: "run", startedAt: 0)
        rig.journal.gone = [worker.id]
        try await rig.serve { server in
            await server.journal.join(worker, replacing: [], at: 0)
            for id in ["cut", "ended"] {
                var run = RunRecord(
                    id: id, pipeline: "greet", definition: "d", trigger: ["type": "manual"], createdAt: ServerRig.now)
                (run.owner, run.state, run.startedAt) = (worker.id, .running, ServerRig.now)
                _ = try await server.journal.accept(run, steps: [], memory: nil)
                var step = StepRecord(ExecutionKey("hello"), uses: "template", state: .running, attempt: 1)
                step.startedAt = ServerRig.now
                let lease = try #require(try await server.journal.run(id)?.lease)
                var commit = RunCommit(lease: lease, steps: [step])
                if id == "ended" { commit.end = RunCommit.End(state: .failed, time: ServerRig.now + 12_000_000_000) }
                try await server.journal.commit(commit, .durable)
            }
            let browser = try await Browsing.signedIn(server)
            #expect(try await browser.page("/runs/cut").contains(">interrupted</span>"))
            #expect(try await browser.page("/runs/cut").contains("<span class=\"num mono\">—</span>"))
            #expect(try await browser.page("/runs/ended").contains("<span class=\"num mono\">12 s</span>"))
        }
    }

    @Test("a run that waits says until when, and why")
    func waiting() async throws {
        try await ServerRig.dashboard().serve { server in
            let worker = WorkerRecord(id: WorkerID("other"), processID: 1, host: "here", role: "run", startedAt: 0)
            await server.journal.join(worker, replacing: [], at: 0)
            var run = RunRecord(
                id: "run", pipeline: "talk", definition: "d", trigger: ["type": "manual"], createdAt: ServerRig.now)
            (run.owner, run.state) = (worker.id, .running)
            _ = try await server.journal.accept(run, steps: [], memory: nil)
            let lease = try #require(try await server.journal.run("run")?.lease)
            var commit = RunCommit(lease: lease)
            let place = RunEvent.StepPlace(id: "ask", uses: "chat")
            let reason = "waiting for the next day: 10 of 10 model tokens are used in this day"
            commit.events = [RunEvent(runID: "run", time: ServerRig.now, kind: .stepNote(place, reason)).json]
            commit.wakeAt = WallClock.nanoseconds() + 3_600_000_000_000
            try await server.journal.commit(commit, .durable)
            let page = try await Browsing.signedIn(server).page("/runs/run")
            #expect(page.contains("<dt>Goes on</dt>"))
            #expect(page.contains(" · <bdi>\(reason)</bdi></dd>"))
        }
    }

    @Test("the start page shows what the health board has, all of a kind as one")
    func board() async throws {
        try await ServerRig.dashboard().serve { server in
            let browser = try await Browsing.signedIn(server)
            let board = try await server.services.get(HealthBoard.self)
            board.set(.budget, ["the budget of talk": "100 % of it", "the budget of talk, used up": "chats fail"])
            #expect(try await browser.page("/").contains("One thing needs you."))
            board.set(.disk, "/data", "512 MiB are free")
            let page = try await browser.page("/")
            #expect(page.contains("2 things need you."))
            #expect(page.contains("100 % of it\nchats fail"))
            #expect(page.contains("512 MiB are free"))
            board.set(.disk, "/data", nil)
            #expect(try await browser.page("/").contains("One thing needs you."))
        }
    }

    @Test("the start page and the status name what waits for a restart")
    func pendingRestart() async throws {
        try await ServerRig.dashboard().serve { server in
            let browser = try await Browsing.signedIn(server)
            await server.host.setPendingRestart(["plugins/new", "runs.grace"])
            let page = try await browser.page("/")
            #expect(page.contains("Changes take effect when Runnel is restarted"))
            #expect(page.contains("plugins/new\nruns.grace"))
            let status = try await server.call("GET", "/api/v1/status", Self.bearer).json()
            #expect(status["pending_restart"] == ["plugins/new", "runs.grace"])
            await server.host.setPendingRestart([])
            #expect(try await browser.page("/").contains("Nothing needs you."))
        }
    }

    @Test("the page of settings shows those in effect after a reload, and marks those that wait for a restart")
    func reloadedSettings() async throws {
        @Sendable func settings(_ limit: String, _ grace: String, line: Int) -> [EffectiveSetting] {
            [("runs.grace", grace), ("runs.limit", limit)].map {
                EffectiveSetting(key: $0, value: .shown($1), source: .file("runnel.yaml:\(line)"))
            }
        }
        var rig = ServerRig.dashboard()
        let port = EffectiveSetting(key: "server.port", value: .shown("8790"), source: .defaultValue)
        rig.options.settings = settings("8", "30s", line: 1) + [port.overridden(by: "1")]
        try await rig.serve { server in
            let browser = try await Browsing.signedIn(server)
            server.server.setSettings(settings("3", "5s", line: 2) + [port], pending: ["runs.grace"])
            await server.host.setPendingRestart(["runs.grace"])
            let page = try await browser.page("/settings")
            #expect(page.contains("<bdi>3</bdi></td>"))
            #expect(page.contains(#"<bdi>30s</bdi><span class="soft"> (changed; waits for a restart)</span></td>"#))
            #expect(page.contains("<bdi>1</bdi></td>"))
            #expect(page.contains("<bdi>runnel.yaml:1</bdi>") && page.contains("<bdi>runnel.yaml:2</bdi>"))
            #expect(page.components(of: "<tr>") == 1 + 3)
            server.server.setSettings(settings("3", "30s", line: 3), pending: [])
            await server.host.setPendingRestart([])
            #expect(!(try await browser.page("/settings").contains("waits for a restart")))
        }
    }

    @Test("the start page and the status say what is wrong with the configuration, without secrets")
    func configurationProblems() async throws {
        try await ServerRig.dashboard(secrets: ["key": "s3cr3t-value"]).serve { server in
            let browser = try await Browsing.signedIn(server)
            await server.host.setConfigurationProblems(["runnel.yaml:1:9: no s3cr3t-value", "secret keeps its value"])
            let page = try await browser.page("/")
            #expect(page.contains("The configuration has problems; what was valid before stays in use"))
            #expect(page.contains("runnel.yaml:1:9: no ***\nsecret"))
            let status = try await server.call("GET", "/api/v1/status", Self.bearer).json()
            #expect(status["configuration_problems"] == ["runnel.yaml:1:9: no ***", "secret keeps its value"])
            await server.host.setConfigurationProblems([])
            #expect(try await browser.page("/").contains("Nothing needs you."))
        }
    }

    @Test("the start page lists ticks by time over all pipelines, and hooks apart from them")
    func next() async throws {
        func pipeline(_ name: String, _ trigger: String) -> String {
            "name: \(name)\non: \(trigger)\nsteps: [ { uses: log, with: { message: x } } ]"
        }
        var rig = ServerRig.dashboard([
            "a.yaml": pipeline("leap", #"{ schedule: { cron: "0 0 29 2 *" } }"#),
            "b.yaml": pipeline("hourly", #"{ schedule: { cron: "0 * * * *" } }"#),
            "c.yaml": pipeline("called", "{ webhook: { verify: { scheme: none } } }"),
        ])
        rig.plugins = [SchedulePlugin()]
        try await rig.serve { server in
            let page = try await Browsing.signedIn(server).page("/")
            let next = try #require(page.firstRange(of: #"id="next""#)).lowerBound
            let waiting = try #require(page.firstRange(of: #"id="waiting""#)).lowerBound
            let ticks = page[next..<waiting]
            let hourly = try #require(ticks.firstRange(of: "hourly")).lowerBound
            let leap = try #require(ticks.firstRange(of: "leap")).lowerBound
            #expect(hourly < leap)
            #expect(!ticks.contains("called"))
            #expect(page[waiting...].contains("POST /hooks/called"))
            #expect(!page.contains("next at "))
            let browser = try await Browsing.signedIn(server)
            let triggers = try await browser.page("/triggers")
            #expect(triggers.contains(#"<td class="why">next at <time "#))
            let japanese = Browsing(server: server, cookie: browser.cookie, language: "ja")
            for path in ["/triggers", "/pipelines/hourly"] {
                let page = try await japanese.page(path)
                #expect(page.contains(#"<td class="why">次回 <time "#), "\(path)")
            }
        }
    }

    @Test("a schedule that its file or an operator has disabled has no next tick on any page, and can be backfilled")
    func disabledSchedules() async throws {
        func pipeline(_ name: String, _ keys: String) -> String {
            "name: \(name)\non: { schedule: { \(keys) } }\nsteps: [ { uses: log, with: { message: x } } ]"
        }
        var rig = ServerRig.dashboard([
            "a.yaml": pipeline("resting", "every: 1h, enabled: false"), "b.yaml": pipeline("stopped", "every: 1h"),
        ])
        rig.plugins = [SchedulePlugin()]
        try await rig.serve { server in
            let answer = try await server.post(
                "/api/v1/pipelines/stopped/triggers/schedule/disable", "", Self.bearer)
            #expect(answer.status == 200)
            while await server.host.pipeline(named: "stopped")?.disabled.isEmpty ?? true { try await waitTurn() }
            let browser = try await Browsing.signedIn(server)
            #expect(try await browser.page("/").contains("No trigger is waiting."))
            let pipelines = try await browser.page("/pipelines")
            #expect(!pipelines.contains("<time "))
            #expect(pipelines.components(of: ">disabled</td>") == 2)
            let triggers = try await browser.page("/triggers")
            #expect(!triggers.contains("<time "))
            #expect(triggers.components(of: #"<span class="badge skipped">disabled</span>"#) == 2)
            for name in ["resting", "stopped"] {
                let page = try await browser.page("/pipelines/\(name)")
                #expect(!page.contains("<time "), "\(name)")
                #expect(page.contains(#"action="/pipelines/\#(name)/backfill""#), "\(name)")
                #expect(page.contains(#"id="triggers" aria-labelledby="triggers-title" data-live>"#))
                #expect(page.contains(#"<details id="backfill">"#) && !page.contains(" max=\"20"))
                let filled = try await server.post(
                    "/api/v1/pipelines/\(name)/backfill",
                    #"{"from": "2025-12-31T00:00:00Z", "to": "2025-12-31T02:00:00Z"}"#, Self.bearer)
                #expect(try filled.json().asList?.map { $0["status"] } == ["started", "started", "started"], "\(name)")
            }
        }
    }

    @Test("what a trigger waits for is in the language of the page, and in English for the API, with secrets masked")
    func translatedHealth() async throws {
        var rig = ServerRig.dashboard(
            [
                "a.yaml":
                    "name: sail\non: { tide: { harbour: '{{ secrets.harbour }}' } }\nsteps: [ { uses: log, with: { message: x } } ]"
            ], secrets: ["harbour": "s3cr3t-harbour"])
        rig.plugins = [TidePlugin()]
        try await rig.serve { server in
            while await server.host.all.first?.triggers.isEmpty ?? true { try await waitTurn() }
            let english = try await Browsing.signedIn(server)
            let japanese = Browsing(server: server, cookie: english.cookie, language: "ja")
            for path in ["/", "/triggers", "/pipelines/sail"] {
                #expect(try await japanese.page(path).contains("<bdi>*** の潮を待機中</bdi>"), "\(path)")
                #expect(try await english.page(path).contains("<bdi>for the tide at ***</bdi>"), "\(path)")
            }
            let answer = try await server.call("GET", "/api/v1/pipelines", Self.bearer)
            #expect(answer.text.contains(#""waiting":"for the tide at ***""#))
        }
    }

    @Test("the page of usage and the API show how far budgets are used up; pipelines without a page are no links")
    func budgets() async throws {
        var rig = ServerRig.dashboard(["greet.yaml": Pipelines.greet])
        let end = WallClock.nanoseconds() + 3_600_000_000_000
        rig.budgets = [
            BudgetStatus(
                pipeline: nil, used: 1500, limit: 2_000_000, isEstimated: true, period: "day", endsAt: end,
                excess: .wait),
            BudgetStatus(
                pipeline: "greet", used: 3, limit: 2, currency: "USD", period: "week", endsAt: end, excess: .fail),
            BudgetStatus(pipeline: "gone", used: 0, limit: 10, period: "day", endsAt: end, excess: .wait),
        ]
        try await rig.serve { server in
            let browser = try await Browsing.signedIn(server)
            let page = try await browser.page("/usage")
            #expect(page.contains(#"data-label="Used">1,500 tokens, some estimated</td>"#))
            #expect(page.contains(#"data-label="Limit">2.00 M tokens</td>"#))
            #expect(page.contains(#"data-label="Share">0 %</td>"#))
            #expect(page.contains("All chats"))
            #expect(page.contains("chats wait for the next period"))
            #expect(page.contains(#"data-label="Used">3.00 USD</td>"#))
            #expect(page.contains(#"data-label="Share">150 %</td>"#))
            #expect(page.contains("chats fail"))
            #expect(page.contains(#"<a href="/pipelines/greet">"#))
            #expect(page.contains("gone"))
            #expect(!page.contains("/pipelines/gone"))
            let listed = try await server.call(
                "GET", "/api/v1/budgets", [("Authorization", "Bearer \(Browsing.token)")]
            ).json()
            #expect(listed.asList?.count == 3)
            #expect(listed[0]?["used"] == 1500)
            #expect(listed[0]?["unit"] == "tokens")
            #expect(listed[0]?["estimated"] == true)
            #expect(listed[1]?["pipeline"] == "greet")
            #expect(listed[1]?["unit"] == "USD")
            #expect(listed[1]?["share"] == 1.5)
            #expect(listed[1]?["then"] == "fail")
        }
    }

    @Test("texts from outside stay text, and secrets stay masked")
    func hostile() async throws {
        let name = "bad<em>name"
        let rig = ServerRig.dashboard(
            [
                "a.yaml": Pipelines.greet, "f.yaml": Pipelines.failing,
                "<i>.yaml": "name: x\ndescription: \"<u>under</u>\"\nsteps: [ { uses: templat<em> } ]",
            ], secrets: ["key": "s3cr3t-value"])
        try await rig.serve { server in
            let browser = try await Browsing.signedIn(server)
            let body: Value = ["inputs": ["who": .string(Self.hostile)], "trigger": ["type": .string(name)]]
            let run = try await Self.start("greet", server, body.json())
            try await server.end(of: run)
            let failing = try await Self.start("failing", server, #"{"input": "s3cr3t-value"}"#)
            try await server.end(of: failing)
            for path in [
                "/", "/runs", "/runs/\(run)", "/runs/\(failing)", "/runs/\(run)?view=value&part=inputs",
                "/pipelines?file=%3Ci%3E.yaml", "/pipelines", "/runs/%3Cb%3E",
            ] {
                let page = try await browser.get(path).text
                #expect(!page.contains("<script>"), "\(path)")
                for tag in ["<em>", "<i>", "<u>"] { #expect(!page.contains(tag), "\(path)") }
                #expect(!page.contains("s3cr3t"), "\(path)")
            }
            #expect(
                try await browser.page("/runs/\(run)").contains(
                    "&lt;script&gt;alert(1)&lt;/script&gt;\u{202E}&#39;&quot;&amp;"))
            #expect(try await browser.page("/runs/\(failing)").contains("the secret is ***"))
        }
    }

    @Test("a trigger that the server has never heard of is called as it says, and can be chosen in filters")
    func strangers() async throws {
        let upload = "name: u\non: { upload: {} }\nsteps: [ { uses: template, with: { text: x } } ]"
        let hook = Pipelines.hook("verify: { scheme: none }", steps: "{ uses: template, with: { text: x } }")
        try await ServerRig.dashboard(["u.yaml": upload, "h.yaml": hook]).serve { server in
            let browser = try await Browsing.signedIn(server)
            let triggers = try await browser.page("/triggers")
            #expect(triggers.contains(#"href="/triggers?pipeline=hook#deliveries""#))
            #expect(triggers.contains(#"href="/triggers?pipeline=u#deliveries""#))
            #expect(try await server.call("PUT", "/hooks/files/inbox/a.txt", body: "x").status == 201)
            let runs = try await browser.page("/runs?trigger=upload")
            #expect(runs.contains(#"<td class="from"><bdi>upload to inbox</bdi></td>"#))
            for option in [
                #"<option value="manual">by hand</option>"#, #"<option value="upload" selected>upload to</option>"#,
                #"<option value="webhook">webhook</option>"#,
            ] { #expect(runs.contains(option), "\(option)") }
            let japanese = Browsing(server: server, cookie: browser.cookie, language: "ja")
            #expect(try await japanese.page("/runs").contains("<bdi>upload inbox</bdi>"))
            let run = try #require(try await server.post("/hooks/h", "{}").run)
            let page = try await browser.page("/runs/\(run)")
            #expect(page.contains(#"<bdi>webhook</bdi> <a class="mono" href="/deliveries/"#))
            #expect(page.contains(#""><bdi>POST /hooks/h</bdi></a>"#))
        }
    }

    @Test("a failed run shows its error, and is retried from a step; who did it is in the audit log")
    func retry() async throws {
        try await Self.rig.serve { server in
            let browser = try await Browsing.signedIn(server)
            let run = try await Self.start("failing", server)
            try await server.end(of: run)
            try await Self.haveLooked(server)
            let now = try await browser.page("/")
            #expect(now.contains("One thing needs you.") || now.contains("2 things need you."))
            #expect(now.contains("bad: <bdi>the secret is ***</bdi> (<bdi>broken</bdi>)"))
            // A screen reader tells the state when it changes.
            let shown = try await browser.page("/runs/\(run)")
            #expect(shown.contains(#"<span role="status"><span class="badge failed">failed</span></span>"#))
            let answer = try await browser.send("/runs/\(run)/retry", ["from": "bad"])
            #expect(answer.status == 303)
            let location = try #require(answer.headers["location"])
            #expect(location.hasSuffix("?done=retried"))
            let retried = try await browser.page(location)
            #expect(retried.contains("A new run was started."))
            // The language switch leads to the page without it.
            let path = location.prefix { $0 != "?" }
            #expect(retried.contains(#"<input type="hidden" name="to" value="\#(path)">"#))
            let new = String(location.dropFirst("/runs/".count).prefix { $0 != "?" })
            #expect(try await server.journal.run(new)?.retryOf == run)
            #expect(!shown.contains("Retried by"))
            try await server.end(of: new)
            let link = #"<a class="mono" href="/runs/\#(new)"><bdi>\#(new.prefix(13))</bdi></a>"#
            #expect(
                try await browser.page("/runs/\(run)").contains(
                    #"<dt>Retried by</dt><dd>\#(link) <span class="badge failed">failed</span></dd>"#))
            let entry = try #require(try await server.journal.operators.audit(before: nil, limit: 1).first)
            #expect(entry.action == "retry-run")
            #expect(entry.subject == run)
            #expect(entry.outcome == new)
            #expect(entry.caller == "token")
            #expect(entry.origin == "127.0.0.1")
            #expect(try await browser.page("/audit").contains(new))
            #expect(try await browser.get("/audit?before=abc").status == 400)
            let list = try await browser.get("/runs?before=abc")
            #expect(list.status == 400)
            #expect(list.text.contains("before: expected the id of a run, found &quot;abc&quot;"))
            let unknown = try await browser.send("/runs/\(run)/retry", ["from": "bat"])
            #expect(unknown.status == 404)
            #expect(unknown.text.contains("the pipeline has no step &quot;bat&quot;; did you mean &quot;bad&quot;?"))
            // The language switch leads to a page that exists.
            #expect(unknown.text.contains(#"<input type="hidden" name="to" value="/">"#))
            // A failed run that was retried no longer needs attention.
            let later = try await browser.page("/")
            #expect(later.contains("data-run=\"\(new)\"") && !later.contains("data-run=\"\(run)\""))
            #expect(
                try await browser.page("/runs").contains(
                    "retried by \(new.prefix(13)); bad: <bdi>the secret is ***</bdi> (<bdi>broken</bdi>)</td>"))
        }
    }

    @Test("the page of a run shows its priority where it is not 0")
    func priority() async throws {
        try await Self.rig.serve { server in
            let browser = try await Browsing.signedIn(server)
            for (body, isShown) in [("{}", false), ("{\"priority\": -2}", true)] {
                let run = try await Self.start("failing", server, body)
                try await server.end(of: run)
                let page = try await browser.page("/runs/\(run)")
                #expect(page.contains("<dt>Priority</dt><dd>-2</dd>") == isShown)
            }
        }
    }

    @Test("what failed is listed until it is marked as seen")
    func seen() async throws {
        try await Self.rig.serve { server in
            let browser = try await Browsing.signedIn(server)
            try await server.end(of: try await Self.start("failing", server))
            try await Self.haveLooked(server)
            #expect(try await browser.page("/").contains("Retry it"))
            #expect(
                try await browser.send("/seen", ["until": "99999999999999999"]).headers["location"] == "/?done=seen")
            let seen = try await server.journal.operators.seen(by: "token")
            #expect(seen != nil)
            #expect(try await browser.page("/").contains("You last marked everything as seen"))
        }
    }

    @Test("a time before 1970 is not accepted as seen, and a stored one does no harm", arguments: [Int64.min, -1])
    func seenBefore1970(time: Int64) async throws {
        try await Self.rig.serve { server in
            let browser = try await Browsing.signedIn(server)
            for until in ["\(time)", "soon", ""] {
                let refused = try await browser.send("/seen", ["until": until])
                #expect(refused.status == 400)
                #expect(refused.text.contains("expected nanoseconds since 1970, found &quot;\(until)&quot;"))
            }
            #expect(try await server.journal.operators.seen(by: "token") == nil)
            try await server.journal.operators.setSeen(by: "token", until: time)
            #expect(try await browser.page("/").contains("You last marked everything as seen"))
            #expect(try await browser.send("/seen", [:]).status == 303)
            #expect(try await server.journal.operators.seen(by: "token") ?? 0 > ServerRig.now)
        }
    }

    @Test("a failed run is listed even after many newer failed runs that were retried")
    func behindRetried() async throws {
        try await Self.rig.serve { server in
            func accept(_ id: String, _ state: RunState, retryOf: String? = nil) async throws {
                var run = RunRecord(
                    id: id, pipeline: "failing", definition: "d", trigger: ["type": "manual"],
                    createdAt: ServerRig.now, retryOf: retryOf)
                (run.state, run.endedAt) = (state, ServerRig.now)
                _ = try await server.journal.accept(run, steps: [], memory: nil)
            }
            try await accept("a", .failed)
            for number in 100..<350 {
                try await accept("b\(number)", .failed)
                try await accept("c\(number)", .succeeded, retryOf: "b\(number)")
            }
            try await Self.haveLooked(server)
            let page = try await Browsing.signedIn(server).page("/")
            #expect(page.contains("Retry it"))
            #expect(page.contains(#"data-run="a""#))
        }
    }

    @Test("a form starts a run; what is wrong in it is said beside what was typed")
    func form() async throws {
        try await Self.rig.serve { server in
            let browser = try await Browsing.signedIn(server)
            let blank = try await browser.page("/pipelines/greet")
            #expect(blank.contains(#"name="input.who""#))
            // The page refreshes its list of runs when they change.
            #expect(blank.contains(#"data-follow="runs""#))
            let answer = try await browser.send("/pipelines/greet/start", ["input.who": "Ada", "do": "start"])
            #expect(answer.status == 303)
            let location = try #require(answer.headers["location"])
            let run = String(location.dropFirst("/runs/".count).prefix { $0 != "?" })
            try await server.end(of: run)
            #expect(try await browser.page("/runs/\(run)").contains("Hello Ada, manual"))
            let wrong = try await browser.send("/pipelines/greet/start", ["do": "start"])
            #expect(wrong.status == 400)
            #expect(wrong.text.contains("the input &quot;who&quot; is required<"))
            #expect(wrong.text.contains(#"<input type="hidden" name="to" value="/pipelines/greet">"#))
            #expect(!wrong.text.contains(#"value="/pipelines/greet/start""#))
            #expect(!wrong.text.contains("data-follow") && !wrong.text.contains("data-session"))
            // This one is not rendered anew, but says that the session has ended.
            let ended = try await browser.page("/runs/\(run)")
            #expect(!ended.contains("data-run=") && ended.contains(" data-session>"))
            let dry = try await browser.send("/pipelines/greet/start", ["input.who": "Bob", "do": "dry-run"])
            #expect(dry.status == 200)
            #expect(dry.text.contains("Hello Bob, manual"))
            #expect(await server.runs().count == 1)
            #expect(try await browser.page("/pipelines/greet").contains(#"name="priority""#))
            let urgent = try await browser.send(
                "/pipelines/greet/start", ["input.who": "Eve", "priority": "-7", "do": "start"])
            let other = String((urgent.headers["location"] ?? "").dropFirst("/runs/".count).prefix { $0 != "?" })
            try await server.end(of: other)
            let urgentRun = try await server.journal.run(other)
            #expect(urgentRun?.priority == -7)
            let high = try await browser.send(
                "/pipelines/greet/start", ["input.who": "Eve", "priority": "11", "do": "start"])
            #expect(high.status == 400)
            #expect(high.text.contains("`priority`: expected a whole number from -10 to 10, found the number 11"))
            #expect(high.text.contains(#"value="11" aria-invalid="true" aria-describedby="start-problem""#))
            // The page was loaded before the input was renamed in the pipeline's file.
            let stale = try await browser.send("/pipelines/greet/start", ["input.name": "Ada", "do": "start"])
            #expect(stale.status == 400)
            #expect(
                stale.text.contains("the pipeline &quot;greet&quot; has no input &quot;name&quot;; it has who"))
            // The browser shows the form, and not the top of the page.
            #expect(high.text.contains(#"action="/pipelines/greet/start#start""#))
            #expect(!wrong.text.contains("aria-invalid"))
        }
    }

    @Test("a dry run with thousands of events shows the last ones")
    func longDryRun() async throws {
        let definition = """
            name: long
            steps:
              - { id: many, for_each: "{{ range(1500) }}", uses: template, with: { text: "item {{ item }};" } }
              - { id: bad, uses: break }
            """
        try await ServerRig.dashboard(["l.yaml": definition]).serve { server in
            let browser = try await Browsing.signedIn(server)
            let page = try await browser.send("/pipelines/long/start", ["do": "dry-run"]).text
            #expect(page.contains("The beginning is left out."))
            #expect(!page.contains("<bdi>many[0]</bdi>"))
            #expect(page.contains("<bdi>many[1499]</bdi>"))
            #expect(page.contains("The dry run ends here"))
        }
    }

    @Test("a form that is sent twice starts or retries a run once; the next form starts another run")
    func sentTwice() async throws {
        try await Self.rig.serve { server in
            let browser = try await Browsing.signedIn(server)
            #expect(try await browser.page("/pipelines/greet").contains(#"name="form-id" value=""#))
            func location(_ path: String, _ id: String) async throws -> String {
                let answer = try await browser.send(path, ["input.who": "Ada", "do": "start", "form-id": id])
                return try #require(answer.headers["location"])
            }
            let started = try await location("/pipelines/greet/start", "one")
            #expect(try await location("/pipelines/greet/start", "one") == started)
            #expect(try await location("/pipelines/greet/start", "two") != started)
            let run = String(started.dropFirst("/runs/".count).prefix { $0 != "?" })
            try await server.end(of: run)
            let retried = try await location("/runs/\(run)/retry", "one")
            #expect(retried != started)
            #expect(try await location("/runs/\(run)/retry", "one") == retried)
            let other = String(retried.dropFirst("/runs/".count).prefix { $0 != "?" })
            try await server.end(of: other)
            for _ in 0..<2 {
                let answer = try await browser.send(
                    "/runs/selected", ["run": other, "do": "retry", "to": "/runs", "form-id": "three"])
                #expect(answer.headers["location"] == "/runs?done=retried-1-0")
            }
            #expect(await server.runs().count == 4)
        }
    }

    @Test("clearing a text field with a default in the form gives the empty text")
    func erased() async throws {
        let definition = """
            name: note
            inputs:
              text: { type: string, default: hello }
              more: { type: string, required: false }
              n: { type: integer, default: 2 }
            steps: [ { id: a, uses: template, with: { text: "{{ inputs.text }}" } } ]
            """
        try await ServerRig.dashboard(["n.yaml": definition]).serve { server in
            let browser = try await Browsing.signedIn(server)
            let answer = try await browser.send(
                "/pipelines/note/start", ["input.text": "", "input.more": "", "input.n": "", "do": "start"])
            let id = String((answer.headers["location"] ?? "").dropFirst("/runs/".count).prefix { $0 != "?" })
            try await server.end(of: id)
            let inputs = try await server.journal.run(id)?.inputs
            #expect(inputs?["text"] == "")
            #expect(inputs?["more"]?.asString == nil)
            #expect(inputs?["n"] == 2)
        }
    }

    @Test("the form gives the defaults as the pipeline has them where nobody changed them")
    func untouched() async throws {
        let definition = #"""
            name: note
            inputs:
              lines: { type: string, default: "\na\r\nb" }
              mode: { type: string, default: fast, enum: [fast, slow] }
              other: { type: string, required: false, enum: [fast, slow] }
            steps: [ { id: a, uses: template, with: { text: x } } ]
            """#
        try await ServerRig.dashboard(["n.yaml": definition]).serve { server in
            let browser = try await Browsing.signedIn(server)
            let page = try await browser.page("/pipelines/note")
            #expect(page.contains(">\n\na&#13;\nb</textarea>"))
            #expect(page.components(of: #"<option value="">—</option>"#) == 1)
            #expect(page.contains(#"name="input.mode"><option value="fast" selected>"#))
            for (typed, sent) in [("\r\na\r\nb", "\na\r\nb"), ("a\r\nb", "a\nb")] {
                let answer = try await browser.send(
                    "/pipelines/note/start", ["input.lines": typed, "input.mode": "fast", "do": "start"])
                let id = String((answer.headers["location"] ?? "").dropFirst("/runs/".count).prefix { $0 != "?" })
                try await server.end(of: id)
                let inputs = try await server.journal.run(id)?.inputs
                #expect(inputs?["lines"] == .string(sent))
                #expect(inputs?["mode"] == "fast")
            }
        }
    }

    @Test("several selected runs are retried or cancelled together")
    func selected() async throws {
        try await Self.rig.serve { server in
            let browser = try await Browsing.signedIn(server)
            let gates = [try await Self.start("gate", server), try await Self.start("gate", server)]
            await server.gates.waitForArrivals(2, at: "g")
            // Otherwise browsers select the runs at the same places when the page is loaded again.
            for run in gates {
                #expect(
                    try await browser.page("/runs").contains(
                        #"<input type="checkbox" name="run" value="\#(run)" autocomplete="off">"#))
            }
            let cancelled = try await browser.send(
                "/runs/selected", ["run": gates[0], "run": gates[1], "do": "cancel", "to": "/runs?state=running"])
            #expect(cancelled.headers["location"] == "/runs?state=running&done=cancelling-2-0")
            #expect(
                try await browser.page("/runs?done=cancelling-2-0").contains(
                    ">2 runs were cancelled or asked to end.<"))
            for run in gates { #expect(try await server.end(of: run) == .cancelled) }
            let none = try await browser.send("/runs/selected", ["do": "retry", "to": "/runs"])
            #expect(none.headers["location"] == "/runs?done=nothing")
            await server.gates.open("g")
            let retried = try await browser.send(
                "/runs/selected", ["run": gates[0], "run": "gone", "do": "retry", "to": "/runs"])
            #expect(retried.headers["location"] == "/runs?done=retried-1-1")
            #expect(
                try await browser.page("/runs?done=retried-1-1").contains(
                    ">1 new run was started. 1 selected run was left out: it was retried already, or its state, its "
                        + "file or an input does not allow it. Retry it alone to see why.<"))
            #expect(await server.runs().count == 3)
        }
    }

    @Test("runs are retried together until the queue is full, which is said, and none of them twice")
    func retriedHalfWay() async throws {
        var rig = ServerRig.dashboard(["g.yaml": Pipelines.gate])
        (rig.maximumQueued, rig.isWorking) = (2, false)
        for id in ["a", "b", "c"] {
            var run = RunRecord(id: id, pipeline: "gate", definition: "", trigger: [:], createdAt: 1)
            run.state = .failed
            _ = await rig.journal.base.accept(run, memory: nil)
        }
        try await rig.serve { server in
            let browser = try await Browsing.signedIn(server)
            // Sent twice, and from a page that was rendered before.
            for form in ["one", "one", "two"] {
                let answer = try await browser.send(
                    "/runs/selected",
                    ["run": "a", "run": "b", "run": "c", "do": "retry", "to": "/runs", "form-id": form])
                #expect(answer.status == 429)
                let words = form == "one" ? "2 of the 3 selected runs were retried, and the others were not: " : ""
                #expect(answer.text.contains("<bdi>\(words)2 runs are waiting already</bdi>"), "\(form)")
                #expect(await server.runs().count == 5)
            }
        }
    }

    @Test("the audit log links runs alone, and leads to older entries where there are some")
    func audit() async throws {
        try await ServerRig.dashboard().serve { server in
            let browser = try await Browsing.signedIn(server)
            func append(_ action: String, _ subject: String, _ outcome: String) async throws {
                try await server.journal.operators.append(
                    AuditEntry(
                        time: ServerRig.now, caller: "ada", origin: "here", action: action, subject: subject,
                        outcome: outcome))
            }
            for (action, subject, outcome) in [
                ("start-run", "greet", "a"), ("retry-run", "a", "b"), ("replay-delivery", "1", "c"),
                ("cancel-run", "a", "finally"), ("drain-worker", "here", "w"), ("undrain-worker", "here", "w"),
                ("backfill", "greet", "2 from then to now"),
            ] { try await append(action, subject, outcome) }
            let page = try await browser.page("/audit")
            for run in ["a", "b", "c"] { #expect(page.contains(#"<a class="mono" href="/runs/\#(run)">"#), "\(run)") }
            for text in ["finally", "w", "2 from then to now"] {
                #expect(page.contains(" → <bdi>\(text)</bdi></td>"), "\(text)")
            }
            for _ in 7..<100 { try await append("disable-trigger", "greet schedule", "") }
            #expect(!(try await browser.page("/audit").contains(#"rel="next""#)))
            try await append("enable-trigger", "greet schedule", "")
            let link = #"<a class="button" href="/audit?before=2" rel="next">Older</a>"#
            #expect(try await browser.page("/audit").contains(link))
            #expect(try await browser.page("/audit?before=2").contains("start-run"))
        }
    }

    @Test("a form without an action, or with an unknown one, is an error and changes nothing")
    func noAction() async throws {
        try await Self.rig.serve { server in
            let browser = try await Browsing.signedIn(server)
            let run = try await Self.start("gate", server)
            await server.gates.waitForArrivals(1, at: "g")
            let missing = try await browser.send("/runs/selected", ["run": run, "to": "/runs"])
            #expect(missing.status == 400)
            #expect(missing.text.contains("expected retry or cancel, found nothing"))
            let unknown = try await browser.send("/runs/selected", ["run": run, "do": "delete", "to": "/runs"])
            #expect(unknown.status == 400)
            #expect(unknown.text.contains("expected retry or cancel, found &quot;delete&quot;"))
            #expect(try await server.journal.run(run)?.state == .running)
            let start = try await browser.send("/pipelines/greet/start", ["input.who": "Ada", "do": "dryrun"])
            #expect(start.status == 400)
            #expect(start.text.contains("expected start or dry-run, found &quot;dryrun&quot;"))
            let trigger = try await browser.send("/pipelines/gate/trigger", ["key": "schedule"])
            #expect(trigger.status == 400)
            #expect(trigger.text.contains("expected true or false, found nothing"))
            #expect(try await browser.send("/workers/drain", ["worker": "w"]).status == 400)
            await server.gates.open("g")
            try await server.end(of: run)
            #expect(try await server.journal.run(run)?.state == .succeeded)
            #expect(await server.runs().count == 1)
        }
    }

    @Test("a file with errors shows them at their lines")
    func diagnostics() async throws {
        try await Self.rig.serve { server in
            let browser = try await Browsing.signedIn(server)
            let page = try await browser.page("/pipelines?file=bad.yaml")
            #expect(page.contains("The file has errors; it is not served."))
            #expect(page.contains(#"<li id="L2" class="wrong">"#))
            #expect(page.contains("did you mean &quot;template&quot;?"))
            #expect(try await browser.page("/").contains("bad.yaml has errors"))
        }
    }

    @Test("a folder that cannot be read is said to be so, and not to have errors")
    func unreadableFolder() async throws {
        var rig = Self.rig
        rig.unreadable = ["team/"]
        try await rig.serve { server in
            let browser = try await Browsing.signedIn(server)
            let start = try await browser.page("/")
            #expect(start.contains("team/ cannot be read"))
            #expect(start.contains("the folder cannot be read; check its permissions"))
            #expect(!start.contains("team/ has errors"))
            for path in ["/pipelines", "/pipelines?file=team/"] {
                #expect(try await browser.page(path).contains(">cannot be read</span>"), "\(path)")
            }
        }
    }

    @Test("where there is nothing, a browser gets a page and a program an answer")
    func missing() async throws {
        try await Self.rig.serve { server in
            let page = try await server.call("GET", "/nothing<b>", [("Accept", "text/html,*/*")])
            #expect(page.status == 404)
            #expect(page.headers["content-type"] == "text/html; charset=utf-8")
            #expect(page.headers["content-security-policy"]?.hasPrefix("default-src 'none'") == true)
            #expect(page.text.contains("there is nothing at &quot;/nothing&lt;b&gt;&quot;"))
            #expect(try await server.call("GET", "/nothing").error == "not-found there is nothing at \"/nothing\"")
        }
    }

    @Test("assets are kept for ever under the address of their content, and checked under any other")
    func assets() async throws {
        try await Self.rig.serve { server in
            let browser = Browsing(server: server)
            var total = 0
            for name in DashboardAssets.all.names {
                let answer = try await browser.get(DashboardAssets.all.link(name).text)
                #expect(answer.status == 200)
                #expect(answer.headers["cache-control"] == "public, max-age=31536000, immutable")
                total += answer.body.count
                let tag = try #require(answer.headers["etag"])
                let again = try await server.call("GET", "/assets/old/\(name)", [("If-None-Match", tag)])
                #expect(again.status == 304)
                #expect(again.headers["cache-control"] == "no-cache")
            }
            #expect(total < 60_000)
            #expect(try await browser.get("/assets/x/nothing.js").status == 404)
        }
    }

    @Test("are in Japanese for those who ask for it, and nothing in them is left in English")
    func japanese() async throws {
        try await Self.rig.serve { server in
            var browser = try await Browsing.signedIn(server)
            browser.language = "ja,en;q=0.5"
            let run = try await Self.start("failing", server)
            try await server.end(of: run)
            for path in Self.paths + ["/runs/\(run)", "/pipelines/greet"] {
                let page = try await browser.page(path)
                #expect(page.contains(#"<html lang="ja">"#))
                for phrase in Phrase.allCases {
                    let english = Words(language: .english)(phrase)
                    // Words that are names or data, too, say nothing.
                    guard english.count > 8, english.contains(" "), english != phrase.words.japanese else { continue }
                    #expect(!page.contains(">\(english)<"), "\(path): \(english)")
                }
            }
            let switched = try await browser.send("/language", ["language": "en", "to": "/runs"])
            #expect(switched.headers["location"] == "/runs")
            #expect(switched.headers["set-cookie"]?.hasPrefix("runnel-language=en; ") == true)
        }
    }
}

extension String {
    /// How often a part occurs.
    fileprivate func components(of part: String) -> Int { ranges(of: part).count }
}
