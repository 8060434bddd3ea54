import Foundation
import Metrics
import RunnelEngine
import RunnelKit
import RunnelSupport
import RunnelTesting
import Synchronization
import TestSupport
import Testing

@testable import RunnelServer

@Suite("Metrics", .timeLimit(.minutes(5))) struct MetricsTests {
    @Test(
        "a run is counted by pipeline and state, its steps by type and outcome, and Prometheus' own checker finds nothing"
    )
    func runs() async throws {
        let pipeline =
            "name: counted\nsteps: [ { uses: log, with: { message: Hello } }, { uses: log, if: 'false', with: { message: No } } ]"
        var rig = ServerRig(pipelines: ["c.yaml": pipeline])
        rig.metrics = .process
        try await rig.serve { server in
            let run = try #require(try await server.post("/api/v1/pipelines/counted/runs", "").run)
            try await server.end(of: run)
            let answer = try await server.call("GET", "/metrics")
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            let lines = answer.text.split(separator: "\n").map(String.init)
            #expect(lines.contains(#"runnel_runs_total{pipeline="counted",state="succeeded"} 1"#))
            #expect(lines.contains(#"runnel_runs_total{pipeline="counted",state="failed"} 0"#))
            #expect(lines.contains(#"runnel_runs_total{pipeline="counted",state="skipped"} 0"#))
            #expect(lines.contains(#"runnel_run_duration_seconds_count{pipeline="counted"} 1"#))
            #expect(lines.contains { $0.hasPrefix(#"runnel_steps_total{uses="log",outcome="succeeded"} "#) })
            #expect(lines.contains { $0.hasPrefix(#"runnel_steps_total{uses="log",outcome="skipped"} "#) })
            #expect(lines.contains(#"runnel_queue_depth{state="queued"} 0"#))
            #expect(lines.contains("runnel_journal_up 1"))
            #expect(lines.contains(#"runnel_build_info{version="1.2.3"} 1"#))
            #expect(lines.contains(#"runnel_pipelines{state="served"} 1"#))
            try Self.check(answer.text)
        }
    }

    @Test("a run that fails before its first step is counted too")
    func lost() async throws {
        var rig = ServerRig()
        rig.metrics = .process
        try await rig.serve { server in
            let run = RunRecord(
                id: "lost-1", pipeline: "lost", definition: "gone", trigger: ["type": "manual"],
                createdAt: ServerRig.now)
            _ = try await server.journal.accept(run, steps: [], memory: nil)
            let line = #"runnel_runs_total{pipeline="lost",state="failed"} 1"#
            while !(try await server.call("GET", "/metrics").text.contains(line)) { try await waitTurn() }
        }
    }

    @Test("a chat is measured by the tokens that were told and its first token, its trigger by how late the run was")
    func chat() async throws {
        let pipeline = """
            name: asked
            on: { webhook: { path: asked, verify: { scheme: none } } }
            steps: [ { uses: model } ]
            """
        var rig = ServerRig(pipelines: ["a.yaml": pipeline])
        rig.metrics = .process
        try await rig.serve { server in
            #expect(try await server.post("/hooks/asked", "{}").status == 202)
            let run = try #require(await server.runs().first)
            try await server.end(of: run.id)
            let answer = try await server.call("GET", "/metrics")
            let lines = answer.text.split(separator: "\n").map(String.init)
            #expect(lines.contains(#"runnel_chat_tokens_total{direction="input"} 7"#))
            // Unknown is not zero.
            #expect(!answer.text.contains(#"direction="output""#))
            #expect(lines.contains(#"runnel_chat_first_token_seconds_bucket{le="1"} 0"#))
            #expect(lines.contains(#"runnel_chat_first_token_seconds_bucket{le="2.5"} 1"#))
            #expect(lines.contains { $0.hasPrefix(#"runnel_trigger_lag_seconds_count{type="webhook"} "#) })
            try Self.check(answer.text)
        }
    }

    @Test("the age of the queue is that of its oldest run, and 0 without one")
    func age() async throws {
        var rig = ServerRig(isWorking: false)
        rig.metrics = MetricsRegistry()
        try await rig.serve { server in
            func age() async throws -> Double? {
                let text = try await server.call("GET", "/metrics").text
                let line = text.split(separator: "\n").first { $0.hasPrefix("runnel_queue_oldest_age_seconds ") }
                return line?.split(separator: " ").last.flatMap { Double($0) }
            }
            #expect(try await age() == 0)
            for (id, seconds) in [("young", 5), ("old", 90), ("middle", 60)] as [(String, Int64)] {
                let run = RunRecord(
                    id: id, pipeline: "p", definition: "d", trigger: ["type": "manual"],
                    createdAt: WallClock.nanoseconds() - seconds * 1_000_000_000)
                _ = try await server.journal.accept(run, steps: [], memory: nil)
            }
            let found = try #require(try await age())
            #expect(found >= 90 && found < 3600)
        }
    }

    @Test("while the journal cannot be read, what is looked up in it is left out, and the rest is there")
    func unreadableJournal() async throws {
        var rig = ServerRig(isWorking: false)
        rig.metrics = MetricsRegistry()
        rig.journal.failure = JournalError(.unreachable, "the journal cannot be reached")
        try await rig.serve { server in
            let answer = try await server.call("GET", "/metrics")
            #expect(answer.status == 200)
            let lines = answer.text.split(separator: "\n").map(String.init)
            #expect(lines.contains("runnel_journal_up 0"))
            #expect(lines.contains(#"runnel_build_info{version="1.2.3"} 1"#))
            #expect(lines.filter { $0.hasPrefix("runnel_queue_") } == [#"runnel_queue_depth{state="running"} 0"#])
            #expect(!answer.text.contains("runnel_journal_size_bytes"))
        }
    }

    @Test("while the journal hangs, metrics come after 3 s without what is looked up in it, and it is asked once")
    func hangingJournal() async throws {
        var rig = ServerRig(isWorking: false)
        rig.journal.countGates = rig.gates
        try await rig.serve { server in
            let registry = MetricsRegistry()
            let clock = ManualClock()
            let route = MetricsRoute(
                api: server.server.api, ingress: server.server.ingress, registry: registry, clock: clock)
            for _ in 0..<2 {
                let isOver = Mutex(false)
                let start = clock.now
                async let look: Void = {
                    await route.look(at: 0)
                    isOver.withLock { $0 = true }
                }()
                while !isOver.withLock({ $0 }) {
                    if let wait = clock.timeUntilNextDeadline { clock.advance(by: wait) }
                    try await waitTurn()
                }
                await look
                #expect(start.duration(to: clock.now) <= .seconds(6))
                let lines = registry.text().split(separator: "\n").map(String.init)
                #expect(lines.contains("runnel_journal_up 0"))
                #expect(lines.filter { $0.hasPrefix("runnel_queue_") } == [#"runnel_queue_depth{state="running"} 0"#])
                #expect(lines.contains { $0.hasPrefix("process_cpu_seconds_total ") })
            }
            await server.gates.waitForArrivals(at: "count")
            #expect(await server.gates.arrivals(at: "count") == 1)
            await server.gates.open("count")
            while !registry.text().contains("runnel_journal_up 1\n") { await route.look(at: 0) }
        }
    }

    @Test("refused deliveries are counted by pipeline and reason, from zero, and accepted ones are not")
    func refusals() async throws {
        let pipeline = """
            name: guarded
            on: { webhook: { path: guarded, verify: { scheme: bearer, secret: "{{ secrets.hook }}" } } }
            steps: [ { uses: log, with: { message: Hello } } ]
            """
        var rig = ServerRig(pipelines: ["g.yaml": pipeline], secrets: ["hook": "s3cr3t-value"])
        rig.metrics = .process
        try await rig.serve { server in
            func refusals() async throws -> [String] {
                try await server.call("GET", "/metrics").text.split(separator: "\n").map(String.init)
                    .filter { $0.hasPrefix(#"runnel_hook_refusals_total{pipeline="guarded""#) }
            }
            let prefix = #"runnel_hook_refusals_total{pipeline="guarded",reason="#
            let none = ["failed", "invalid", "too-many-requests", "unauthorized", "unavailable"].map {
                "\(prefix)\"\($0)\"} 0"
            }
            #expect(try await refusals() == none)
            let right = ("Authorization", "Bearer s3cr3t-value")
            #expect(try await server.post("/hooks/guarded", "{}", [right]).status == 202)
            #expect(try await server.post("/hooks/guarded", "{}").status == 401)
            #expect(try await server.post("/hooks/guarded", "{}", [("Authorization", "Bearer no")]).status == 401)
            #expect(try await server.post("/hooks/guarded", "{", [right]).status == 400)
            let found = try await refusals()
            #expect(found.contains("\(prefix)\"unauthorized\"} 2"))
            #expect(found.contains("\(prefix)\"invalid\"} 1"))
            #expect(found.count == none.count)
        }
    }

    @Test("the process is measured under Prometheus' standard names")
    func process() async throws {
        var rig = ServerRig(isWorking: false)
        rig.metrics = MetricsRegistry()
        rig.journal.bytes = 1 << 20
        try await rig.serve { server in
            let text = try await server.call("GET", "/metrics").text
            func value(_ name: String) throws -> Double {
                let line = try #require(text.split(separator: "\n").first { $0.hasPrefix(name + " ") }, "\(name)")
                return try #require(line.split(separator: " ").last.flatMap { Double($0) })
            }
            #expect(try value("runnel_journal_size_bytes") == 1_048_576)
            #expect(try value("process_cpu_seconds_total") > 0)
            #expect(text.contains("# TYPE process_cpu_seconds_total counter\n"))
            let open = try value("process_open_fds")
            #expect(open > 3)
            #expect(try value("process_max_fds") >= open)
            #if os(Linux)
            #expect(try value("process_resident_memory_bytes") > 1_048_576)
            let now = Double(WallClock.nanoseconds()) / 1e9
            let start = try value("process_start_time_seconds")
            #expect(start > now - 86_400 && start < now + 1)
            #endif
            try Self.check(text)
        }
    }

    @Test("a gauge that is left out shows nothing until it is set again")
    func leftOut() {
        let registry = MetricsRegistry()
        registry.makeMeter(label: "n", dimensions: [("a", "b")]).set(Int64(1))
        registry.remove("n", labels: [("a", "b")])
        #expect(!registry.text().contains("n{"))
        registry.makeMeter(label: "n", dimensions: [("a", "b")]).set(Int64(2))
        #expect(registry.text().contains("# TYPE n gauge\nn{a=\"b\"} 2\n"))
    }

    @Test("with a token, metrics need it too")
    func token() async throws {
        var rig = ServerRig(options: ServerOptions(port: 0, token: "t0ken"))
        rig.metrics = MetricsRegistry()
        try await rig.serve { server in
            let without = try await server.call("GET", "/metrics")
            #expect(without.status == 401)
            let with = try await server.call("GET", "/metrics", [("Authorization", "Bearer t0ken")])
            #expect(with.status == 200)
        }
    }

    @Test("labels are escaped, names made of what Prometheus allows, and buckets cumulated")
    func text() throws {
        let registry = MetricsRegistry()
        registry.makeCounter(label: "a.b-c_total", dimensions: [("x y", "a\"b\\c\nd")]).increment(by: 2)
        registry.makeCounter(label: "b_total", dimensions: [("x", "a\r\nb")]).increment(by: 1)
        let timer = registry.makeTimer(label: "took_seconds", dimensions: [])
        for nanoseconds: Int64 in [500_000, 20_000_000, 7_200_000_000_000] { timer.recordNanoseconds(nanoseconds) }
        let text = registry.text()
        #expect(text.contains(#"a_b_c_total{x_y="a\"b\\c\nd"} 2"# + "\n"))
        #expect(text.contains("b_total{x=\"a\r\\nb\"} 1\n"))
        #expect(text.contains("took_seconds_bucket{le=\"0.001\"} 1\n"))
        #expect(text.contains("took_seconds_bucket{le=\"0.025\"} 2\n"))
        #expect(text.contains("took_seconds_bucket{le=\"3600\"} 2\n"))
        #expect(text.contains("took_seconds_bucket{le=\"+Inf\"} 3\ntook_seconds_sum 7200.0205\ntook_seconds_count 3\n"))
    }

    @Test("a snapshot has labels as pairs with their plain values, and buckets that are not cumulated")
    func snapshot() throws {
        let registry = MetricsRegistry()
        registry.makeCounter(label: "a.b_total", dimensions: [("x y", "a\"b"), ("z", "")]).increment(by: 2)
        let timer = registry.makeTimer(label: "took_seconds", dimensions: [])
        for nanoseconds: Int64 in [500_000, 20_000_000, 7_200_000_000_000] { timer.recordNanoseconds(nanoseconds) }
        let families = registry.snapshot()
        #expect(families.map(\.name) == ["a_b_total", "took_seconds", "runnel_metrics_dropped_total"])
        let counter = try #require(families.first?.series.first)
        #expect(counter.labels.map(\.0) == ["x_y", "z"])
        #expect(counter.labels.map(\.1) == ["a\"b", ""])
        #expect(counter.value == 2)
        let histogram = try #require(families[1].series.first)
        #expect(histogram.count == 3)
        #expect(histogram.value == 7200.0205)
        #expect(histogram.buckets.count == families[1].bounds.count)
        #expect(histogram.buckets.prefix(3) == [1, 0, 1])
        #expect(histogram.buckets.reduce(0, +) == 2)
    }

    @Test("a label with ever new values cannot grow without bound, and what is not kept is counted")
    func bound() throws {
        let registry = MetricsRegistry()
        for number in 0..<MetricsRegistry.maximumSeries + 5 {
            registry.makeCounter(label: "n_total", dimensions: [("id", "\(number)")]).increment(by: 1)
        }
        let text = registry.text()
        #expect(text.split(separator: "\n").count { $0.hasPrefix("n_total{") } == MetricsRegistry.maximumSeries)
        #expect(text.contains("runnel_metrics_dropped_total 5\n"))
    }

    @Test("a counter goes on where it was when its handler is made again, and never falls")
    func counter() throws {
        let registry = MetricsRegistry()
        for amount: Int64 in [1, 2, -5] { registry.makeCounter(label: "n_total", dimensions: []).increment(by: amount) }
        #expect(registry.text().contains("n_total 3\n"))
    }

    /// Fails if `promtool check metrics` of Prometheus finds anything.
    private static func check(_ text: String) throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "metrics-\(UUID().uuidString)")
        try text.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        let promtool = Process()
        promtool.executableURL = URL(filePath: "/usr/bin/promtool")
        promtool.arguments = ["check", "metrics"]
        promtool.standardInput = try FileHandle(forReadingFrom: file)
        let output = Pipe()
        promtool.standardError = output
        promtool.standardOutput = output
        try promtool.run()
        let found = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        promtool.waitUntilExit()
        #expect(promtool.terminationStatus == 0, "\(found)")
        #expect(found.isEmpty)
    }
}
