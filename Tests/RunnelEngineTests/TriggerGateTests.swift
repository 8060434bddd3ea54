import Logging
import RunnelKit
import RunnelTesting
import Synchronization
import Testing

@testable import RunnelEngine

private struct Hook: Trigger {
    static let name = "hook"
    static let summary = "Is called."
    static let documentation = TriggerDocumentation(payload: [
        .init("headers", "Fields.", isListed: false), .init("body", "The body."),
    ])
    @Field("Where.") var path: String?

    func run(_ context: TriggerContext) async throws { await context.report(.waiting("for calls")) }
}

private struct After: FollowingTrigger {
    static let name = "after"
    static let summary = "Follows another pipeline."
    static let documentation = TriggerDocumentation(payload: [])
    @Field("Which.") var pipeline: String = ""

    func follows(_ pipeline: String, in own: String) -> Bool { self.pipeline == pipeline }
    func run(_ context: TriggerContext) async throws {}
}

private struct HookPlugin: Plugin {
    let name = "hook"
    var steps: [StepDefinition] { [StepDefinition(Echo.self)] }
    var triggers: [TriggerDefinition] { [TriggerDefinition(Hook.self), TriggerDefinition(After.self)] }
}

/// The engine behind the trigger of one pipeline, with a time that the test sets.
private struct Rig {
    let journal: MemoryJournal
    let loader: PipelineLoader
    let host: PipelineHost
    let runs: HostedRuns
    let log = LogRecorder()
    private let time: Time

    private final class Time: Sendable { let now = Mutex<Int64>(0) }

    init(
        _ entry: String, secrets: [String: String] = [:], chainLimit: Int = 3, machine: String = "here",
        journal: MemoryJournal = MemoryJournal()
    ) async throws {
        let time = Time()
        (self.time, self.journal) = (time, journal)
        loader = try PipelineLoader(registry: StepRegistry([HookPlugin()]))
        let yaml = "name: p\non: { hook: \(entry) }\nsteps: [ { uses: echo } ]\n"
        let (loaded, report) = loader.load(Array(yaml.utf8), file: "p.yaml")
        let pipeline = try #require(loaded, "\(report.diagnostics.map(\.message))")
        let logger = log.logger()
        let runner = PipelineRunner(
            registry: loader.registry, environment: loader.environment, services: Services(),
            project: ProjectDirectory(path: "/nonexistent"), values: ProjectValues(secrets: secrets),
            redactor: Redactor(secrets: Array(secrets.values)), logger: logger, now: { time.now.withLock(\.self) })
        let worker = Worker(
            record: WorkerRecord(id: WorkerID("a"), processID: 1, host: machine, role: "test", startedAt: 0),
            journal: journal, runner: runner, loader: loader, logger: logger)
        host = PipelineHost(
            queue: RunQueue(worker: worker, limit: 1, maximumQueued: 10), loader: loader, logger: logger,
            read: { [("p.yaml", Array(yaml.utf8))] })
        _ = await host.look()
        runs = HostedRuns(
            runs: RunService(worker: worker), host: host, pipeline: pipeline,
            place: PipelineHost.TriggerPlace(file: "p.yaml", key: "hook"), identity: "hook", kind: "hook",
            gate: TriggerGate(
                pipeline.triggers[0], loader.registry.trigger(named: "hook"), values: runner.values),
            chainLimit: chainLimit, logger: logger,
            redactor: runner.redactor)
    }

    func emit(
        _ key: String, body: Value = .null, headers: Value = [:], memory: [String: Value?] = [:],
        isLocal: Bool = false, cause: TriggerEvent.Cause? = nil
    ) async throws(TriggerRefusal) -> TriggerAcceptance {
        try await runs.accept(
            TriggerEvent(
                dedupeKey: key, payload: ["headers": headers, "body": body], input: body, memory: memory,
                isLocal: isLocal, cause: cause))
    }

