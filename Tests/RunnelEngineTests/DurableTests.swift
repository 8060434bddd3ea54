import Logging
import RunnelKit
import RunnelTesting
import Synchronization
import TestSupport
import Testing
import YAML

@testable import RunnelEngine

/// Does not end when it is cancelled, only when the test says so.
private struct Stubborn: Step {
    static let name = "stubborn"
    static let summary = "Ignores that it was cancelled."
    static let documentation = StepDocumentation(output: "null")
    static let gate = Gate()

    func run(_ context: StepContext) async throws -> Value {
        await Self.gate.wait()
        return .null
    }
}

private actor Gate {
    private(set) var isEntered = false
    private var entrants: [CheckedContinuation<Void, Never>] = []
    private var waiters: [CheckedContinuation<Void, Never>] = []

    func wait() async {
        isEntered = true
        for entrant in entrants { entrant.resume() }
        entrants = []
        await withCheckedContinuation { waiters.append($0) }
    }

    func waitForEntrance() async {
        if isEntered { return }
        await withCheckedContinuation { entrants.append($0) }
    }

    func open() {
        for waiter in waiters { waiter.resume() }
        waiters = []
    }
}

/// Counts how often it runs, and fails the first time where it is told to.
private struct Counted: Step {
    static let name = "counted"
    static let summary = "Counts."
    static let documentation = StepDocumentation(output: "How often it ran.")
    static let counts = Mutex<[String: Int]>([:])

    func run(_ context: StepContext) async throws -> Value {
        let count = Self.counts.withLock { counts in
            counts[context.idempotencyKey, default: 0] += 1
            return counts[context.idempotencyKey] ?? 0
        }
        return .string("\(context.idempotencyKey) \(count)")
    }
}

/// Says each word a second after the one before.
private struct Talking: Step {
    static let name = "talking"
    static let summary = "Says some words."
    static let documentation = StepDocumentation(output: "null")
    static let words = ["one ", "two ", "three"]

    func run(_ context: StepContext) async throws -> Value {
        for word in Self.words {
            await context.report(.text(word))
            try await context.clock.sleep(for: .seconds(1))
        }
        return .null
    }
}

private func workerRecord(_ id: WorkerID) -> WorkerRecord {
    WorkerRecord(id: id, processID: 1, host: "here", role: "test", startedAt: 0)
}

private struct DurablePlugin: Plugin {
    let name = "durable"
    var steps: [StepDefinition] {
        [
            StepDefinition(Echo.self), StepDefinition(Slow.self), StepDefinition(Stubborn.self),
            StepDefinition(Counted.self), StepDefinition(Half.self), StepDefinition(Talking.self),
        ]
    }
}

