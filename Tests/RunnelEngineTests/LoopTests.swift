import RunnelKit
import RunnelTesting
import Synchronization
import TestSupport
import Testing

@testable import RunnelEngine

/// Counts its rounds.
private struct Round: Step {
    static let name = "round"
    static let summary = "Counts its rounds."
    static let documentation = StepDocumentation(output: "How often it ran in this run.")
    static let counts = Mutex<[String: Int]>([:])

    func run(_ context: StepContext) async throws -> Value {
        let count = Self.counts.withLock { counts in
            counts[context.idempotencyKey, default: 0] += 1
            return counts[context.idempotencyKey] ?? 0
        }
        return .int(Int64(count))
    }
}

private struct RoundPlugin: Plugin {
    let name = "rounds"
    var steps: [StepDefinition] { [StepDefinition(Round.self), StepDefinition(Echo.self)] }
}

/// The time of day, which a test sets.
private final class DayTime: Sendable {
    private let time = Mutex<Int64>(1_767_225_600_000_000_000)

    var now: Int64 { time.withLock(\.self) }
    func pass(_ seconds: Int64) { time.withLock { $0 += seconds * 1_000_000_000 } }
}

private struct Rig {
    let journal: MemoryJournal
    let time: DayTime
    let clock = ManualClock()
    let log = LogRecorder()
    let worker: Worker
    let loader: PipelineLoader

    init(_ name: String = "a", journal: MemoryJournal = MemoryJournal(), time: DayTime = DayTime()) throws {
        self.journal = journal
        self.time = time
        loader = try PipelineLoader(registry: StepRegistry([RoundPlugin()]))
        let logger = log.logger()
        let runner = PipelineRunner(
            registry: loader.registry, environment: loader.environment, services: Services(),
            project: ProjectDirectory(path: "/nonexistent"), values: ProjectValues(),
            redactor: Redactor(secrets: [String]()), logger: logger, clock: clock, now: { time.now })
        worker = Worker(
            record: WorkerRecord(id: WorkerID(name), processID: 1, host: "here", role: "test", startedAt: 0),
            journal: journal, runner: runner, loader: loader, logger: logger, clock: clock)
    }

    /// A run that was not accepted yet, of a pipeline that the journal holds.
    func new(_ id: String, _ yaml: String) async throws -> NewRun {
        let pipeline = try #require(loader.load(Array(yaml.utf8), file: "p.yaml").pipeline)
        await journal.keep(DefinitionRecord(hash: yaml, pipeline: pipeline.name, file: "p.yaml", text: yaml))
        let record = RunRecord(
            id: id, pipeline: pipeline.name, definition: yaml, trigger: ["type": "manual"], createdAt: 1)
        return NewRun(record, of: pipeline)
    }

    func join() async {
        let record = WorkerRecord(id: worker.id, processID: 1, host: "here", role: "test", startedAt: 0)
        await journal.join(record, replacing: [], at: 0)
    }

    /// Lets time pass while the run waits, until it has ended.
    func finish(_ id: String) async throws {
        while true {
            guard let state = await journal.run(id)?.state, !state.isFinal else { return }
            if state == .waiting {
                time.pass(10)
                // The worker between its ticks, and the queue between its looks.
                await clock.waitForSleepers(2)
                clock.advance(by: .seconds(1))
            }
            try await waitTurn()
        }
    }

    /// Works on queued runs, one at a time, until `body` returns.
    func serving(_ body: (RunQueue) async throws -> Void) async throws {
        let queue = RunQueue(worker: worker, limit: 1, maximumQueued: 10)
        let working = Task { [worker] in try await worker.withSession { await queue.run() } }
        while !worker.mayClaim { try await waitTurn() }
        try await body(queue)
        working.cancel()
        queue.stop()
        _ = await working.result
    }
}

@Suite("Loops of a run in a journal", .timeLimit(.minutes(5))) struct LoopTests {
    private static let loop = """
        name: loop
        steps: [ { id: ask, uses: round, until: steps.ask == 3, every: 10s } ]
        """
    private static let other = "name: other\nsteps: [ { uses: echo, with: { value: b } } ]"

    @Test("between two rounds another run has the place, and the loop goes on after its pause")
    func place() async throws {
        let rig = try Rig()
        let (loop, other) = (try await rig.new("run-1", Self.loop), try await rig.new("run-2", Self.other))
        try await rig.serving { queue in
            _ = try await queue.accept(loop)
            while await rig.journal.run("run-1")?.state != .waiting { try await waitTurn() }
            _ = try await queue.accept(other)
            while await !(rig.journal.run("run-2")?.state.isFinal ?? false) { try await waitTurn() }
            let second = await rig.journal.run("run-2")
            #expect(second?.output == "b")
            let between = await rig.journal.run("run-1")
            #expect(between?.state == .waiting)
            #expect(between?.wakeAt == rig.time.now + 10_000_000_000)
            try await rig.finish("run-1")
        }
        let run = await rig.journal.run("run-1")
        #expect(run?.state == .succeeded)
        #expect(run?.output == 3)
        let steps = await rig.journal.steps(of: "run-1")
        #expect(steps.map(\.attempt) == [3])
    }

    @Test("a run whose worker dies between two rounds goes on with the next round, and repeats none")
    func resuming() async throws {
        let (journal, time) = (MemoryJournal(), DayTime())
        let first = try Rig("first", journal: journal, time: time)
        await first.join()
        var record = try await first.new("run-r", Self.loop).record
        (record.owner, record.state) = (first.worker.id, .running)
        _ = await journal.accept(record, memory: nil)
        let begun = try #require(await journal.run("run-r"))
        guard case .waiting = await first.worker.work(on: begun) else { Issue.record("it did not wait"); return }
        let between = await journal.steps(of: "run-r")
        #expect(between.map(\.state) == [.waiting])
        #expect(between.map(\.attempt) == [1])
        #expect(between.first?.output == 1)
        for round in 2...3 {
            time.pass(10)
            let next = try Rig("next-\(round)", journal: journal, time: time)
            await next.join()
            let woken = await journal.wake(at: time.now).woken
            #expect(woken == ["run-r"])
            guard
                case .claimed(let claimed) = try await journal.claim(
                    "run-r", by: next.worker.id, limits: RunLimits())
            else { Issue.record("it was not there to be claimed"); return }
            switch await next.worker.work(on: claimed) {
            case .waiting: #expect(round == 2)
            case .ended(let result):
                #expect(round == 3)
                #expect(result.outputs == ["ask": 3])
            default: Issue.record("it neither waited nor ended")
            }
        }
        let rounds = Round.counts.withLock { $0["run-r_ask"] }
        #expect(rounds == 3)
    }

    @Test("the first start of a run that waited for further events is told as its beginning")
    func debounced() async throws {
        let rig = try Rig()
        var run = try await rig.new("run-d", Self.other)
        run.fold(
            Debounce(key: "k", latest: rig.time.now + 60_000_000_000), until: rig.time.now + 5_000_000_000,
            seal: rig.worker.runner.seal)
        let waiting = run
        try await rig.serving { queue in
            _ = try await queue.accept(waiting)
            try await rig.finish("run-d")
        }
        #expect(rig.log.messages.contains("run run-d of other began (manual)"))
    }
}
