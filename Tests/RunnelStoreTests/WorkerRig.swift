import Logging
import RunnelEngine
import RunnelKit
import RunnelTesting
import Synchronization

/// Takes a while on the clock, and notes its effect.
private struct Nap: Step {
    static let name = "nap"
    static let summary = "Takes a while."
    static let documentation = StepDocumentation(output: "The idempotency key.")
    @Field("How long.") var duration: Duration = .seconds(1)

    func run(_ context: StepContext) async throws -> Value {
        let log = try await context.services.get(EffectLog.self)
        log.begin(context.idempotencyKey, epoch: context.identity.epoch)
        defer { log.end(context.idempotencyKey) }
        try await context.clock.sleep(for: duration)
        return .string(context.idempotencyKey)
    }
}

/// Fails at first in a way that may pass.
private struct Flaky: Step {
    static let name = "flaky"
    static let summary = "Succeeds at the second attempt."
    static let documentation = StepDocumentation(output: "The number of the attempt.")

    func run(_ context: StepContext) async throws -> Value {
        try await context.services.get(EffectLog.self).begin(context.idempotencyKey, epoch: context.identity.epoch)
        guard context.identity.attempt > 1 else { throw StepError(reported: "busy", "try later", isTransient: true) }
        return .int(Int64(context.identity.attempt))
    }
}

/// Notes its effect at once.
private struct Effect: Step {
    static let name = "effect"
    static let summary = "Has an effect."
    static let documentation = StepDocumentation(output: "The text, or the idempotency key.")
    @Field("What to give back.") var text: String?
    @Field("Whether it fails.") var fails = false

    func run(_ context: StepContext) async throws -> Value {
        let log = try await context.services.get(EffectLog.self)
        log.begin(context.idempotencyKey, epoch: context.identity.epoch)
        defer { log.end(context.idempotencyKey) }
        if fails { throw StepError(reported: "out-of-luck", "it fails") }
        return .string(text ?? context.idempotencyKey)
    }
}

/// Asks whether the run is still its worker's, and has its effect.
private struct CheckedEffect: Step {
    static let name = "checked-effect"
    static let summary = "Has an effect once the run is certain to be its worker's."
    static let documentation = StepDocumentation(output: "The idempotency key.")

    func run(_ context: StepContext) async throws -> Value {
        let log = try await context.services.get(EffectLog.self)
        log.beforeEffect.withLock { $0.take() }?()
        try context.checkOwnership()
        log.begin(context.idempotencyKey, epoch: context.identity.epoch)
        log.end(context.idempotencyKey)
        return .string(context.idempotencyKey)
    }
}

/// Says texts as they come, such as a chat does.
private struct Say: Step {
    static let name = "say"
    static let summary = "Says texts."
    static let documentation = StepDocumentation(output: "The text.")
    @Field("What to say.") var texts: [String]

    func run(_ context: StepContext) async throws -> Value {
        for text in texts { await context.report(.text(text)) }
        return .string(texts.joined())
    }
}

/// Needs its memory to begin. If a source's payload has `fails`, access to the source fails with that message.
private struct Remember: Trigger {
    static let name = "remember"
    static let summary = "Reads its memory, and waits."
    static let documentation = TriggerDocumentation(payload: [])

    func run(_ context: TriggerContext) async throws {
        _ = try await context.memory.value(for: "key")
        await context.report(.waiting("for nothing"))
        try await context.clock.sleep(for: .seconds(86_400))
    }

    static func retried(_ retry: RetriedRun, _ context: RetryContext) async throws -> RunSource? {
        _ = try isThere(retry.source, in: context.project)
        return retry.source
    }

    static func isThere(_ source: RunSource, in project: ProjectDirectory) throws -> Bool {
        guard let reason = source.payload["fails"]?.asString else { return true }
        throw StepError(reported: "forbidden", reason)
    }
}

private struct WorkerPlugin: Plugin {
    let name = "worker-tests"
    var triggers: [TriggerDefinition] { [TriggerDefinition(Remember.self)] }
    var steps: [StepDefinition] {
        [
            StepDefinition(Nap.self), StepDefinition(Flaky.self), StepDefinition(Effect.self),
            StepDefinition(Say.self), StepDefinition(CheckedEffect.self),
        ]
    }
}

/// What steps did, and what went on at once.
final class EffectLog: ServiceKey, Sendable {
    typealias Service = EffectLog
    static let name = "the log of effects"

    private struct State {
        var effects: [(key: String, epoch: Int64?)] = []
        var going: [String] = []
        var companions: [String: Set<String>] = [:]
    }

    private let state = Mutex(State())
    /// What happens once, right before a step asks whether it may have its effect.
    let beforeEffect = Mutex<(@Sendable () -> Void)?>(nil)

    func begin(_ key: String, epoch: Int64?) {
        state.withLock { state in
            state.effects.append((key, epoch))
            for other in state.going {
                state.companions[other, default: []].insert(key)
                state.companions[key, default: []].insert(other)
            }
            state.going.append(key)
        }
    }

    func end(_ key: String) {
        state.withLock { state in
            if let index = state.going.firstIndex(of: key) { state.going.remove(at: index) }
        }
    }

    func count(_ key: String) -> Int { state.withLock { $0.effects.count { $0.key == key } } }
    func epochs(_ key: String) -> [Int64] { state.withLock { $0.effects.filter { $0.key == key }.compactMap(\.epoch) } }
    func companions(of key: String) -> Set<String> { state.withLock { $0.companions[key] ?? [] } }
}

