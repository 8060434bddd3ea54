public import RunnelKit
import RunnelSupport
import YAML

/// Starts, retries, resumes, cancels and follows runs: the one way to do so for the command line, the API, MCP and
/// triggers.
///
/// A run is made by ``makeRun(_:of:priority:dedupeKey:memory:)`` or ``makeRetry(of:with:from:dedupeKey:)``. Then it is
/// either started, so that the queue of this process works on it, or performed: worked on while the caller waits.
public struct RunService: Sendable {
    let worker: Worker
    let watchers: RunWatchers
    /// Works on the runs that are started here.
    private let queue: RunQueue?
    /// The maximum number of concurrent runs of all processes that share the journal; nil for no limit.
    private let total: Int?

    var journal: any Journal { worker.journal }
    private var runner: PipelineRunner { worker.runner }

    /// The service of a process that works on queued runs.
    public init(queue: RunQueue) {
        worker = queue.worker
        watchers = queue.watchers
        self.queue = queue
        total = queue.total
    }

    /// The service of a process that works on its own runs alone. What is started here is left to whichever process
    /// works on queued runs.
    ///
    /// - Parameter total: The maximum number of concurrent runs of all processes that share the journal; nil for no limit.
    public init(worker: Worker, total: Int? = nil) {
        self.worker = worker
        watchers = RunWatchers()
        queue = nil
        self.total = total
    }

    /// The limits of a run of the pipeline.
    func limits(of pipeline: Pipeline?) -> RunLimits {
        RunLimits(pipeline: pipeline?.concurrency?.limit.number, total: total)
    }

    // MARK: - Making

    /// A new id of a run.
    ///
    /// - Parameter key: See ``UUIDv7/make(nanoseconds:key:)``.
    public func makeID(key: String? = nil) -> String { UUIDv7.make(nanoseconds: runner.now(), key: key) }

    /// A run of a pipeline.
    ///
    /// - Parameters:
    ///   - priority: Among ``RunPriority/levels``; nil for that of the pipeline.
    ///   - dedupeKey: Makes repeats of one event one run; unique within the pipeline. Without secrets taken out.
    ///   - memory: The changes to the trigger's memory that are stored with the run. Secrets are not redacted yet.
    public func makeRun(
        _ request: RunRequest, of pipeline: Pipeline, priority: Int? = nil, dedupeKey: String? = nil,
        memory: MemoryChanges? = nil
    ) -> NewRun {
        let seal = runner.seal
        let record = RunRecord(
            id: request.id, pipeline: pipeline.name, definition: pipeline.definition,
            dedupeKey: dedupeKey.map { seal.dedupeKey($0, of: pipeline.name) }, trigger: seal.seal(request.trigger),
            inputs: seal.seal(.object(request.inputs)).asObject ?? [:], input: seal.seal(request.input),
            createdAt: runner.now(), chain: request.chain)
        let memory = memory.map { MemoryChanges(trigger: $0.trigger, values: seal.seal($0.values)) }
        return NewRun(record, of: pipeline, request: request, priority: priority, memory: memory)
    }

