import HTTPTypes
import Hummingbird
import RunnelEngine
import RunnelKit

extension API {
    /// Accepts the run.
    ///
    /// - Returns: The id of the new run, or of the run that the same event has started before. It is on disk.
    func start(_ run: NewRun) async throws(APIError) -> (id: String, isNew: Bool) {
        do {
            if case .duplicate(let other) = try await runs.start(run) { return (other, false) }
            return (run.id, true)
        } catch {
            throw APIError(error)
        }
    }

    /// Starts a run by hand.
    ///
    /// - Parameters:
    ///   - inputs: As typed or sent; checked against the pipeline's declarations.
    ///   - priority: Among ``RunPriority/levels``; nil for that of the pipeline.
    func start(
        _ pipeline: Pipeline, inputs: ValueObject, trigger: ValueObject = [:], input: Value = .null,
        priority: Int? = nil, dedupeKey: String? = nil, by caller: Operator
    ) async throws -> String {
        let values: ValueObject
        do throws(InputError) {
            values = try pipeline.inputValues(json: inputs)
        } catch {
            throw APIError(400, .badInput, error.message)
        }
        var all: ValueObject = ["type": "manual"]
        for (key, value) in trigger { all[key] = value }
        let request = RunRequest(id: runs.makeID(), inputs: values, trigger: .object(all), input: input)
        let run = runs.makeRun(request, of: pipeline, priority: priority, dedupeKey: dedupeKey)
        let (id, isNew) = try await start(run)
        if isNew { await recordDone("start-run", of: pipeline.name, outcome: id, by: caller) }
        return id
    }

    /// Starts a new run with the same input and the current version of the pipeline.
    ///
    /// - Parameters:
    ///   - step: Steps before it are not run again.
    ///   - priority: Among ``RunPriority/levels``; nil for that of the old run.
    /// - Returns: The id of the new run.
    func retry(
        _ old: RunRecord, from step: String? = nil, priority: Int? = nil, dedupeKey: String? = nil,
        by caller: Operator
    ) async throws -> String {
        let run = try await makeRetry(of: old, from: step, priority: priority, dedupeKey: dedupeKey)
        let (id, isNew) = try await start(run)
        if isNew { await recordDone("retry-run", of: old.id, outcome: id, by: caller) }
        return id
    }

    private func makeRetry(
        of old: RunRecord, from step: String? = nil, priority: Int? = nil, dedupeKey: String?
    ) async throws -> NewRun {
        do {
            try RetryError.check(old)
            let pipeline = try await stillServed(old.pipeline)
            return try await runs.makeRetry(
                of: old, with: pipeline, from: step, priority: priority, dedupeKey: dedupeKey)
        } catch RetryError.notEnded {
            throw APIError(409, .notEnded, "the run has not ended yet")
        } catch RetryError.noSuchStep(let step, let known) {
            let advice =
                Suggestion.hint(for: step, among: known) ?? "its steps are \(known.joined(separator: ", "))"
            throw APIError(
                404, .noSuchStep,
                "the pipeline has no step \(Value.string(step).quoted(limit: 200)); \(advice)")
        } catch RetryError.noResult(let step) {
            throw APIError(
                409, .noResult,
                "the step \"\(step)\" has no result in the run; retry from that step or an earlier one")
        } catch RetryError.badInput(let name, let problem) {
            throw APIError(
                400, .badInput, "\(problem); `runnel runs retry \(old.id) --input \(name)=…` sets it")
        } catch RetryError.sourceGone(let place, let newer) {
            let advice = newer.map { "; the run \($0.id) has it since" } ?? ""
            throw APIError(
                409, .sourceGone, "what the run was started for is not at \"\(place)\" any more\(advice)")
        } catch RetryError.sourceUnreadable(let reason) {
            throw APIError(409, .sourceUnreadable, reason)
        } catch RetryError.secretUnavailable(let secret) {
            throw APIError(409, .secretUnavailable, secret.problem)
        } catch RetryError.journal(let error) {
            var failure = APIError(error)
            if error.isOfOneRun { failure.status = 409 }
            throw failure
        }
    }

