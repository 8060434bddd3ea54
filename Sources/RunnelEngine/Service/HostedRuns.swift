import Logging
import RunnelKit
import Synchronization
import Templates

/// The engine's interface for one trigger.
final class HostedRuns: TriggerRuns {
    let runs: RunService
    let host: PipelineHost
    let pipeline: Pipeline
    let place: PipelineHost.TriggerPlace
    /// See ``TriggerIdentities``.
    let identity: String
    /// `trigger.type` in templates.
    let kind: String
    let gate: TriggerGate
    let acceptances: TriggerAcceptances
    /// The maximum number of runs that cause each other.
    let chainLimit: Int
    let logger: Logger
    let redactor: Redactor
    /// Where the dashboard is reached; nil if that is not known.
    let publicURL: String?
    private let lastInput = Mutex<(runID: String, input: Value)?>(nil)

    init(
        runs: RunService, host: PipelineHost, pipeline: Pipeline, place: PipelineHost.TriggerPlace, identity: String,
        kind: String, gate: TriggerGate, acceptances: TriggerAcceptances = TriggerAcceptances(), chainLimit: Int,
        logger: Logger, redactor: Redactor, publicURL: String? = nil
    ) {
        (self.runs, self.host, self.pipeline, self.place, self.identity) = (runs, host, pipeline, place, identity)
        (self.kind, self.gate, self.acceptances, self.chainLimit) = (kind, gate, acceptances, chainLimit)
        (self.logger, self.redactor, self.publicURL) = (logger, redactor, publicURL)
    }

    private var trigger: TriggerID { TriggerID(pipeline: pipeline.name, key: identity) }
    private var runner: PipelineRunner { runs.worker.runner }

    func accept(_ event: TriggerEvent) async throws(TriggerRefusal) -> TriggerAcceptance {
        guard acceptances.begin() else {
            throw TriggerRefusal(
                .journal, "the pipeline \"\(pipeline.name)\" is being reloaded", retryAfter: .seconds(1))
        }
        defer { acceptances.end() }
        let inputs: ValueObject
        do {
            inputs = try pipeline.inputValues([])
        } catch {
            throw TriggerRefusal(.journal, error.message, retryAfter: .seconds(60))
        }
        let payload = event.trigger(ofType: kind)
        let now = runner.now()
        // Most triggers have no expression that needs it.
        let scope = { [gate] in gate.scope(payload: payload, input: event.input, inputs: inputs, at: now) }
        switch gate.verdict(scope) {
        case .passes: break
        case .ignored: return try await ignore(event)
        case .failed(let reason):
            logProblem("an event was ignored: \(reason)")
            return try await ignore(event)
        }
        let request = RunRequest(
            id: runs.makeID(), inputs: inputs, trigger: payload, input: event.input,
            chain: try await chain(after: event.cause))
        let memory = event.memory.isEmpty ? nil : MemoryChanges(trigger: trigger, values: event.memory)
        var run = runs.makeRun(request, of: pipeline, dedupeKey: event.dedupeKey, memory: memory)
        run.origin = event.isAnonymous ? .anonymous : .trigger
        if event.redelivery == .retry { run.record.retriesFailed = true }
        if event.isLocal { run.record.host = runs.worker.host }
        if let folding = gate.folding(
            scope, trigger: place.key, machine: run.record.host, at: now, event: { redactor.redact(payload) })
        {
            if let problem = folding.problem { logProblem("the key of an event counts as null: \(problem)") }
            run.fold(folding.debounce, until: folding.wakeAt, seal: runner.seal)
        }
        let acceptance = try await runs.start(run)
        if case .duplicate(let id) = acceptance { return .duplicate(runID: id) }
        let lag = max(0, runner.now() - max(0, event.occurredAt ?? now))
        RunMetrics.observe(lag: .nanoseconds(lag), of: kind)
        if case .folded(let id) = acceptance { return .accepted(runID: id) }
        return .accepted(runID: run.id)
    }

    private func logProblem(_ problem: String) {
        logger.error("the trigger \(place.key) of \(pipeline.name): \(redactor.redactMessage(problem))")
    }

    /// What the trigger wants to be remembered is durable before its source is told that the event was taken.
    private func ignore(_ event: TriggerEvent) async throws(TriggerRefusal) -> TriggerAcceptance {
        if !event.memory.isEmpty {
            do {
                try await runs.journal.memory(of: trigger).set(runner.seal.seal(event.memory))
            } catch {
                throw TriggerRefusal(.journal, redactor.redactMessage("\(error)"), retryAfter: .seconds(5))
            }
        }
        await host.countIgnored(at: place)
        return .ignored
    }