    /// A run that repeats another with the same values. If the pipeline has changed since, they are read by its current
    /// `inputs`, and an input that is new has its default. Where the trigger has moved the file of the old run, also
    /// after a retry of it, the file is found at its new place.
    ///
    /// - Parameters:
    ///   - old: As the journal has it.
    ///   - pipeline: The current version.
    ///   - inputs: Values of inputs that replace those of the old run, from ``Pipeline/changedInputs(_:)``.
    ///   - priority: Among ``RunPriority/levels``; nil for that of the old run.
    ///   - step: The id of a step under `steps`. What finished before it is taken over and not executed again.
    ///   - dedupeKey: See ``makeRun(_:of:priority:dedupeKey:memory:)``.
    public func makeRetry(
        of old: RunRecord, with pipeline: Pipeline, from step: String? = nil, changing inputs: ValueObject = [:],
        priority: Int? = nil, dedupeKey: String? = nil
    ) async throws(RetryError) -> NewRun {
        try RetryError.check(old)
        if let loss = old.loss(of: RunRecord.beginning) { throw .journal(loss) }
        var record = RunRecord(
            id: makeID(), pipeline: pipeline.name, definition: pipeline.definition,
            dedupeKey: dedupeKey.map { runner.seal.dedupeKey($0, of: pipeline.name) }, trigger: old.trigger,
            inputs: try self.inputs(of: old, in: pipeline, changing: inputs), input: old.input,
            createdAt: runner.now(), retryOf: old.id, chain: old.chain)
        record.host = old.host
        let source: Value?
        do throws(RetryError) {
            source = try await currentSource(of: old)
        } catch {
            switch error {
            // The steps from the given one on may not need the source.
            case .sourceGone where step != nil, .sourceUnreadable where step != nil: source = old.source
            default: throw error
            }
        }
        if let source, let place = RunSource(json: source) {
            var trigger = old.trigger.asObject ?? [:]
            for (key, value) in place.payload { trigger[key] = value }
            (record.trigger, record.input, record.source) = (.object(trigger), place.input, source)
        }
        var steps: [StepRecord] = []
        if let step { steps = try await finishedSteps(of: old, in: pipeline, before: step) }
        if let lost = LostSecret(in: record, steps, of: pipeline, runner.seal) { throw .secretUnavailable(lost) }
        return NewRun(record, of: pipeline, priority: priority ?? old.priority, steps: steps)
    }

    /// The inputs of a retry, sealed. Those that the pipeline does not declare any more are kept, in case a later
    /// version does.
    private func inputs(
        of old: RunRecord, in pipeline: Pipeline, changing changes: ValueObject
    ) throws(RetryError) -> ValueObject {
        let seal = runner.seal
        var inputs = old.inputs
        for (name, value) in changes { inputs[name] = seal.seal(value) }
        if pipeline.isDefinition(of: old) { return inputs }
        for declaration in pipeline.inputs where changes[declaration.name] == nil {
            let name = declaration.name
            // Null stands for an input that was not given, too.
            if let stored = inputs[name], !stored.isNull || declaration.takesNull {
                let value = seal.unseal(stored)
                switch declaration.read(json: value) {
                case .success(let read):
                    // One that is the same stays as it is stored: a secret may have no value in this process.
                    if read.json() != value.json() { inputs[name] = seal.seal(read) }
                case .failure:
                    // The whole value is redacted before it is quoted: half a secret could not be masked any more.
                    let problem = declaration.problem(with: runner.redactor.redact(value))
                    throw .badInput(name, "the input \"\(name)\": \(problem ?? "its value does not match")")
                }
            } else if let value = declaration.absentValue {
                inputs[name] = seal.seal(value)
            } else {
                throw .badInput(name, "the input \"\(name)\" is required, and the run has no value for it")
            }
        }
        return inputs
    }

    /// The place of the run's source, such as a watched file, after the run or a retry of it moved the source.
    ///
    /// - Returns: As the journal stores it; nil where it was not moved.
    /// - Throws: ``RetryError/sourceGone(place:newer:)`` if the source is not there, ``RetryError/sourceUnreadable(_:)`` if
    ///   this cannot be determined.
    private func currentSource(of run: RunRecord) async throws(RetryError) -> Value? {
        if try isSourceThere(run) { return run.source }
        var retries: [RunRecord] = []
        let newer: RunRecord?
        do throws(JournalError) {
            var retryID = run.retriedBy
            while let id = retryID, let retry = try await journal.run(id) {
                retries.append(retry)
                retryID = retry.retriedBy
            }
            newer = try await newerRun(than: run)
        } catch {
            throw .journal(error)
        }
        for retry in retries where retry.source != nil { if try isSourceThere(retry) { return retry.source } }
        throw .sourceGone(place: run.movedTo ?? "", newer: newer)
    }