    func pass(_ seconds: Int64) { time.now.withLock { $0 += seconds * 1_000_000_000 } }

    var ignored: Int? { get async { await host.all.first?.ignored["hook"] } }
}

@Suite("Triggers that are narrowed by `if`") struct TriggerConditionTests {
    private static let github =
        #"{ if: 'trigger.headers["x-github-event"] == "issues" and trigger.body.action == "opened"' }"#

    @Test("an event that does not fit starts no run, is counted, and what its trigger remembers is kept")
    func ignored() async throws {
        let rig = try await Rig(Self.github)
        let ping: Value = ["zen": "Speak like a human.", "hook_id": 109_948_940]
        #expect(
            try await rig.emit("1", body: ping, headers: ["x-github-event": "ping"], memory: ["seen": 1]) == .ignored)
        #expect(
            try await rig.emit("2", body: ["action": "closed"], headers: ["x-github-event": "issues"]) == .ignored)
        #expect(try await rig.emit("3", body: "text") == .ignored)
        #expect(await rig.ignored == 3)
        #expect(await rig.journal.runs(RunFilter()).isEmpty)
        let memory = rig.journal.memory(of: TriggerID(pipeline: "p", key: "hook"))
        #expect(try await memory.value(for: "seen") == 1)
        let opened = try await rig.emit("4", body: ["action": "opened"], headers: ["x-github-event": "issues"])
        #expect(await rig.journal.run(try #require(opened.runID))?.trigger["type"] == "hook")
    }

    @Test(
        "what an event does not have is null",
        arguments: [
            ("trigger.body.action != \"closed\"", true), ("trigger.body.a.b[3].c", false),
            ("not trigger.body.draft", true),
        ])
    func missing(condition: String, passes: Bool) async throws {
        let rig = try await Rig("{ if: '\(condition)' }")
        let acceptance = try await rig.emit("1", body: ["other": 1])
        #expect((acceptance != .ignored) == passes)
    }

    @Test("an event for which the condition cannot be evaluated is ignored, and the log says why")
    func failing() async throws {
        let rig = try await Rig("{ if: 'trigger.body.size > 3' }")
        #expect(try await rig.emit("1", body: ["size": "large"]) == .ignored)
        #expect(await rig.ignored == 1)
        #expect(rig.log.messages.contains { $0.contains("an event was ignored: `if: trigger.body.size > 3`: ") })
    }

    @Test(
        "names that cannot exist are found before anything is served",
        arguments: [
            ("{ if: trigger.header.x }", "there is no `trigger` value \"header\"", "did you mean \"headers\"?"),
            (
                "{ if: steps.a }", "`steps` is not available in `if` and `debounce` of a trigger",
                "they can use trigger, input, inputs, vars, secrets, env"
            ),
            (
                "{ if: triger.body }", "`triger` is not available in `if` and `debounce` of a trigger",
                "did you mean \"trigger\"?"
            ),
            ("{ debounce: { key: a } }", "`debounce` needs the key \"for\"", "write `for: 10s`"),
            (
                "{ debounce: { for: 10s, max: 1s } }", "`max`: 1s is shorter than `for`",
                "it is the time after the first event at which the run begins at the latest"
            ),
            (
                "{ debounce: { for: 10s, key: \"{{ trigger.bdy }}\" } }", "there is no `trigger` value \"bdy\"",
                "did you mean \"body\"?"
            ),
            ("{ debounce: { for: 0s } }", "`for`: expected a duration above 0, found \"0s\"", ""),
            ("{ pth: x }", "hook has no key \"pth\"", "did you mean \"path\"?"),
        ])
    func names(entry: String, message: String, hint: String) throws {
        let loader = try PipelineLoader(registry: StepRegistry([HookPlugin()]))
        let yaml = "on: { hook: \(entry) }\nsteps: [ { uses: echo } ]\n"
        let diagnostics = loader.load(Array(yaml.utf8), file: "p.yaml").report.diagnostics
        #expect(diagnostics.map(\.message) == [message])
        #expect(diagnostics.map { $0.hint ?? "" } == [hint])
    }

    @Test("two equal entries of a trigger are a warning")
    func same() throws {
        let loader = try PipelineLoader(registry: StepRegistry([HookPlugin()]))
        let entries = "[ { path: a }, { path: b }, { path: a }, { path: b, if: input } ]"
        let yaml = "on: { hook: \(entries) }\nsteps: [ { uses: echo } ]\n"
        let diagnostics = loader.load(Array(yaml.utf8), file: "p.yaml").report.diagnostics
        #expect(diagnostics.map(\.message) == ["`hook[2]` is the same as `hook[0]`"])
        #expect(diagnostics.map(\.severity) == [.warning])
    }
}