    /// How many runs led to the one that the event starts.
    private func chain(after cause: TriggerEvent.Cause?) async throws(TriggerRefusal) -> Int {
        let (chain, last): (Int, String)
        switch cause {
        case nil: return 0
        case .run(let id):
            do throws(JournalError) {
                (chain, last) = ((try await runs.journal.progress(of: id)?.chain ?? 0) + 1, "the run \(id)")
            } catch {
                throw TriggerRefusal(.journal, error.message, retryAfter: .seconds(5))
            }
        case .foreign(let before): (chain, last) = (max(before, 0) + 1, "the run that sent the event")
        }
        guard chain < chainLimit else {
            throw TriggerRefusal(
                .chainTooLong,
                "\(last) is the last of a chain of \(chain) runs that started each other, which is as long as "
                    + "`runs.chain` allows")
        }
        return chain
    }

    func follow(_ runID: String, _ body: @escaping @Sendable (RunUpdate) async -> Void) async throws -> RunEnd {
        try await runs.follow(runID, body)
    }

    func cancel(_ runID: String) async throws {
        _ = try await runs.cancel(runID)
    }

    func relocate(_ runID: String, from input: Value?, to source: RunSource) async throws {
        if let input, try await self.input(of: runID) != input { return }
        try await runs.relocate(runID, to: source)
    }

    /// The input of an ended run; nil if there is no such run. The files of a burst ask for the same one.
    private func input(of runID: String) async throws -> Value? {
        if let known = lastInput.withLock(\.self), known.runID == runID { return known.input }
        guard let run = try await runs.journal.run(runID) else { return nil }
        if let loss = run.lost[.input] { throw loss }
        let input = runner.seal.unseal(run.input)
        lastInput.withLock { $0 = (runID, input) }
        return input
    }

    func report(_ health: TriggerHealth) async {
        // A trigger whose events are refused is about to end, and that is no problem of the one that follows it.
        guard !acceptances.isClosed else { return }
        let shown: TriggerHealth =
            switch health {
            case .waiting(let text, let translations):
                .waiting(
                    redactor.redactPluginMessage(text),
                    translations: translations.mapValues { redactor.redactPluginMessage($0) })
            case .problem(let text): .problem(redactor.redactPluginMessage(text))
            }
        await host.report(shown, of: place)
    }

    // MARK: - Ends of runs

    func ends(after number: Int64, limit: Int) async throws -> [EndedRun] {
        try await runs.journal.ends(after: number, limit: limit).map { end in
            EndedRun(
                number: end.number, runID: end.runID, pipeline: end.pipeline,
                state: EndedRun.State(rawValue: end.state.rawValue) ?? .failed, isRecovery: end.isRecovery,
                endedAt: end.endedAt)
        }
    }

    func lastEnd() async throws -> Int64 { try await runs.journal.lastEnd() }

    func details(of end: EndedRun) async throws -> ValueObject {
        let run = try await runs.journal.run(end.runID)
        func time(_ nanoseconds: Int64?) -> Value {
            nanoseconds.map { .string(Timestamp.text(nanoseconds: $0)) } ?? .null
        }
        // The message in place of a lost value is for readers, not for steps.
        func kept(_ part: RunRecord.Part, _ value: Value?) -> Value {
            run?.lost[part] == nil ? SecretSeal.masked(value ?? .null) : .null
        }
        return [
            "id": .string(end.runID), "pipeline": .string(end.pipeline), "state": .string(end.state.rawValue),
            "error": kept(.error, run?.error),
            "inputs": kept(.inputs, run.map { .object($0.inputs) }), "output": kept(.output, run?.output),
            "trigger": kept(.trigger, run?.trigger),
            "created_at": time(run?.createdAt), "started_at": time(run?.startedAt), "ended_at": time(end.endedAt),
            "url": publicURL.map { .string("\($0)/runs/\(end.runID)") } ?? .null,
        ]
    }
}

extension TriggerEvent {
    /// `trigger` in templates: `type`, then the keys of the payload.
    func trigger(ofType kind: String) -> Value {
        var members: [(String, Value)] = [("type", .string(kind))]
        members.reserveCapacity(payload.count + 1)
        for (key, value) in payload { members.append((key, value)) }
        return .object(ValueObject(members))
    }
}