    /// Whether the run's source is where its trigger has put it; true where this machine cannot tell.
    private func isSourceThere(_ run: RunRecord) throws(RetryError) -> Bool {
        guard run.host == nil || run.host == worker.host, let json = run.source,
            let source = RunSource(json: runner.seal.unseal(json)),
            let trigger = runner.registry.trigger(named: run.trigger["type"]?.asString ?? "")
        else { return true }
        do {
            return try trigger.isThere(source, runner.project)
        } catch {
            throw .sourceUnreadable((error as? StepError)?.message ?? "\(error)")
        }
    }

    /// The newest run after this one with the same cause, such as the same watched file.
    private func newerRun(than run: RunRecord) async throws(JournalError) -> RunRecord? {
        var first = run
        while let id = first.retryOf, let earlier = try await journal.run(id) { first = earlier }
        let cause = first.cause
        let filter = RunFilter(pipeline: run.pipeline, since: run.createdAt, limit: 1000)
        return try await journal.runs(filter).first { $0.id > run.id && $0.cause == cause }
    }

    private func finishedSteps(
        of run: RunRecord, in pipeline: Pipeline, before step: String
    ) async throws(RetryError) -> [StepRecord] {
        guard let index = pipeline.steps.firstIndex(where: { $0.id == step }) else {
            throw .noSuchStep(step, known: pipeline.steps.map(\.id))
        }
        let earlier = pipeline.steps.prefix(index)
        let ids = Set(earlier.flatMap(\.withInner).map(\.id))
        let steps: [StepRecord]
        do throws(JournalError) {
            steps = try await journal.steps(of: run.id).filter { ids.contains($0.key.step) }
        } catch {
            throw .journal(error)
        }
        // A `for_each` has ended when its own record has, not when one of its items has.
        let ends = Dictionary(
            steps.filter(\.key.items.isEmpty).map { ($0.key.step, $0.state) }, uniquingKeysWith: { _, last in last })
        let lost = Set(steps.filter { $0.lost != nil }.map(\.key.step))
        let missing = earlier.first { step in
            let hasResult =
                switch ends[step.id] {
                case .succeeded, .skipped: true
                case .failed: step.onError == .continue
                case .cancelled, .running, .waiting, nil: false
                }
            return !hasResult || step.withInner.contains { lost.contains($0.id) }
        }
        if let missing { throw .noResult(step: missing.id) }
        return steps
    }

    // MARK: - Starting, cancelling

    /// Accepts a run and leaves it to the queue. When this returns, it is on disk.
    public func start(_ run: NewRun) async throws(TriggerRefusal) -> Acceptance {
        if let queue { return try await queue.accept(run) }
        do throws(JournalError) {
            try await worker.definitions.keep(run.pipeline)
            return try await journal.accept(run.record, steps: run.steps, memory: run.memory)
        } catch {
            throw TriggerRefusal(.journal, error.message, retryAfter: .seconds(5))
        }
    }

    /// Requests the cancellation of the run, in any process.
    ///
    /// - Parameter mayEndFinally: See ``Journal/requestCancel(_:mayEndFinally:at:)``; true for a request by a person.
    public func cancel(_ runID: String, mayEndFinally: Bool = false) async throws(JournalError) -> CancelAnswer {
        let answer = try await journal.requestCancel(runID, mayEndFinally: mayEndFinally, at: runner.now())
        switch answer {
        case .requested: worker.cancelOnce(runID)
        case .endingFinally: worker.cancelOnce(runID, endsFinally: true)
        case .cancelled: await worker.countEnd(of: runID, .cancelled)
        case .ended, .missing: break
        }
        return answer
    }

    /// Requests the cancellation of the run by a person, from a process that may have no worker. The worker of the run
    /// sees the request in the journal.
    package static func cancel(_ runID: String, in journal: any Journal) async throws(JournalError) -> CancelAnswer {
        try await journal.requestCancel(runID, mayEndFinally: true, at: WallClock.nanoseconds())
    }

    /// Runs the pipeline up to the first step that has a cost or a side effect, and stores nothing.
    ///
    /// - Returns: nil if there was such a step, which ``RunEvent/Kind/stepHeld(_:with:input:)`` reports.
    package func dryRun(
        _ pipeline: Pipeline, _ request: RunRequest, events: @escaping @Sendable (RunEvent) async -> Void
    ) async -> RunResult? {
        await runner.dryRun(pipeline, request, events: events)
    }