@Suite("Bursts of events that are folded") struct DebounceTests {
    @Test("a burst is one run, with the last event, the number of all and a list of them")
    func burst() async throws {
        let rig = try await Rig("{ debounce: { for: 10s, key: '{{ trigger.body.host }}' } }")
        let first = try #require(try await rig.emit("1", body: ["host": "a", "n": 1]).runID)
        rig.pass(4)
        #expect(try await rig.emit("2", body: ["host": "a", "n": 2]).runID == first)
        #expect(try await rig.emit("3", body: ["host": "b", "n": 3]).runID != first)
        #expect(try await rig.emit("2", body: ["host": "a", "n": 2]) == .duplicate(runID: first))
        let run = try #require(await rig.journal.run(first))
        #expect(run.state == .waiting)
        #expect(run.wakeAt == 14_000_000_000)
        #expect(run.trigger["body"]?["n"] == 2)
        #expect(run.trigger["count"] == 2)
        #expect(run.trigger["folded"]?.asList?.map { $0["body"]?["n"] ?? .null } == [1, 2])
    }

    @Test("a run of a burst keeps the source of its own event, the last one, whichever comes when")
    func sources() async throws {
        let rig = try await Rig("{ debounce: { for: 10s } }", secrets: ["s": "c-secret"])
        let names: [Value] = ["a", "b", "c-secret"]
        for (number, name) in names.enumerated() { _ = try await rig.emit("\(number)", body: name) }
        let id = try #require(await rig.journal.runs(RunFilter()).first?.id)
        for name in ["c-secret", "a", "b"] as [Value] {
            try await rig.runs.relocate(id, from: name, to: RunSource(payload: ["moved": name], input: .null))
        }
        let source = try #require(await rig.journal.run(id)?.source)
        #expect(SecretSeal(secrets: ["s": "c-secret"]).unseal(source)["payload"] == ["moved": "c-secret"])
        try await rig.runs.relocate("gone", from: "a", to: RunSource(payload: [:], input: "a"))
    }

