import RunnelEngine
import RunnelKit

/// Runs ticks of the past with their `scheduled_for`. A tick that has run starts no second run.
struct Backfill: Sendable {
    /// Nanoseconds since 1970.
    var from: Int64
    /// Nanoseconds since 1970; this time included.
    var to: Int64
    /// The maximum number of ticks between the two times; with more nothing is run.
    var limit = 100
    /// Whether ticks that have run and failed, or were cancelled, run again.
    var again = false
    /// Whether ticks that have run are left out of the answer.
    var missing = false
    /// Whether ticks run that are so old that it is forgotten which of them have run.
    var old = false

    static let maximum = 1000
    private static let keys = ["from", "to", "limit", "again", "missing", "old"]

    struct Outcome: Sendable {
        enum Status: String, Sendable { case started, again, exists, refused }
        var tick: PipelineHost.Tick
        var run: String
        var status: Status
        /// Why the run is not retried; nil unless refused.
        var refusal: APIError?

        var json: Value {
            var json: ValueObject = [
                "scheduled_for": .string(Timestamp.text(nanoseconds: tick.time)), "trigger": .string(tick.key),
                "run": .string(run), "status": .string(status.rawValue),
            ]
            json["problem"] = refusal.map { .string($0.message) }
            return .object(json)
        }
    }

    init(from: Int64, to: Int64) {
        (self.from, self.to) = (from, to)
    }

    /// Reads the body of a request.
    init(_ value: Value) throws(APIError) {
        guard let object = value.asObject else {
            throw APIError(400, .badBody, "the body: expected an object, found \(value.kindName)")
        }
        if let unknown = object.keys.first(where: { !Self.keys.contains($0) }) {
            throw APIError(
                400, .badBody,
                "the body has a key \(Value.string(unknown).quoted()); there are \(Self.keys.joined(separator: ", "))")
        }
        func time(_ key: String) throws(APIError) -> Int64 {
            guard let time = object[key]?.asString.flatMap(Timestamp.parse) else {
                throw APIError(
                    400, .badBody,
                    "`\(key)`: expected a time such as 2026-11-24T09:00:00Z, found \((object[key] ?? .null).quoted())")
            }
            return time
        }
        self.init(from: try time("from"), to: try time("to"))
        if let limit = object["limit"] {
            guard let number = limit.asInt, (1...Int64(Self.maximum)).contains(number) else {
                throw APIError(
                    400, .badBody,
                    "`limit`: expected a number from 1 to \(Self.maximum), found \(limit.quoted())")
            }
            self.limit = Int(number)
        }
        func flag(_ key: String) throws(APIError) -> Bool {
            guard let value = object[key] else { return false }
            guard let flag = value.asBool else {
                throw APIError(400, .badBody, "`\(key)`: expected true or false, found \(value.quoted())")
            }
            return flag
        }
        (again, missing, old) = (try flag("again"), try flag("missing"), try flag("old"))
    }

    /// - Parameter dedupeKey: Calls with the same key start only one run for a tick, also where that run has failed.
    func perform(
        _ pipeline: Pipeline, _ api: API, dedupeKey: String? = nil, by caller: Operator
    ) async throws -> [Outcome] {
        guard from <= to else { throw APIError(400, .badBody, "`from` is after `to`") }
        guard to <= caller.time else {
            throw APIError(400, .badBody, "`to` lies in the future; the schedule runs those ticks itself")
        }
        let ticks = try ticks(of: pipeline, api.host, now: caller.time)
        try checkAge(of: ticks, kept: api.host.dedupe, now: api.host.now)
        var progress = Progress()
        do {
            for tick in ticks {
                try await run(tick, of: pipeline, api, dedupeKey: dedupeKey, by: caller, &progress)
            }
        } catch {
            guard progress.started > 0 else { throw error }
            await api.recordDone("backfill", of: pipeline.name, outcome: outcome(progress), by: caller)
            guard var error = error as? APIError else { throw error }
            error.message += "; \(progress.words); repeat the request to go on"
            throw error
        }
        // A repeated request that started nothing is no action.
        if dedupeKey == nil || progress.started > 0 {
            try await api.record("backfill", of: pipeline.name, outcome: outcome(progress), by: caller)
        }
        return progress.outcomes
    }

