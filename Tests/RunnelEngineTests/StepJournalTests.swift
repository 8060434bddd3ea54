import Logging
import RunnelKit
import RunnelTesting
import Synchronization
import Testing
import YAML

@testable import RunnelEngine

private let start: Int64 = 1_767_225_600_000_000_000
private let hour: Int64 = 3_600_000_000_000

/// Calls a model that does not exist.
private struct Model: Step {
    static let name = "model"
    static let summary = "Says what it used."
    static let documentation = StepDocumentation(output: "What it remembers.")

    @Field("What is asked.") var prompt: String
    @Field("Whether it fails.") var fails: Bool = false

    func run(_ context: StepContext) async throws -> Value {
        context.journal.describe(["model": "m", "prompt": .string(prompt), "gone": 1])
        context.journal.describe(["gone": .null])
        context.journal.record(
            UsageRecord(agent: "a", model: "m", inputTokens: 10, outputTokens: -1, estimatedOutput: 3))
        context.journal.remember(.append("key", .string(prompt), limit: 10, keep: .seconds(60)))
        if fails { throw StepError(reported: "broken", "it failed") }
        return .list(try await context.journal.entries(of: "key"))
    }
}

/// Cannot begin before an hour is over.
private struct Later: Step {
    static let name = "later"
    static let summary = "Waits for its hour."
    static let documentation = StepDocumentation(output: "The number of the attempt.")

    func run(_ context: StepContext) async throws -> Value {
        guard context.now() >= start + hour else {
            throw StepPostponement(until: start + hour, reason: "waiting for the next hour")
        }
        return .int(Int64(context.identity.attempt))
    }
}

/// Has work elsewhere that goes on while it is away.
private struct Job: Step {
    static let name = "job"
    static let summary = "Finds its job again."
    static let documentation = StepDocumentation(output: "The checkpoint.")
    static let interrupted = Mutex<[Bool]>([])

    func run(_ context: StepContext) async throws -> Value {
        if let checkpoint = context.journal.checkpoint { return checkpoint }
        try await context.journal.save(checkpoint: ["id": 7, "key": "s3cret-value"])
        do {
            try await context.clock.sleep(for: .seconds(1000))
        } catch {
            let isInterrupted = context.isInterrupted
            Self.interrupted.withLock { $0.append(isInterrupted) }
            throw error
        }
        return .null
    }
}

private struct JournalPlugin: Plugin {
    let name = "journal"
    var steps: [StepDefinition] { [StepDefinition(Model.self), StepDefinition(Later.self), StepDefinition(Job.self)] }
}