    @Test("events whose key cannot be evaluated are accepted and share a run, and the log says why")
    func keyless() async throws {
        let rig = try await Rig("{ debounce: { for: 10s, key: '{{ trigger.body.error.code }}' } }")
        let keyed = try await rig.emit("1", body: ["error": ["code": "a"]])
        let first = try #require(try await rig.emit("2", body: ["error": .null]).runID)
        #expect(try await rig.emit("3", body: "text").runID == first)
        #expect(keyed.runID != first)
        #expect(await rig.journal.run(first)?.trigger["count"] == 2)
        #expect(
            rig.log.messages.contains {
                $0.contains(
                    "the key of an event counts as null: `debounce.key`: `trigger.body.error.code` is missing: "
                        + "`trigger.body.error` is null")
            })
    }

    @Test(
        "files of two machines do not share a run, and each run stays with its machine",
        arguments: ["{ for: 10s }", "{ for: 10s, key: '{{ trigger.body }}' }"])
    func machines(debounce: String) async throws {
        let here = try await Rig("{ debounce: \(debounce) }")
        let there = try await Rig("{ debounce: \(debounce) }", machine: "there", journal: here.journal)
        let first = try #require(try await here.emit("1", isLocal: true).runID)
        let second = try #require(try await there.emit("2", isLocal: true).runID)
        #expect(first != second)
        #expect(try await here.emit("3", isLocal: true).runID == first)
        #expect(try await there.emit("4", isLocal: true).runID == second)
        #expect(await here.journal.run(first)?.host == "here")
        #expect(await here.journal.run(second)?.host == "there")
        #expect(await here.journal.run(first)?.trigger["count"] == 2)
        // Events that any machine can work on share one.
        let third = try #require(try await here.emit("5").runID)
        #expect(try await there.emit("6").runID == third)
        #expect(await here.journal.run(third)?.trigger["count"] == 2)
        // A key that looks like one with a machine is another one.
        let keyed = debounce.contains("key")
        let fourth = try #require(try await here.emit("7", body: "\u{0}here").runID)
        #expect((fourth == third) == !keyed)
        #expect(fourth != first)
    }

    @Test("the run begins at the latest after `max`, which is ten times `for` unless given")
    func maximum() async throws {
        let rig = try await Rig("{ debounce: { for: 1s } }")
        let run = try #require(try await rig.emit("0").runID)
        for number in 1...12 {
            rig.pass(1)
            _ = try await rig.emit("\(number)")
        }
        #expect(await rig.journal.run(run)?.wakeAt == 10_000_000_000)
    }

    @Test("of 500 large events all are listed, without the keys that the trigger leaves out; the last one is whole")
    func large() async throws {
        let rig = try await Rig("{ debounce: { for: 10s } }")
        let headers: Value = .list((0..<8).map { _ in .string(String(repeating: "h", count: 1000)) })
        var last: String?
        for number in 0..<500 {
            last = try await rig.emit("\(number)", body: ["n": .int(Int64(number))], headers: headers).runID
        }
        let id = try #require(last)
        let run = try #require(await rig.journal.run(id))
        #expect(run.trigger["count"] == 500)
        #expect(run.trigger["headers"] == headers)
        let listed = run.trigger["folded"]?.asList ?? []
        #expect(listed.compactMap { $0["body"]?["n"]?.asInt } == Array(Int64(0)..<500))
        #expect(listed.allSatisfy { $0["headers"] == nil })
    }

    @Test("listed events are short, and hold no secret, not even a piece of one")
    func secrets() async throws {
        let secret = String(repeating: "s3cr3t", count: 30)
        let rig = try await Rig("{ debounce: { for: 1s } }", secrets: ["s": secret])
        let text = String(repeating: "x", count: 990) + secret
        let run = try #require(try await rig.emit("0", body: ["text": .string(text)]).runID)
        let listed = await rig.journal.run(run)?.trigger["folded"]?.json() ?? ""
        #expect(!listed.contains("s3cr3t"))
        #expect(listed.contains("x***"))
        #expect(listed.utf8.count < 2000)
    }
}

@Suite("Events while what the journal knows of their trigger moves") struct TriggerAcceptancesTests {
    @Test("further events are refused, and the trigger's state is no longer shown")
    func closed() async throws {
        let rig = try await Rig("{}")
        _ = try await rig.emit("1")
        await rig.runs.report(.waiting("for a ring"))
        rig.runs.acceptances.close()
        await #expect(
            throws: TriggerRefusal(.journal, "the pipeline \"p\" is being reloaded", retryAfter: .seconds(1))
        ) { try await rig.emit("2") }
        await rig.runs.report(.problem("the event has to wait"))
        #expect(await rig.host.all.first?.triggers == ["hook": .waiting("for a ring")])
        #expect(await rig.journal.runs(RunFilter()).count == 1)
    }

    @Test("those that are being accepted are waited for, also where they are refused or fail")
    func waiting() async throws {
        let rig = try await Rig("{ if: trigger.body }", chainLimit: 1)
        let acceptances = rig.runs.acceptances
        #expect(try await rig.emit("1") == .ignored)
        await #expect(throws: TriggerRefusal.self) { try await rig.emit("2", body: 1, cause: .run("r")) }
        try await acceptances.waitForEnds()
        #expect(acceptances.begin())
        acceptances.close()
        #expect(!acceptances.begin())
        let waiting = Task { try await acceptances.waitForEnds() }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        acceptances.end()
        try await acceptances.waitForEnds()
    }
}