    /// What has been done so far.
    private struct Progress {
        var outcomes: [Outcome] = []
        /// The number of ticks that have a new run.
        var started = 0
        /// The last of these ticks, in nanoseconds since 1970.
        var last: Int64 = 0

        var words: String {
            "\(started) tick\(started == 1 ? "" : "s") up to \(Timestamp.text(nanoseconds: last)) "
                + "\(started == 1 ? "was" : "were") started"
        }
    }

    /// The outcome in the audit log.
    private func outcome(_ progress: Progress) -> String {
        "\(progress.started) from \(Timestamp.text(nanoseconds: from)) to \(Timestamp.text(nanoseconds: to))"
    }

    private func run(
        _ tick: PipelineHost.Tick, of pipeline: Pipeline, _ api: API, dedupeKey: String?, by caller: Operator,
        _ progress: inout Progress
    ) async throws {
        let key = dedupeKey.map { "\($0):\(tick.key):\(tick.time)" }
        let run: NewRun?
        do throws(InputError) {
            run = try api.host.makeRun(of: tick, in: pipeline, at: caller.time, key: key)
        } catch {
            throw APIError(400, .badInput, error.message)
        }
        guard let run else { return }
        let (id, isNew) = try await api.start(run)
        if isNew { (progress.started, progress.last) = (progress.started + 1, tick.time) }
        // A run that an earlier call with the same key has started is not retried.
        if isNew || UUIDv7.haveSameKey(id, run.id) {
            return progress.outcomes.append(Outcome(tick: tick, run: id, status: .started))
        }
        let old = again ? try await withJournal { try await api.journal.run(id) } : nil
        if let old, old.state == .failed || old.state == .cancelled {
            do {
                let new = try await api.retry(old, dedupeKey: key, by: caller)
                progress.outcomes.append(Outcome(tick: tick, run: new, status: .again))
            } catch let error as APIError where error.isOfOneRun {
                progress.outcomes.append(Outcome(tick: tick, run: id, status: .refused, refusal: error))
            }
        } else if !missing {
            progress.outcomes.append(Outcome(tick: tick, run: id, status: .exists))
        }
    }

    /// Refuses ticks that may have run although the journal does not know their dedupe keys any more.
    private func checkAge(of ticks: [PipelineHost.Tick], kept: Duration, now: Int64) throws(APIError) {
        let oldest = now - kept.nanoseconds
        guard !old, let first = ticks.first, first.time < oldest else { return }
        throw APIError(
            400, .badBody,
            "ticks before \(Timestamp.text(nanoseconds: oldest)) may have run already: `dedupe.keep` is "
                + "\(DurationText.format(kept)); choose a later `from`, or add `old` (`--old`) to run them all the same"
        )
    }

    /// The ticks between the two times. What is left out would look as if it had run, so too many are an error.
    private func ticks(of pipeline: Pipeline, _ host: PipelineHost, now: Int64) throws(APIError) -> [PipelineHost.Tick]
    {
        // Before `from`, so that a tick at `from` is included; one more than the limit shows that there are more.
        let ticks = host.ticks(of: pipeline, after: from - 1, limit: limit + 1).filter { $0.time <= to }
        if ticks.isEmpty, host.ticks(of: pipeline, after: now, limit: 1).isEmpty {
            throw APIError(404, .noSuchTrigger, "the pipeline \"\(pipeline.name)\" has no schedule with ticks")
        }
        guard ticks.count > limit else { return ticks }
        // Ticks of one time stay together, so that everything up to the end of a part has run.
        let end = ticks.last { $0.time < ticks[limit].time }
        let advice = [
            end.map { "set `to` to \(Timestamp.text(nanoseconds: $0.time)) and go on from there" },
            limit < Self.maximum ? "raise `limit`, to \(Self.maximum) at most" : nil,
        ].compactMap(\.self)
        throw APIError(
            400, .badBody,
            "there are more than \(limit) ticks between `from` and `to`; \(advice.joined(separator: ", or "))")
    }
}