/// A worker with a queue, on a clock of its own: letting it stand still stops the process.
struct WorkerRig {
    let clock = ManualClock()
    let executor = IdleExecutor()
    let journal: FaultyJournal
    let worker: Worker
    let queue: RunQueue
    let runs: RunService
    let loader: PipelineLoader
    let log: EffectLog
    let recorder = LogRecorder()

    /// - Parameters:
    ///   - limit: How many runs go on at once.
    ///   - total: The same for all processes.
    init(
        _ name: String, on base: any Journal, limit: Int = 4, log: EffectLog = EffectLog(),
        secrets: [String: String] = [:], total: Int? = nil
    ) async throws {
        journal = FaultyJournal(base: base, executor: executor)
        self.log = log
        loader = try PipelineLoader(registry: StepRegistry([WorkerPlugin()]))
        let services = Services()
        await services.register(EffectLog.self) { _ in log }
        let logger = recorder.logger()
        let runner = PipelineRunner(
            registry: loader.registry, environment: loader.environment, services: services,
            project: ProjectDirectory(path: "/nonexistent"), values: ProjectValues(secrets: secrets),
            redactor: Redactor(secrets: secrets.values),
            logger: logger, clock: clock, executor: executor,
            now: { [clock] in Self.start + clock.now.offset.nanoseconds },
            grace: .seconds(2))
        worker = Worker(
            record: workerRecord(name), journal: journal, runner: runner, loader: loader, logger: logger, clock: clock)
        queue = RunQueue(worker: worker, limit: limit, total: total, maximumQueued: 100)
        runs = RunService(queue: queue)
    }

    /// Nanoseconds since 1970.
    static let start: Int64 = 1_767_225_600_000_000_000
    static let second: Int64 = 1_000_000_000

    /// Works while `body` runs.
    func serve<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
        try await withTaskExecutorPreference(executor) { try await work(while: body) }
    }

    private func work<Result: Sendable>(
        while body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await worker.withSession { [clock, executor, queue] in
            async let running: Void = queue.run()
            let result: Swift.Result<Result, any Error>
            do {
                result = .success(try await body())
            } catch {
                result = .failure(error)
            }
            queue.stop()
            // Whatever still goes on gets its time to end.
            let ending = Task {
                while !Task.isCancelled {
                    clock.advance(by: .milliseconds(200))
                    await executor.waitUntilIdle()
                    await Task.yield()
                }
            }
            await running
            ending.cancel()
            return try result.get()
        }
    }

    /// Takes a run in, as a trigger does.
    func accept(_ id: String, _ yaml: String, _ origin: NewRun.Origin = .operator) async throws {
        let pipeline = try pipeline(yaml)
        try await journal.base.keep(definition(yaml))
        var run = NewRun(record(id, yaml, pipeline), of: pipeline)
        run.origin = origin
        _ = try await queue.accept(run)
    }

    /// Puts a run into the queue, as if another process had accepted it.
    ///
    /// - Parameters:
    ///   - wait: How long ago.
    ///   - debounce: How long it waits for more events.
    func enqueue(
        _ id: String, _ yaml: String, waitingFor wait: Duration = .zero, debounce: Duration? = nil
    ) async throws {
        try await journal.base.keep(definition(yaml))
        var run = try record(id, yaml, pipeline(yaml))
        run.createdAt -= wait.nanoseconds
        if let debounce {
            let wakeAt = run.createdAt + debounce.nanoseconds
            (run.state, run.wakeAt, run.debounce) = (.waiting, wakeAt, Debounce(key: id, latest: wakeAt))
        }
        _ = try await journal.base.accept(run, memory: nil)
    }

    private func definition(_ yaml: String) -> DefinitionRecord {
        DefinitionRecord(hash: yaml, pipeline: "p", file: "p.yaml", text: yaml)
    }

    private func record(_ id: String, _ yaml: String, _ pipeline: Pipeline) -> RunRecord {
        var run = RunRecord(
            id: id, pipeline: pipeline.name, definition: yaml, trigger: ["type": "manual"], createdAt: Self.start)
        (run.hasFinally, run.priority) = (!pipeline.finally.isEmpty, pipeline.priority)
        return run
    }

    func pipeline(_ yaml: String) throws -> Pipeline {
        let (pipeline, report) = loader.load(Array(yaml.utf8), file: "p.yaml")
        guard let pipeline else { throw StepError(reported: "bad-test", "\(report.diagnostics.map(\.message))") }
        return pipeline
    }
}

/// Lets time pass on the workers' clocks, in steps that are short enough for everything to happen in its turn.
func pass(_ time: Duration, on rigs: WorkerRig...) async throws {
    var rest = time
    for rig in rigs { try await settle(rig) }
    while rest > .zero {
        let step = min(rest, .milliseconds(200))
        for rig in rigs { rig.clock.advance(by: step) }
        rest -= step
        for rig in rigs { try await settle(rig) }
    }
}

/// Until what was set off has reached the journal.
private func settle(_ rig: WorkerRig) async throws {
    await rig.executor.waitUntilIdle()
    // What was written without waiting for the disk comes before this.
    try await rig.journal.base.memory(of: TriggerID(pipeline: "none", key: "none")).set(["barrier": 1])
}

/// Lets time pass until the run is in this state.
func pass(
    until state: RunState, of runID: String, within limit: Duration = .seconds(120), on rigs: WorkerRig...
) async throws -> Bool {
    var passed = Duration.zero
    while true {
        for rig in rigs { try await settle(rig) }
        if try await rigs[0].journal.base.run(runID)?.state == state { return true }
        guard passed < limit else { return false }
        for rig in rigs { rig.clock.advance(by: .milliseconds(200)) }
        passed += .milliseconds(200)
    }
}