    /// Starts a new run for a stored delivery, of the pipeline as it is now. The signature is not checked again: the
    /// operator vouches for it. Where a run stands for the delivery, the new one retries it.
    ///
    /// - Parameter dedupeKey: Calls with the same key start only one run.
    /// - Returns: The id of the new run.
    func replay(_ delivery: DeliveryRecord, dedupeKey: String? = nil, by caller: Operator) async throws -> String {
        let pipeline = try await stillServed(delivery.pipeline)
        var started: (id: String, isNew: Bool)
        if !delivery.isWhole, let old = try await self.run(of: delivery) {
            started = try await start(makeRetry(of: old, dedupeKey: dedupeKey))
        } else {
            let run = try replayed(delivery, in: pipeline, retrying: delivery.runID, dedupeKey)
            started = try await start(run)
            if !UUIDv7.haveSameKey(started.id, run.id) {
                // Not a repeat of this replay: the event has a run by now, such as of the sender's own redelivery.
                started = try await start(replayed(delivery, in: pipeline, retrying: started.id, dedupeKey))
            }
        }
        if started.isNew {
            await recordDone("replay-delivery", of: "\(delivery.number)", outcome: started.id, by: caller)
        }
        return started.id
    }

    /// The pipeline of a run or delivery, as it is now.
    private func stillServed(_ name: String) async throws(APIError) -> Pipeline {
        do throws(APIError) {
            return try await pipeline(named: name).pipeline
        } catch {
            guard error.has(.noSuchPipeline) else { throw error }
            throw APIError(409, .notServed, "the pipeline \"\(name)\" is not served any more")
        }
    }

    /// The run that stands for the delivery, if it is still kept.
    private func run(of delivery: DeliveryRecord) async throws -> RunRecord? {
        guard let id = delivery.runID else { return nil }
        return try await withJournal { try await journal.run(id) }
    }

    private func replayed(
        _ delivery: DeliveryRecord, in pipeline: Pipeline, retrying old: String?, _ dedupeKey: String?
    ) throws(APIError) -> NewRun {
        do throws(DeliveryReplay.Failure) {
            return try host.replay.makeRun(of: delivery, in: pipeline, retrying: old, dedupeKey: dedupeKey)
        } catch {
            throw APIError(error, delivery)
        }
    }

    /// Cancels a run.
    ///
    /// - Parameter mayEndFinally: Whether a second request cancels its `finally`.
    /// - Returns: What becomes of it; it had not ended.
    func cancel(_ id: String, mayEndFinally: Bool = true, by caller: Operator) async throws -> CancelAnswer {
        let answer = try await withJournal { try await runs.cancel(id, mayEndFinally: mayEndFinally) }
        switch answer {
        case .requested, .endingFinally, .cancelled: break
        case .ended(let state):
            throw APIError(409, .hasEnded, "the run has ended already: \(state.rawValue)")
        case .missing: throw APIError(404, .noSuchRun, "the run is gone")
        }
        try await record("cancel-run", of: id, outcome: answer == .endingFinally ? "finally" : "", by: caller)
        return answer
    }

    /// Disables or enables a trigger of a served pipeline. It takes effect within a second.
    func setTrigger(_ key: String, of pipeline: Pipeline, isEnabled: Bool, by caller: Operator) async throws {
        guard pipeline.triggers.contains(where: { $0.key == key }) else {
            let known = pipeline.triggers.map(\.key)
            let advice =
                Suggestion.hint(for: key, among: known)
                ?? (known.isEmpty ? "it has none" : "it has \(known.joined(separator: ", "))")
            throw APIError(
                404, .noSuchTrigger,
                "the pipeline \"\(pipeline.name)\" has no trigger \(Value.string(key).quoted(limit: 200)); \(advice)")
        }
        try await withJournal {
            try await journal.operators.setTrigger(
                TriggerID(pipeline: pipeline.name, key: key), isEnabled: isEnabled)
        }
        try await record(
            isEnabled ? "enable-trigger" : "disable-trigger", of: "\(pipeline.name) \(key)", by: caller)
    }