@Suite("Runs in a journal", .timeLimit(.minutes(5))) struct DurableTests {
    private struct Rig {
        let journal = MemoryJournal()
        let clock = ManualClock()
        let worker: Worker
        let loader: PipelineLoader

        /// - Parameter unavailable: Secrets without a value, and the reasons.
        init(
            _ name: String = "a", journal: MemoryJournal? = nil, secrets: [String: String] = [:],
            unavailable: [String: String] = [:]
        ) throws {
            loader = try PipelineLoader(
                registry: StepRegistry([DurablePlugin()]),
                names: unavailable.isEmpty
                    ? nil : ProjectNames(secrets: Array(unavailable.keys), env: [], unavailableSecrets: unavailable))
            let runner = PipelineRunner(
                registry: loader.registry, environment: loader.environment, services: Services(),
                project: ProjectDirectory(path: "/nonexistent"),
                values: ProjectValues(
                    secrets: secrets, env: [:], vars: [:], unfetchedSecrets: [], unavailableSecrets: unavailable),
                redactor: Redactor(secrets: secrets.values),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                clock: clock, now: { 1_767_225_600_000_000_000 })
            worker = Worker(
                record: WorkerRecord(id: WorkerID(name), processID: 1, host: "here", role: "test", startedAt: 0),
                journal: journal ?? self.journal, runner: runner, loader: loader,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        }

        func accept(_ id: String, _ yaml: String, in journal: MemoryJournal) async -> RunRecord {
            await journal.keep(DefinitionRecord(hash: yaml, pipeline: "p", file: "p.yaml", text: yaml))
            var run = RunRecord(id: id, pipeline: "p", definition: yaml, trigger: ["type": "manual"], createdAt: 1)
            (run.owner, run.state) = (worker.id, .running)
            await journal.join(workerRecord(worker.id), replacing: [], at: 0)
            _ = await journal.accept(run, memory: nil)
            return await journal.run(id) ?? run
        }

        /// Claims a queued run for this worker.
        func claim(_ id: String, in journal: MemoryJournal) async throws -> RunRecord {
            await journal.join(workerRecord(worker.id), replacing: [], at: 0)
            var claimed: RunRecord?
            if case .claimed(let run) = try await journal.claim(id, by: worker.id, limits: RunLimits()) {
                claimed = run
            }
            return try #require(claimed, "it was not there to be claimed")
        }
    }

    @Test("a run that is released goes on elsewhere, and what is finished is not run again")
    func resuming() async throws {
        let first = try Rig()
        let yaml = "steps: [ { id: one, uses: counted }, { id: nap, uses: slow }, { id: two, uses: counted } ]"
        let run = await first.accept("run-a", yaml, in: first.journal)
        async let working = first.worker.work(on: run)
        await first.clock.waitForSleepers()
        first.worker.stop()
        // Behind the step's own sleep stands that of the grace period.
        await first.clock.waitForSleepers(2)
        first.clock.advance(by: .seconds(10))
        guard case .released = await working else { Issue.record("it was not released"); return }
        #expect(await first.journal.run("run-a")?.state == .queued)
        let second = try Rig("b", journal: first.journal)
        let claimed = try await second.claim("run-a", in: first.journal)
        async let again = second.worker.work(on: claimed)
        await second.clock.waitForSleepers()
        second.clock.advance(by: .seconds(3600))
        guard case .ended(let result) = await again else { Issue.record("it did not end"); return }
        #expect(result.outputs["one"] == "run-a_one 1")
        #expect(result.outputs["two"] == "run-a_two 1")
        #expect(await first.journal.run("run-a")?.state == .succeeded)
        #expect(await first.journal.run("run-a")?.interruptions == 1)
    }

    @Test("an interrupted run whose `timeout` is used up fails when it is resumed, and repeats none of its steps")
    func timedOutBefore() async throws {
        let rig = try Rig()
        let yaml = "timeout: 5s\nsteps: [ { id: one, uses: counted } ]\non_failure: [ { id: told, uses: counted } ]"
        let run = await rig.accept("run-t", yaml, in: rig.journal)
        var commit = RunCommit(lease: try #require(run.lease))
        commit.steps = [StepRecord(ExecutionKey("one"), uses: "counted", state: .cancelled, attempt: 1)]
        commit.worked = .seconds(5)
        try await rig.journal.commit(commit, .durable)
        let interrupted = try #require(await rig.journal.run("run-t"))
        guard case .ended(let result) = await rig.worker.work(on: interrupted),
            case .failed(let error) = result.outcome
        else { Issue.record("it did not fail"); return }
        #expect(error.message == "the run took longer than its `timeout` of 5s")
        #expect(Counted.counts.withLock { $0["run-t_one"] } == nil)
        #expect(Counted.counts.withLock { $0["run-t_told"] } == 1)
    }

    @Test("the `timeout` of a group includes the time before an interruption")
    func interruptedGroup() async throws {
        let first = try Rig()
        let yaml = "steps: [ { id: g, timeout: 50m, steps: [ { id: nap, uses: slow } ] } ]"
        let run = await first.accept("run-g", yaml, in: first.journal)
        async let working = first.worker.work(on: run)
        // Three sleep: the timer of the worked time, the group's timeout and the step.
        await first.clock.waitForSleepers(3)
        first.clock.advance(by: .seconds(2400))
        first.worker.stop()
        first.worker.stop()
        guard case .released = await working else { Issue.record("it was not released"); return }
        #expect(await first.journal.run("run-g")?.worked == .seconds(2400))
        let second = try Rig("b", journal: first.journal)
        let claimed = try await second.claim("run-g", in: first.journal)
        async let again = second.worker.work(on: claimed)
        await second.clock.waitForSleepers(3)
        second.clock.advance(by: .seconds(600))
        guard case .ended(let result) = await again, case .failed(let error) = result.outcome else {
            Issue.record("it did not fail"); return
        }
        #expect(error.message == "the group took longer than its `timeout` of 50m")
        #expect(await first.journal.steps(of: "run-g").map(\.state) == [.failed, .cancelled])
    }

    @Test("a group whose `timeout` is used up fails when its run is resumed, and repeats none of its steps")
    func timedOutGroup() async throws {
        let rig = try Rig()
        let yaml = """
            steps: [ { id: g, timeout: 5s, steps: [ { id: one, uses: counted } ] } ]
            finally: [ { id: told, uses: counted } ]
            """
        let run = await rig.accept("run-u", yaml, in: rig.journal)
        let lease = try #require(run.lease)
        var group = StepRecord(ExecutionKey("g"), uses: "", state: .running)
        group.groupStart = .seconds(2)
        var commit = RunCommit(lease: lease)
        commit.steps = [group, StepRecord(ExecutionKey("one"), uses: "counted", state: .running, attempt: 1)]
        commit.worked = .seconds(7)
        try await rig.journal.commit(commit, .durable)
        #expect(await rig.journal.release([lease], .stopped) == ["run-u"])
        let claimed = try await rig.claim("run-u", in: rig.journal)
        guard case .ended(let result) = await rig.worker.work(on: claimed), case .failed(let error) = result.outcome
        else { Issue.record("it did not fail"); return }
        #expect(error.message == "the group took longer than its `timeout` of 5s")
        #expect(Counted.counts.withLock { $0["run-u_one"] } == nil)
        #expect(Counted.counts.withLock { $0["run-u_told"] } == 1)
        #expect(await rig.journal.steps(of: "run-u").map(\.state) == [.failed, .cancelled, .succeeded])
    }

    @Test("a run that is cancelled after it was claimed and before it begins ends as cancelled")
    func cancelledEarly() async throws {
        let rig = try Rig()
        let run = await rig.accept("run-e", "steps: [ { id: nap, uses: slow } ]", in: rig.journal)
        let result = try await rig.worker.withSession {
            // Heard of before anybody works on the run, as when the queue has claimed it a moment ago.
            _ = try await rig.journal.requestCancel("run-e", at: 1)
            rig.worker.cancelOnce("run-e")
            return await rig.worker.work(on: run)
        }
        guard case .ended(let result) = result else { Issue.record("it did not end"); return }
        guard case .cancelled = result.outcome else { Issue.record("it ended as \(result.outcome)"); return }
        #expect(await rig.journal.run("run-e")?.state == .cancelled)
    }

    @Test("a run that was cancelled here hears of the request in the journal once, and so does its `finally`")
    func cancelledTwice() async throws {
        let rig = try Rig()
        let yaml = "steps: [ { id: nap, uses: slow } ]\nfinally: [ { id: last, uses: slow } ]"
        let run = await rig.accept("run-c", yaml, in: rig.journal)
        async let working = rig.worker.work(on: run)
        await rig.clock.waitForSleepers()
        rig.worker.cancelRun("run-c")
        while await rig.journal.run("run-c")?.finallyStage != .begun { try await waitTurn() }
        await rig.clock.waitForSleepers()
        // The same cancellation, on its way through the journal.
        #expect(await rig.journal.requestCancel("run-c", mayEndFinally: true, at: 1) == .requested)
        rig.worker.cancelOnce("run-c")
        #expect(await rig.journal.requestCancel("run-c", mayEndFinally: true, at: 2) == .endingFinally)
        #expect(await rig.journal.steps(of: "run-c").map(\.state) == [.cancelled, .running])
        for _ in 0..<2 { rig.worker.cancelOnce("run-c", endsFinally: true) }
        guard case .ended(let result) = await working, case .cancelled = result.outcome else {
            Issue.record("it did not end as cancelled"); return
        }
        #expect(await rig.journal.steps(of: "run-c").map(\.state) == [.cancelled, .cancelled])
    }

    @Test("the cancellation of the task that works on a run is nothing to the run")
    func cancelledWorker() async throws {
        let rig = try Rig()
        let yaml = "steps: [ { id: nap, uses: slow }, { id: one, uses: counted } ]"
        let run = await rig.accept("run-w", yaml, in: rig.journal)
        let working = Task { await rig.worker.work(on: run) }
        await rig.clock.waitForSleepers()
        working.cancel()
        rig.clock.advance(by: .seconds(3600))
        guard case .ended(let result) = await working.value else { Issue.record("it did not end"); return }
        // It used to end as succeeded, with the step cancelled and nothing behind it run.
        #expect(result.outputs["one"] == "run-w_one 1")
        #expect(await rig.journal.steps(of: "run-w").map(\.state) == [.succeeded, .succeeded])
    }

    @Test("each text of a step is in the journal while the step is still running")
    func runningText() async throws {
        let rig = try Rig()
        let run = await rig.accept("run-t", "steps: [ { uses: talking } ]", in: rig.journal)
        async let working = rig.worker.work(on: run)
        func texts() async -> [String] {
            await rig.journal.events(of: "run-t", from: 0, limit: 100).compactMap { $0.event["text"]?.asString }
        }
        for count in 1...Talking.words.count {
            while await texts().count < count { try await waitTurn() }
            await rig.clock.waitForSleepers()
            rig.clock.advance(by: .seconds(1))
        }
        guard case .ended = await working else { Issue.record("it did not end"); return }
        #expect(await texts() == Talking.words)
    }

    @Test("told to stop a second time, a run does not wait for the grace period to end")
    func hurried() async throws {
        let rig = try Rig()
        let run = await rig.accept("run-h", "steps: [ { id: nap, uses: slow }, { uses: counted } ]", in: rig.journal)
        async let working = rig.worker.work(on: run)
        await rig.clock.waitForSleepers()
        rig.worker.stop()
        rig.worker.stop()
        guard case .released = await working else { Issue.record("it was not released"); return }
        #expect(await rig.journal.run("run-h")?.state == .queued)
        #expect(await rig.journal.steps(of: "run-h").filter { $0.state == .succeeded }.isEmpty)
    }

    @Test("a step that ignores its cancellation is left alone after the grace period")
    func stubborn() async throws {
        let rig = try Rig()
        let run = await rig.accept("run-s", "steps: [ { id: s, uses: stubborn } ]", in: rig.journal)
        async let working = rig.worker.work(on: run)
        await Stubborn.gate.waitForEntrance()
        rig.worker.cancelRun("run-s")
        await rig.clock.waitForSleepers()
        rig.clock.advance(by: .seconds(10))
        guard case .ended(let result) = await working, case .cancelled = result.outcome else {
            Issue.record("it did not end as cancelled"); return
        }
        #expect(await rig.journal.steps(of: "run-s").map(\.state) == [.cancelled])
        await Stubborn.gate.open()
    }

    @Test(
        "what a cancelled step had produced is kept with it, and is nobody's input",
        arguments: ["uses: half", "uses: half, timeout: 2h"])
    func partialOutput(step: String) async throws {
        let rig = try Rig()
        let yaml = """
            steps: [ { id: s, \(step) } ]
            finally: [ { id: f, uses: echo, with: { value: "{{ steps.s | default('nothing') }}" } } ]
            """
        let run = await rig.accept("run-p", yaml, in: rig.journal)
        async let working = rig.worker.work(on: run)
        await rig.clock.waitForSleepers(step.contains("timeout") ? 2 : 1)
        rig.worker.cancelRun("run-p")
        guard case .ended(let result) = await working, case .cancelled = result.outcome else {
            Issue.record("it did not end as cancelled"); return
        }
        let steps = await rig.journal.steps(of: "run-p")
        #expect(steps.map(\.state) == [.cancelled, .succeeded])
        #expect(steps.first?.output == nil)
        #expect(steps.first?.error?["code"] == "cancelled")
        #expect(
            steps.first?.error?["message"] == "the step was cancelled before it ended; what it had produced is kept")
        #expect(steps.first?.error?["partial_output"] == "half ")
        #expect(steps.last?.output == "nothing")
        #expect(await rig.journal.run("run-p")?.error == nil)
    }

    @Test("the journal holds no secret, and the next process finds it where it was")
    func sealing() async throws {
        let secret = "pässw\"rd/1"
        let rig = try Rig(secrets: ["key": secret])
        let yaml = "steps: [ { id: a, uses: echo, with: { value: [\"x {{ secrets.key }} y\", 1.0] } } ]"
        _ = await rig.worker.work(on: await rig.accept("run-k", yaml, in: rig.journal))
        let steps = await rig.journal.steps(of: "run-k")
        let stored = try #require(steps.first?.output)
        #expect(!stored.json().contains("ssw"))
        #expect(SecretSeal(secrets: ["key": secret]).unseal(stored) == [.string("x \(secret) y"), 1.0])
        #expect(SecretSeal.masked(stored) == ["x *** y", 1.0])
        let events = await rig.journal.events(of: "run-k", from: 0, limit: 100)
        #expect(!events.contains { $0.event.json().contains("ssw") })
    }

    @Test("a definition that is not valid any more fails the run in words")
    func invalidDefinition() async throws {
        let rig = try Rig()
        let run = await rig.accept("run-d", "steps: []", in: rig.journal)
        _ = await rig.worker.work(on: run)
        #expect(
            await rig.journal.run("run-d")?.error?.asObject?["message"]
                == "the pipeline of the run is no longer valid: `steps` is empty")
    }

    @Test(
        "a plugin or secret that is missing when a run goes on fails the step that needs it, and `on_failure` runs",
        arguments: [
            ("{ id: a, uses: gone.step }", "unknown-step", "unknown step \"gone.step\""),
            (
                "{ id: a, uses: echo, with: { value: \"{{ secrets.key | default('') }}\" } }", "secret-unavailable",
                "the secret \"key\" has no value: the file is gone"
            ),
        ])
    func missing(step: String, code: Value, message: Value) async throws {
        let rig = try Rig(unavailable: ["key": "the file is gone"])
        let yaml = """
            on: { gone: {} }
            steps: [ { id: before, uses: echo }, \(step) ]
            on_failure: [ { id: tell, uses: echo } ]
            """
        let run = await rig.accept("run-m", yaml, in: rig.journal)
        _ = await rig.worker.work(on: run)
        let ended = try #require(await rig.journal.run("run-m"))
        #expect(ended.state == .failed)
        #expect(ended.error?.asObject?["step"] == "a")
        #expect(ended.error?.asObject?["code"] == code)
        #expect(ended.error?.asObject?["message"] == message)
        let steps = await rig.journal.steps(of: "run-m")
        #expect(steps.filter { $0.state == .succeeded }.map(\.key.step).sorted() == ["before", "tell"])
    }

    @Test("a run goes on with what an earlier version accepted; what its steps accept no more fails these steps alone")
    func stored() async throws {
        let rig = try Rig()
        let source =
            "name: p # a\u{2028}# comment\nsteps: [ { id: nap, uses: slow, with: { gone: 1 } } ]\n"
            + "finally: [ { id: end, uses: slow, if: input / 0 } ]\n"
        let stored = rig.loader.load(Array(source.utf8), file: "p.yaml", isStored: true)
        #expect(stored.pipeline?.steps.map(\.id) == ["nap"])
        #expect(!stored.report.diagnostics.hasErrors)
        #expect(stored.report.diagnostics.contains { $0.message.contains("gone") })
        #expect(rig.loader.load(Array(source.utf8), file: "p.yaml").pipeline == nil)
    }

    @Test(
        "a run that finds its pipeline full waits, is not begun, or takes the place of the other",
        arguments: ["queue", "skip", "cancel"])
    func overlap(policy: String) async throws {
        let rig = try Rig()
        let yaml = "concurrency: { limit: 1, overlap: \(policy) }\nsteps: [ { id: nap, uses: slow } ]"
        await rig.journal.keep(DefinitionRecord(hash: yaml, pipeline: "p", file: "p.yaml", text: yaml))
        let pipeline = try #require(rig.loader.load(Array(yaml.utf8), file: "p.yaml").pipeline)
        let queue = RunQueue(worker: rig.worker, limit: 4, maximumQueued: 10)
        let runs = RunService(queue: queue)
        let working = Task { try await rig.worker.withSession { await queue.run() } }
        while !rig.worker.mayClaim { try await waitTurn() }
        func accept(_ id: String) async throws {
            let run = RunRecord(id: id, pipeline: "p", definition: yaml, trigger: ["type": "manual"], createdAt: 1)
            _ = try await queue.accept(NewRun(run, of: pipeline))
        }
        try await accept("run-1")
        await rig.clock.waitForSleepers()
        try await accept("run-2")
        switch policy {
        case "skip":
            #expect(try await runs.follow("run-2") { _ in } == .skipped)
            #expect(await rig.journal.run("run-2")?.state == .skipped)
            rig.clock.advance(by: .seconds(3600))
        case "cancel":
            #expect(try await runs.follow("run-1") { _ in } == .cancelled)
            await rig.clock.waitForSleepers()
            rig.clock.advance(by: .seconds(3600))
            #expect(try await runs.follow("run-2") { _ in } == .succeeded(output: .null))
        default:
            rig.clock.advance(by: .seconds(3600))
            #expect(try await runs.follow("run-1") { _ in } == .succeeded(output: .null))
            await rig.clock.waitForSleepers()
            rig.clock.advance(by: .seconds(3600))
            #expect(try await runs.follow("run-2") { _ in } == .succeeded(output: .null))
        }
        working.cancel()
        queue.stop()
        _ = await working.result
    }

    @Test("runs that are too many are refused, and say when to try again")
    func overload() async throws {
        let rig = try Rig()
        let yaml = "concurrency: { limit: 1 }\nsteps: [ { id: nap, uses: slow } ]"
        let pipeline = try #require(rig.loader.load(Array(yaml.utf8), file: "p.yaml").pipeline)
        let queue = RunQueue(worker: rig.worker, limit: 1, maximumQueued: 2)
        func accept(_ id: String) async throws {
            let run = RunRecord(id: id, pipeline: "p", definition: yaml, trigger: ["type": "manual"], createdAt: 1)
            _ = try await queue.accept(NewRun(run, of: pipeline))
        }
        try await accept("run-1")
        try await accept("run-2")
        let refusal = await #expect(throws: TriggerRefusal.self) { try await accept("run-3") }
        #expect(refusal?.reason == .overloaded)
        #expect(refusal?.message == "2 runs are waiting already")
        #expect(await rig.journal.run("run-3") == nil)
        rig.worker.stop()
        let stopping = await #expect(throws: TriggerRefusal.self) { try await accept("run-4") }
        #expect(stopping?.reason == .shuttingDown)
    }

    @Test("what the waiting runs of one pipeline were started with is bounded, and leaves room for other pipelines")
    func backlog() async throws {
        let rig = try Rig()
        let yaml = "concurrency: { limit: 1 }\nsteps: [ { id: nap, uses: slow } ]"
        let big = try #require(rig.loader.load(Array(yaml.utf8), file: "big.yaml").pipeline)
        let small = try #require(rig.loader.load(Array(yaml.utf8), file: "small.yaml").pipeline)
        let queue = RunQueue(worker: rig.worker, limit: 1, maximumQueued: 100, maximumQueuedBytes: 20_000)
        func accept(_ id: String, of pipeline: Pipeline, bytes: Int, _ origin: NewRun.Origin = .anonymous) async throws
        {
            let trigger: Value = ["type": "webhook", "raw": .string(String(repeating: "x", count: bytes))]
            let record = RunRecord(
                id: id, pipeline: pipeline.name, definition: yaml, trigger: trigger, createdAt: 1)
            var run = NewRun(record, of: pipeline)
            run.origin = origin
            _ = try await queue.accept(run)
        }
        // One that is larger than the bound is accepted where no other waits.
        try await accept("run-0", of: small, bytes: 30_000)
        try await accept("run-1", of: big, bytes: 9_000)
        try await accept("run-2", of: big, bytes: 9_000)
        let refusal = await #expect(throws: TriggerRefusal.self) { try await accept("run-3", of: big, bytes: 9_000) }
        #expect(refusal?.reason == .overloaded)
        #expect(
            refusal?.message
                == "2 runs of the pipeline \"big\" with 17 KiB are waiting already (`runs.max_queued_bytes`)")
        try await accept("run-4", of: big, bytes: 500)
        await #expect(throws: TriggerRefusal.self) { try await accept("run-5", of: small, bytes: 1) }
        // A person is not refused because of the bound.
        try await accept("run-6", of: big, bytes: 9_000, .operator)
    }

    @Test("what cancelled runs were started with is not counted when the queue is measured again")
    func cancelledBacklog() async throws {
        let rig = try Rig()
        let yaml = "concurrency: { limit: 1 }\nsteps: [ { id: nap, uses: slow } ]"
        let pipeline = try #require(rig.loader.load(Array(yaml.utf8), file: "p.yaml").pipeline)
        let queue = RunQueue(worker: rig.worker, limit: 1, maximumQueued: 100, maximumQueuedBytes: 20_000)
        func accept(_ id: String) async throws {
            let trigger: Value = ["type": "webhook", "raw": .string(String(repeating: "x", count: 9_000))]
            var run = NewRun(
                RunRecord(id: id, pipeline: "p", definition: yaml, trigger: trigger, createdAt: 1), of: pipeline)
            run.origin = .anonymous
            _ = try await queue.accept(run)
        }
        for id in ["run-1", "run-2"] { try await accept(id) }
        #expect(await rig.journal.requestCancel("run-1", mayEndFinally: false, at: 1) == .cancelled)
        await #expect(throws: TriggerRefusal.self) { try await accept("run-3") }
        rig.clock.advance(by: .seconds(5))
        try await accept("run-3")
    }

    @Test("what waits in the journal since before the start counts, until it has been taken")
    func earlierBacklog() async throws {
        let journal = MemoryJournal()
        let rig = try Rig(journal: journal)
        let yaml = "concurrency: { limit: 1 }\nsteps: [ { id: nap, uses: slow } ]"
        let pipeline = try #require(rig.loader.load(Array(yaml.utf8), file: "big.yaml").pipeline)
        func record(_ id: String, bytes: Int) -> RunRecord {
            let trigger: Value = ["type": "webhook", "raw": .string(String(repeating: "x", count: bytes))]
            return RunRecord(id: id, pipeline: "big", definition: yaml, trigger: trigger, createdAt: 1)
        }
        await journal.keep(DefinitionRecord(hash: yaml, pipeline: "big", file: "big.yaml", text: yaml))
        for number in 1...2 { _ = await journal.accept(record("run-\(number)", bytes: 9_000), memory: nil) }
        let queue = RunQueue(worker: rig.worker, limit: 1, maximumQueued: 100, maximumQueuedBytes: 20_000)
        func accept(_ id: String) async throws {
            var run = NewRun(record(id, bytes: 9_000), of: pipeline)
            run.origin = .anonymous
            _ = try await queue.accept(run)
        }
        let refusal = await #expect(throws: TriggerRefusal.self) { try await accept("run-3") }
        #expect(refusal?.reason == .overloaded)
        #expect(
            refusal?.message
                == "2 runs of the pipeline \"big\" with 17 KiB are waiting already (`runs.max_queued_bytes`)")
        // The first of them begins, and leaves room for another one.
        let working = Task { try await rig.worker.withSession { await queue.run() } }
        await rig.clock.waitForSleepers()
        while await queue.runningCount == 0 { try await waitTurn() }
        try await accept("run-3")
        await #expect(throws: TriggerRefusal.self) { try await accept("run-4") }
        working.cancel()
        queue.stop()
        rig.worker.cancelRun("run-1")
        _ = try? await working.value
    }

    @Test("a run that was taken away is left to whoever has it")
    func lost() async throws {
        let rig = try Rig()
        let run = await rig.accept("run-l", "steps: [ { id: nap, uses: slow } ]", in: rig.journal)
        async let working = rig.worker.work(on: run)
        await rig.clock.waitForSleepers()
        let lease = try #require(run.lease)
        #expect(await rig.journal.release([lease], .stopped) == ["run-l"])
        await rig.journal.join(workerRecord(WorkerID("other")), replacing: [], at: 0)
        _ = try await rig.journal.claim("run-l", by: WorkerID("other"), limits: RunLimits())
        rig.clock.advance(by: .seconds(3600))
        guard case .lost = await working else { Issue.record("it was not noticed"); return }
        #expect(await rig.journal.run("run-l")?.owner == WorkerID("other"))
    }
}