@Suite("Runs that cause each other") struct ChainTests {
    @Test("the length of the chain is carried in the runs, and what would make it too long is refused")
    func chain() async throws {
        let rig = try await Rig("{}", chainLimit: 3)
        var last = try #require(try await rig.emit("0").runID)
        for number in 1...2 {
            last = try #require(try await rig.emit("\(number)", cause: .run(last)).runID)
            #expect(await rig.journal.run(last)?.chain == number)
        }
        await #expect {
            _ = try await rig.emit("3", cause: .run(last))
        } throws: { error in
            let refusal = error as? TriggerRefusal
            return refusal?.reason == .chainTooLong
                && refusal?.message
                    == "the run \(last) is the last of a chain of 3 runs that started each other, which is as long as "
                    + "`runs.chain` allows"
        }
    }

    @Test("a chain goes on from a run of another journal, and a run that is gone begins one")
    func foreign() async throws {
        let rig = try await Rig("{}", chainLimit: 3)
        let second = try #require(try await rig.emit("1", cause: .foreign(chain: 0)).runID)
        #expect(await rig.journal.run(second)?.chain == 1)
        let retention = try #require(try await rig.emit("2", cause: .run("gone")).runID)
        #expect(await rig.journal.run(retention)?.chain == 1)
        let negative = try #require(try await rig.emit("3", cause: .foreign(chain: -5)).runID)
        #expect(await rig.journal.run(negative)?.chain == 1)
        await #expect {
            _ = try await rig.emit("4", cause: .foreign(chain: 2))
        } throws: { error in
            (error as? TriggerRefusal)?.message
                == "the run that sent the event is the last of a chain of 3 runs that started each other, which is as "
                + "long as `runs.chain` allows"
        }
    }

    private static func rings(_ pipelines: [(name: String, on: String)]) throws -> [TriggerRing] {
        let loader = try PipelineLoader(registry: StepRegistry([HookPlugin()]))
        let loaded = try pipelines.map { name, on in
            let yaml = "name: \(name)\non: { after: \(on) }\nsteps: [ { uses: echo } ]\n"
            return try #require(loader.load(Array(yaml.utf8), file: "\(name).yaml").pipeline)
        }
        return TriggerRing.find(loaded, registry: loader.registry)
    }

    @Test("pipelines that start each other are named in their order, at the trigger of the first")
    func ring() throws {
        let rings = try Self.rings([
            ("a", "{ pipeline: c }"), ("b", "{ pipeline: a }"), ("c", "{ pipeline: b }"), ("d", "{ pipeline: a }"),
        ])
        #expect(rings.map(\.pipelines) == [["a", "b", "c"]])
        let diagnostic = try #require(rings.first?.diagnostic)
        #expect(
            diagnostic.message
                == #"the pipelines start each other in a ring: "a" starts "b" starts "c" starts "a""#)
        #expect(diagnostic.code == "trigger-ring")
        #expect(diagnostic.severity == .error)
        #expect(diagnostic.file == "a.yaml")
        #expect(try Self.rings([("a", "{}"), ("b", "{ pipeline: a }"), ("c", "{ pipeline: b }")]).isEmpty)
    }

    @Test("a ring that an `if` may end is a warning")
    func conditional() throws {
        let rings = try Self.rings([("a", "{ pipeline: b, if: trigger.x }"), ("b", "{ pipeline: a }")])
        #expect(rings.map(\.diagnostic.severity) == [.warning])
    }
}