    /// Drains a worker of the journal, on whichever machine it is, or lets it claim runs again. The worker learns of it
    /// with its next heartbeat.
    ///
    /// - Parameter name: See ``WorkerStatus/find(_:in:)``.
    /// - Returns: The worker as it is then.
    func setWorker(_ name: String, isDrained: Bool, by caller: Operator) async throws -> WorkerStatus {
        let all = try await withJournal { try await WorkerStatus.all(in: journal) }
        var found: WorkerStatus
        do throws(WorkerNameError) {
            found = try WorkerStatus.find(name, in: all)
        } catch {
            throw error.found.isEmpty
                ? APIError(404, .noSuchWorker, error.message) : APIError(409, .ambiguousWorker, error.message)
        }
        let id = found.worker.id
        guard try await withJournal({ try await journal.operators.setWorker(id, isDrained: isDrained) }) else {
            throw APIError(404, .noSuchWorker, "the worker \(found.worker.name) is gone")
        }
        found.worker.isDrained = isDrained
        try await record(
            isDrained ? "drain-worker" : "undrain-worker", of: found.worker.name, outcome: id.text, by: caller)
        return found
    }

    /// Adds an entry to the audit log.
    func record(_ action: String, of subject: String, outcome: String = "", by caller: Operator) async throws {
        try await withJournal {
            try await journal.operators.append(
                AuditEntry(
                    time: caller.time, caller: caller.name, origin: caller.origin, action: action, subject: subject,
                    outcome: outcome))
        }
    }

    /// Adds an entry for a run that is on disk. An error is not reported: the caller would start the run again.
    func recordDone(_ action: String, of subject: String, outcome: String, by caller: Operator) async {
        try? await record(action, of: subject, outcome: outcome, by: caller)
    }
}

/// Who does something, and from where.
struct Operator: Sendable {
    /// The name of the access token, or `local`.
    let name: String
    let origin: String
    /// Nanoseconds since 1970.
    let time: Int64

    init(name: String, origin: String, time: Int64) {
        (self.name, self.origin, self.time) = (name, origin, time)
    }

    init(_ context: ServerContext) {
        name = context.caller
        origin = context.clientAddress
        time = context.now
    }
}

extension Response {
    /// The run is on disk.
    static func accepted(_ id: String) -> Response {
        var response = Response.json(["run": .string(id), "status": "accepted"], status: 202)
        response.headers[.location] = "/api/v1/runs/\(id)"
        return response
    }
}

extension Request {
    /// The client's place in a distributed trace; nil where it is malformed.
    var traceContext: TraceContext? {
        guard let (parent, state) = HTTPFieldNames.trace, headers[values: parent].count == 1,
            let value = headers[parent]
        else { return nil }
        return TraceContext(traceparent: value, tracestate: headers[state])
    }

    /// What makes repeats of the request harmless.
    ///
    /// - Parameter subject: See ``Form/dedupeKey(_:)``.
    func dedupeKey(_ subject: String? = nil) throws(APIError) -> String? {
        guard let key = HTTPFieldNames.idempotencyKey.flatMap({ headers[$0] }) else { return nil }
        guard (1...200).contains(key.utf8.count) else {
            throw APIError(
                400, .badHeader, "Idempotency-Key: expected 1 to 200 characters, found \(key.utf8.count)")
        }
        return "api:\(key)" + (subject.map { ":\($0)" } ?? "")
    }
}

extension APIError {
    /// Whether the run that an action is about does not allow it; other runs may.
    var isOfOneRun: Bool { status == 409 || status == 404 || has(.badInput) }

    fileprivate init(_ refusal: TriggerRefusal) {
        switch refusal.reason {
        case .overloaded: self.init(429, .overloaded, refusal.message)
        case .shuttingDown: self = .shuttingDown
        case .journal: self.init(503, .unavailable, refusal.message)
        case .chainTooLong: self.init(508, .chainTooLong, refusal.message)
        }
        headers[.retryAfter] = "\(max(1, refusal.retryAfter.wholeSeconds))"
    }

    /// The process is shutting down; another one may replace it.
    static var shuttingDown: APIError {
        var error = APIError(503, .shuttingDown, "Runnel is shutting down; try again in 5 s")
        error.headers[.retryAfter] = "5"
        return error
    }
}