    // MARK: - Following

    /// Calls `body` for past and future events of the run, and returns when it has ended.
    ///
    /// Events of a run that another process works on, or worked on, come from the journal.
    /// - Throws: A ``StepError`` with the code ``StepErrorCode/noSuchRun``; a ``JournalError``; `CancellationError`.
    public func follow(
        _ runID: String, _ body: @escaping @Sendable (RunUpdate) async -> Void
    ) async throws -> RunEnd {
        let feed = JournalFeed(journal: journal, runID: runID) { [worker, watchers] in
            worker.isWorking(on: runID) || watchers.isLive(runID)
        }
        var isFirst = true
        if watchers.remembers(runID) { feed.noteLocal() }
        while true {
            let watch = watchers.watch(runID, isWhole: isFirst)
            isFirst = false
            if let end = try await end(of: runID) {
                if !watchers.isLive(runID) { watch.finish() }
                for await update in watch.updates { await body(update) }
                try Task.checkCancellation()
                try await feed.forward(body)
                return end
            }
            // Another process may own it, and it may be requeued and started again here.
            let hasEndedElsewhere = await withTaskGroup(of: Bool.self) { group in
                group.addTask { await feed.run(into: watch) }
                for await update in watch.updates { await body(update) }
                group.cancelAll()
                return await group.next() ?? false
            }
            try Task.checkCancellation()
            if !hasEndedElsewhere, watchers.remembers(runID) { feed.noteLocal() }
        }
    }

    /// The end of the run; nil while it is unfinished.
    private func end(of runID: String) async throws -> RunEnd? {
        guard let run = try await journal.progress(of: runID) else {
            throw StepError(.noSuchRun, "there is no run \"\(runID)\"")
        }
        if let loss = run.lost[.output] { throw loss }
        return run.end
    }

    /// Stores where a trigger has put what the run was started for.
    func relocate(_ runID: String, to source: RunSource) async throws(JournalError) {
        try await journal.relocate(runID, to: runner.seal.seal(source.json), isDue: false)
    }

    /// Tells triggers of ended runs that repeat theirs, where the process that worked on the run could not.
    func settleRetries() async {
        var last = ""
        // Errors of the journal are logged elsewhere. A run that stays due is tried again next time, and does not block
        // the runs after it.
        while !Task.isCancelled, let due = try? await journal.endedRetries(after: last, limit: 100), let end = due.last
        {
            for runID in due { await worker.settleRetry(runID) }
            last = end
        }
    }
}

extension RunRecord {
    /// How the run ended, with secrets masked; nil while it is unfinished.
    var end: RunEnd? {
        switch state {
        case .queued, .running, .waiting: return nil
        case .succeeded: return .succeeded(output: SecretSeal.masked(output ?? .null))
        case .cancelled: return .cancelled
        case .skipped: return .skipped
        case .failed:
            let error = RunError(json: error ?? .null)
            return .failed(code: error.code, message: error.message)
        }
    }
}

/// Why a run cannot be retried.
public enum RetryError: Error, Sendable {
    /// The run is running or waiting.
    case notEnded
    /// The pipeline has no such step under `steps`.
    case noSuchStep(String, known: [String])
    /// A step before the one to begin with has no result in the run, or failed without `on_error: continue`.
    case noResult(step: String)
    /// An input of the changed pipeline is missing in the run, or its value there does not match; with its name and the
    /// reason.
    case badInput(String, String)
    /// The run's source, such as a watched file, is not where its trigger has put it; `newer` is the newest run with the
    /// same source.
    case sourceGone(place: String, newer: RunRecord?)
    /// It cannot be determined whether the run's source is there; with the reason.
    case sourceUnreadable(String)
    /// A value that the retry needs holds a secret that has no value any more.
    case secretUnavailable(LostSecret)
    case journal(JournalError)

    /// Throws ``notEnded`` where the run has not ended.
    public static func check(_ run: RunRecord) throws(RetryError) {
        if !run.state.isFinal { throw .notEnded }
    }
}