@Suite("What a step keeps in the journal", .serialized, .timeLimit(.minutes(5))) struct StepJournalTests {
    private struct Rig {
        let journal: MemoryJournal
        let clock = ManualClock()
        let worker: Worker
        private let time = Watched()

        final class Watched: Sendable {
            let now = Mutex(start)
        }

        init(_ name: String = "a", journal: MemoryJournal = MemoryJournal()) throws {
            self.journal = journal
            let loader = try PipelineLoader(registry: StepRegistry([JournalPlugin()]))
            let secrets = ["token": "s3cret-value"]
            let runner = PipelineRunner(
                registry: loader.registry, environment: loader.environment, services: Services(),
                project: ProjectDirectory(path: "/nonexistent"), values: ProjectValues(secrets: secrets),
                redactor: Redactor(secrets: secrets.values),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                clock: clock, now: { [time] in time.now.withLock(\.self) })
            worker = Worker(
                record: WorkerRecord(id: WorkerID(name), processID: 1, host: "here", role: "test", startedAt: 0),
                journal: journal, runner: runner, loader: loader,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        }

        func move(to time: Int64) { self.time.now.withLock { $0 = time } }

        func join() async {
            await journal.join(
                WorkerRecord(id: worker.id, processID: 1, host: "here", role: "test", startedAt: 0), replacing: [],
                at: 0)
        }

        func accept(_ yaml: String, input: Value = .null) async throws -> RunRecord {
            await journal.keep(DefinitionRecord(hash: yaml, pipeline: "p", file: "p.yaml", text: yaml))
            var run = RunRecord(
                id: "run", pipeline: "p", definition: yaml, trigger: ["type": "manual"], input: input, createdAt: 1)
            (run.owner, run.state) = (worker.id, .running)
            await join()
            _ = await journal.accept(run, memory: nil)
            return try #require(await journal.run("run"))
        }

        func claim() async throws -> RunRecord {
            await join()
            guard case .claimed(let run) = try await journal.claim("run", by: worker.id, limits: RunLimits()) else {
                throw StepError(reported: "taken", "it was not there to be claimed")
            }
            return run
        }
    }

    @Test("the password of a URL is not kept with what a step was given")
    func passwordOfURL() async throws {
        let rig = try Rig()
        let run = try await rig.accept(
            #"steps: [ { id: ask, uses: model, with: { prompt: "http://me:hunter2@h/a" } } ]"#, input: "x")
        _ = await rig.worker.work(on: run)
        let step = try #require(await rig.journal.steps(of: "run").first)
        #expect(step.with == ["prompt": "http://***@h/a"])
    }

    @Test("what was asked, said and used is there when the step has ended; implausible numbers are unknown")
    func kept() async throws {
        let rig = try Rig()
        let run = try await rig.accept(
            #"steps: [ { id: ask, uses: model, with: { prompt: "Use {{ input }}" } } ]"#, input: "s3cret-value")
        guard case .ended(let result) = await rig.worker.work(on: run) else {
            Issue.record("it did not end")
            return
        }
        #expect(result.outputs["ask"] == [])
        let step = try #require(await rig.journal.steps(of: "run").first)
        // Sealed: no secret is in the journal.
        #expect(step.with?["prompt"]?.asString?.contains("s3cret-value") == false)
        #expect(SecretSeal.masked(step.with ?? .null) == ["prompt": "Use ***"])
        #expect(SecretSeal.masked(step.attributes ?? .null) == ["model": "m", "prompt": "Use ***"])
        let sums = await rig.journal.usage(UsageQuery(since: 0))
        #expect(sums.map(\.pipeline) == ["p"])
        #expect(sums.first?.total.unknownCalls == 1)
        #expect(sums.first?.total.estimatedInput == 10)
        #expect(sums.first?.total.estimatedOutput == 3)
        let memory = await rig.journal.memory(of: "model", key: "key", at: start)
        #expect(memory.entries.map(SecretSeal.masked) == ["Use ***"])
        let events = await rig.journal.events(of: "run", from: 0, limit: 100)
        #expect(!events.contains { $0.event.json().contains("s3cret-value") })
    }

    @Test("a step that failed has used something, too, and is remembered")
    func failed() async throws {
        let rig = try Rig()
        let run = try await rig.accept("steps: [ { id: ask, uses: model, with: { prompt: Hi, fails: true } } ]")
        guard case .ended = await rig.worker.work(on: run) else {
            Issue.record("it did not end")
            return
        }
        #expect(await rig.journal.run("run")?.state == .failed)
        #expect(await rig.journal.usage(UsageQuery(since: 0)).map(\.total.calls) == [1])
        #expect(await rig.journal.memory(of: "model", key: "key", at: start).entries == ["Hi"])
        #expect(await rig.journal.steps(of: "run").first?.with == ["prompt": "Hi", "fails": true])
    }

    @Test("long texts of `with:` are cut, and a reference to a secret never is")
    func cut() async throws {
        let rig = try Rig()
        let text = String(repeating: "x", count: (32 << 10) - 5) + "s3cret-value" + String(repeating: "y", count: 100)
        let run = try await rig.accept(
            #"steps: [ { id: ask, uses: model, with: { prompt: "{{ input }}" } } ]"#, input: .string(text))
        _ = await rig.worker.work(on: run)
        let step = try #require(await rig.journal.steps(of: "run").first)
        let kept = try #require(step.with?["prompt"]?.asString)
        #expect(kept.hasPrefix(String(repeating: "x", count: (32 << 10) - 5) + "… ("))
        #expect(SecretSeal.masked(kept) == kept)
    }

    @Test("a step that cannot begin yet waits in the journal, and begins as the same attempt")
    func postponed() async throws {
        let rig = try Rig()
        let run = try await rig.accept("steps: [ { uses: later, retry: { attempts: 2 } } ]")
        guard case .waiting(let time) = await rig.worker.work(on: run) else {
            Issue.record("it does not wait")
            return
        }
        #expect(time == start + hour)
        let waiting = try #require(await rig.journal.run("run"))
        #expect(waiting.state == .waiting)
        #expect(waiting.wakeAt == start + hour)
        #expect(await rig.journal.steps(of: "run").first?.state == .waiting)
        let notes = await rig.journal.events(of: "run", from: 0, limit: 10).compactMap { event -> Value? in
            event.event["event"] == "step-note" ? event.event["text"] : nil
        }
        #expect(notes == ["waiting for the next hour"])
        // Woken too early, as by a clock that is set back, it goes on waiting.
        #expect(await rig.journal.wake(at: start + hour).woken == ["run"])
        let again = try await rig.claim()
        guard case .waiting(start + hour) = await rig.worker.work(on: again) else {
            Issue.record("it does not wait once more")
            return
        }
        rig.move(to: start + hour)
        _ = await rig.journal.wake(at: start + hour)
        let last = try await rig.claim()
        guard case .ended(let result) = await rig.worker.work(on: last) else {
            Issue.record("it did not end")
            return
        }
        #expect(result.outputs["later"] == 1)
    }

    @Test("an interrupted attempt finds its checkpoint, which is sealed, and knows that it goes on")
    func checkpoint() async throws {
        let first = try Rig()
        let run = try await first.accept("steps: [ { uses: job } ]")
        async let working = first.worker.work(on: run)
        await first.clock.waitForSleepers()
        let kept = try #require(await first.journal.steps(of: "run").first?.checkpoint)
        #expect(kept["id"] == 7)
        #expect(kept["key"] != "s3cret-value")
        first.worker.stop()
        await first.clock.waitForSleepers(2)
        first.clock.advance(by: .seconds(10))
        guard case .released = await working else {
            Issue.record("it was not released")
            return
        }
        #expect(Job.interrupted.withLock(\.last) == true)
        let second = try Rig("b", journal: first.journal)
        let claimed = try await second.claim()
        guard case .ended(let result) = await second.worker.work(on: claimed) else {
            Issue.record("it did not end")
            return
        }
        #expect(result.outputs["job"] == ["id": 7, "key": "s3cret-value"])
        #expect(await first.journal.steps(of: "run").first?.checkpoint == nil)
    }

    @Test("a cancelled attempt knows that it does not go on")
    func cancelled() async throws {
        let rig = try Rig()
        let run = try await rig.accept("steps: [ { uses: job } ]")
        async let working = rig.worker.work(on: run)
        await rig.clock.waitForSleepers()
        rig.worker.cancelRun("run")
        guard case .ended = await working else {
            Issue.record("it did not end")
            return
        }
        #expect(Job.interrupted.withLock(\.last) == false)
    }
}
