import Logging
import RunnelKit
import Templates

/// Carries out what the ``RunMachine`` decides for one run: it evaluates, runs attempts, waits, and writes down.
///
/// One loop takes one event after another; attempts and timers are children of its task group.
struct RunDriver {
    let runner: PipelineRunner
    let pipeline: Pipeline
    let request: RunRequest
    let startedAt: Int64
    let storage: RunStorage?
    let events: @Sendable (RunEvent) async -> Void

    let steps: [String: PipelineStep]
    let buffer = TextBuffer()
    var machine: RunMachine
    /// What goes on, by execution.
    var attempts: [ExecutionKey: RunningAttempt] = [:]
    var timers: [RunMachine.TimerID: DetachableTask<Void>] = [:]
    /// When the executions began; nanoseconds since 1970.
    var beginnings: [ExecutionKey: Int64] = [:]
    var outcome: RunOutcome?
    var isReleased = false
    /// How often the process was told to stop.
    private var stops = 0
    /// Whether something has ended that is not known to be on disk.
    var hasUnsettled = false

    struct RunningAttempt {
        let task: DetachableTask<Value>
        let stopwatch: Stopwatch
    }

    enum Event: Sendable {
        case attempt(ExecutionKey, Result<Value, any Error>?)
        case timer(RunMachine.TimerID)
        case signal(RunControl.Signal)
        /// Time to write what a step said.
        case flush
        /// The steps had long enough to end by themselves.
        case graceIsOver
        /// The cancelled steps had long enough to end.
        case patienceIsOver([ExecutionKey])
        case nothing
    }

    /// How long cancelled steps may take to end once the process was told a second time to stop.
    private static let shortPatience = Duration.seconds(1)

    init(
        runner: PipelineRunner, pipeline: Pipeline, request: RunRequest, startedAt: Int64, storage: RunStorage?,
        events: @escaping @Sendable (RunEvent) async -> Void
    ) {
        self.runner = runner
        self.pipeline = pipeline
        self.request = request
        self.startedAt = startedAt
        self.storage = storage
        self.events = events
        steps = Dictionary(pipeline.allSteps.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        machine = RunMachine(plan: RunPlan(pipeline), input: request.input, records: storage?.steps ?? [])
        for record in storage?.steps ?? [] { beginnings[record.key] = record.startedAt }
    }

    /// Works on the run until it has ended or cannot go on here. Cancelling the task does not end it; `control` does.
    func drive(_ control: RunControl) async -> DriveResult {
        var driver = self
        let stopwatch = runner.clock.measureStart()
        do {
            try await driver.work(control, stopwatch)
        } catch let error as JournalError {
            return error.code == "lease-lost" ? .lost : .broken(error)
        } catch {
            return .released
        }
        guard let outcome = driver.outcome else { return .released }
        return .ended(RunResult(id: request.id, outcome: outcome, outputs: driver.machine.outputs))
    }

    private mutating func work(_ control: RunControl, _ stopwatch: Stopwatch) async throws {
        try await withThrowingTaskGroup(of: Event.self) { group in
            let flushes = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
            // Whatever goes on is told to end before the group waits for it.
            defer {
                for attempt in attempts.values { attempt.task.cancel() }
                group.cancelAll()
            }
            listen(to: control, in: &group)
            if storage != nil { listen(to: flushes.stream, in: &group) }
            let start = RunEvent.Kind.runStarted(pipeline: pipeline.name, steps: pipeline.allSteps.count)
            try await write(.empty, events: [start])
            try await perform(machine.handle(.begin(now: runner.now())), in: &group, flushes.continuation)
            while outcome == nil, !isReleased, let event = try await group.next() {
                switch event {
                case .signal: listen(to: control, in: &group)
                case .flush: listen(to: flushes.stream, in: &group)
                default: break
                }
                try await handle(event, in: &group, flushes.continuation)
            }
            if let outcome {
                let shown = outcome.redacted(by: runner.redactor)
                await events(event(.runFinished(shown, took: stopwatch.elapsed())))
            }
        }
    }

    private func listen(to control: RunControl, in group: inout ThrowingTaskGroup<Event, any Error>) {
        group.addTask {
            for await signal in control.signals { return .signal(signal) }
            return .nothing
        }
    }

    private func listen(to flushes: AsyncStream<Void>, in group: inout ThrowingTaskGroup<Event, any Error>) {
        group.addTask {
            for await _ in flushes { return .flush }
            return .nothing
        }
    }

    private mutating func handle(
        _ event: Event, in group: inout ThrowingTaskGroup<Event, any Error>,
        _ flushes: AsyncStream<Void>.Continuation
    ) async throws {
        switch event {
        case .attempt(let key, let result):
            let machineEvent = try await ended(key, result)
            try await perform(machineEvent.map { machine.handle($0) } ?? [], in: &group, flushes)
        case .timer(let id):
            guard timers.removeValue(forKey: id) != nil else { return }
            try await perform(machine.handle(.due(id)), in: &group, flushes)
        case .signal(.cancel): try await perform(machine.handle(.cancel), in: &group, flushes)
        case .signal(.stop) where stops > 0:
            stops += 1
            cancelAttempts(Array(attempts.keys), in: &group)
        case .signal(.stop):
            stops += 1
            try await perform(machine.handle(.stop), in: &group, flushes)
            let (clock, grace) = (runner.clock, runner.grace)
            group.addTask {
                try? await clock.sleep(for: grace)
                return .graceIsOver
            }
        case .graceIsOver: cancelAttempts(Array(attempts.keys), in: &group)
        case .patienceIsOver(let keys):
            for key in keys where attempts[key] != nil {
                runner.logger.warning(
                    "the step \(key) of run \(request.id) did not end when it was cancelled; it is left alone")
                attempts[key]?.task.abandon()
            }
        case .flush: try await write(.empty)
        case .nothing: break
        }
    }

    mutating func cancelAttempts(_ keys: [ExecutionKey], in group: inout ThrowingTaskGroup<Event, any Error>) {
        let running = keys.filter { attempts[$0] != nil }
        guard !running.isEmpty else { return }
        for key in running { attempts[key]?.task.cancel() }
        let clock = runner.clock
        let patience = stops > 1 ? min(runner.grace, Self.shortPatience) : runner.grace
        group.addTask {
            try? await clock.sleep(for: patience)
            return .patienceIsOver(running)
        }
    }

    func event(_ kind: RunEvent.Kind) -> RunEvent {
        RunEvent(runID: request.id, time: runner.now(), kind: kind)
    }
}
