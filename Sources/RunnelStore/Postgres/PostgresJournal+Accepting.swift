import PostgresClient
public import RunnelEngine
import RunnelKit

/// A run that is accepted, as its columns hold it. A class, so that passing it on copies no record.
final class PostgresNewRun: Sendable {
    let run: RunRecord
    let trigger: PostgresValue
    let inputs: PostgresValue
    let input: PostgresValue
    let steps: [PostgresStep]
    let memory: MemoryChanges?
    let dedupeKey: String?
    /// The run that this one retries.
    let retryOf: String?

    init(_ run: RunRecord, _ steps: [StepRecord], _ memory: MemoryChanges?) {
        self.run = run
        let folded = RepeatedParts.fold(trigger: run.trigger, input: run.input)
        trigger = PostgresValue(folded?.trigger ?? run.trigger)
        inputs = PostgresValue(run.inputs.isEmpty ? nil : .object(run.inputs))
        if case .text(let text)? = folded?.input {
            input = PostgresValue(text: text)
        } else {
            input = PostgresValue(run.input.isNull ? nil : run.input)
        }
        self.steps = steps.map { PostgresStep($0) }
        self.memory = memory
        dedupeKey = run.dedupeKey.map(StoredKey.column)
        retryOf = run.retryOf
    }

    /// A copy that retries another run.
    init(_ new: PostgresNewRun, retryOf: String) {
        (run, trigger, inputs, input) = (new.run, new.trigger, new.inputs, new.input)
        (steps, memory, dedupeKey) = (new.steps, new.memory, new.dedupeKey)
        self.retryOf = retryOf
    }

    var blobs: [PostgresValue.Blob] { [trigger, inputs, input].compactMap(\.blob) + steps.flatMap(\.blobs) }
    var size: Int { trigger.size + inputs.size + input.size + 300 }
}

extension PostgresJournal {
    public func keep(_ definition: DefinitionRecord) async throws(JournalError) {
        try await committer.write([]) { connection in
            _ = try connection.execute(
                """
                INSERT INTO definitions (hash, pipeline, file, text, kept_at)
                VALUES ($1, $2, $3, $4, extract(epoch FROM now())::bigint)
                ON CONFLICT (hash) DO UPDATE
                    SET kept_at = greatest(definitions.kept_at, excluded.kept_at), file = excluded.file
                    WHERE definitions.kept_at < excluded.kept_at OR definitions.file <> excluded.file
                """, .text(definition.hash), .text(definition.pipeline), .text(definition.file), .text(definition.text))
        }
    }

    public func definition(_ hash: String) async throws(JournalError) -> DefinitionRecord? {
        try await readers.read { connection in
            guard
                let row = try connection.execute(
                    "SELECT hash, pipeline, file, text FROM definitions WHERE hash = $1", .text(hash)
                ).first
            else { return nil }
            return DefinitionRecord(
                hash: try row.text(0), pipeline: try row.text(1), file: try row.text(2), text: try row.text(3))
        }
    }

    public func accept(
        _ run: RunRecord, steps: [StepRecord], memory: MemoryChanges?
    ) async throws(JournalError) -> Acceptance {
        let acceptance: Acceptance = try await committer.perform(
            .accept(PostgresNewRun(run, steps, memory)), [run.id])
        if case .claimed(let epoch) = acceptance, let owner = run.owner {
            progress.withLock { $0.begin(Lease(runID: run.id, worker: owner, epoch: epoch)) }
        } else if acceptance == .accepted {
            listener?.notify()
        }
        return acceptance
    }

    // MARK: - In a transaction

    /// Accepts runs, in order.
    static func accept(
        _ new: [PostgresNewRun], _ connection: PostgresConnection
    ) throws -> [Result<Acceptance, JournalError>] {
        var changes: [TriggerID: [String: Value?]] = [:]
        for memory in new.compactMap(\.memory) {
            changes[memory.trigger, default: [:]].merge(memory.values) { _, later in later }
        }
        try connection.pipeline(remembering(changes))

        var answers: [Acceptance?] = new.map { _ in nil }
        // Those with a debounce key fold into others, one by one.
        var pending = new.indices.filter { new[$0].run.debounce == nil }
        while !pending.isEmpty {
            let (turn, later) = firsts(pending, of: new)
            let accepted = try takeKeys(turn, of: new, &answers, connection)
            let epochs = try insert(accepted, connection)
            for index in turn where answers[index] == nil {
                answers[index] = epochs[new[index].run.id].map { .claimed(epoch: $0) } ?? .accepted
            }
            // Repeated events of the same batch: the first run has not ended, so it is none to be retried.
            pending = later.filter { index in
                let first = turn.first { isSameEvent(new[$0], new[index]) }
                guard let first, let answer = answers[first] else { return true }
                switch answer {
                case .accepted, .claimed: answers[index] = .duplicate(runID: new[first].run.id)
                case .duplicate(let runID):
                    if new[index].run.retriesFailed { return true }
                    answers[index] = .duplicate(runID: runID)
                case .folded: return true
                }
                return false
            }
        }
        for index in new.indices where answers[index] == nil {
            answers[index] = try fold(new[index], connection)
        }
        return answers.map { .success($0 ?? .accepted) }
    }

    private static func isSameEvent(_ one: PostgresNewRun, _ other: PostgresNewRun) -> Bool {
        one.dedupeKey != nil && one.dedupeKey == other.dedupeKey && one.run.pipeline == other.run.pipeline
    }

    /// Splits into the first of each event, and the repeated ones.
    private static func firsts(_ indices: [Int], of new: [PostgresNewRun]) -> (first: [Int], later: [Int]) {
        struct Event: Hashable {
            let pipeline: String
            let key: String
        }
        var seen: Set<Event> = []
        var (first, later): ([Int], [Int]) = ([], [])
        for index in indices {
            guard let key = new[index].dedupeKey else {
                first.append(index)
                continue
            }
            let isNew = seen.insert(Event(pipeline: new[index].run.pipeline, key: key)).inserted
            if isNew { first.append(index) } else { later.append(index) }
        }
        return (first, later)
    }

    /// Takes the dedupe keys of runs, and answers those whose key another run has.
    ///
    /// - Returns: The runs that are new.
    private static func takeKeys(
        _ indices: [Int], of new: [PostgresNewRun], _ answers: inout [Acceptance?], _ connection: PostgresConnection
    ) throws -> [PostgresNewRun] {
        let keyed = indices.filter { new[$0].dedupeKey != nil }
        var accepted = indices.map { new[$0] }
        guard !keyed.isEmpty else { return accepted }
        // Sorted, so that two transactions do not wait for each other.
        let won = try connection.execute(
            """
            INSERT INTO dedupe_keys (pipeline, key, run_id)
            SELECT pipeline, key, run_id FROM unnest($1, $2, $3) AS u (pipeline, key, run_id) ORDER BY pipeline, key
            ON CONFLICT (pipeline, key) DO NOTHING RETURNING run_id
            """, .texts(keyed.map { new[$0].run.pipeline }), .texts(keyed.map { new[$0].dedupeKey }),
            .texts(keyed.map { new[$0].run.id }))
        guard won.count < keyed.count else { return accepted }
        let winners = Set(try won.rows.map { try $0.text(0) })
        for (place, index) in indices.enumerated() {
            let item = new[index]
            guard item.dedupeKey != nil, !winners.contains(item.run.id) else { continue }
            guard let holder = try holder(of: item, connection) else {
                throw PostgresError(.server("40001"), "a dedupe key was removed meanwhile")
            }
            if item.run.retriesFailed, holder.mayBeRetried {
                try giveKey(of: item, to: item.run.id, from: holder.runID, connection)
                accepted[place] = PostgresNewRun(item, retryOf: holder.runID)
            } else {
                answers[index] = .duplicate(runID: holder.runID)
            }
        }
        let duplicates = Set(indices.filter { answers[$0] != nil }.map { new[$0].run.id })
        accepted.removeAll { duplicates.contains($0.run.id) }
        return accepted
    }

    /// The run that an event with this key has started, and whether it ended without success.
    private static func holder(
        of new: PostgresNewRun, _ connection: PostgresConnection
    ) throws -> (runID: String, mayBeRetried: Bool)? {
        try connection.execute(
            """
            SELECT k.run_id, k.failed OR coalesce(r.state IN ('failed', 'cancelled', 'skipped'), false)
            FROM dedupe_keys k LEFT JOIN runs r ON r.id = k.run_id
            WHERE k.pipeline = $1 AND k.key = $2 FOR UPDATE OF k
            """, .text(new.run.pipeline), .text(new.dedupeKey)
        ).first.map { (try $0.text(0), try $0.bool(1)) }
    }

    private static func giveKey(
        of new: PostgresNewRun, to runID: String, from former: String?, _ connection: PostgresConnection
    ) throws {
        try connection.pipeline([
            PostgresStatement(
                "UPDATE runs SET dedupe_key = NULL WHERE id = $1 AND dedupe_key = $2", .text(former),
                .text(new.dedupeKey)),
            PostgresStatement(
                """
                INSERT INTO dedupe_keys (pipeline, key, run_id) VALUES ($1, $2, $3)
                ON CONFLICT (pipeline, key) DO UPDATE SET run_id = excluded.run_id, failed = false, expires_at = NULL
                """, .text(new.run.pipeline), .text(new.dedupeKey), .text(runID)),
        ])
    }

    /// Inserts runs, and claims those with an owner.
    ///
    /// - Returns: The epochs of claimed runs.
    private static func insert(
        _ new: [PostgresNewRun], _ connection: PostgresConnection
    ) throws -> [String: Int64] {
        guard !new.isEmpty else { return [:] }
        // A worker that was declared dead meanwhile does not own the run it accepts.
        let owners = Set(new.compactMap { $0.run.owner?.text })
        let known = try Self.known(owners, connection)
        let beginnings = new.map { item -> (state: RunState, startedAt: Int64?, owner: String?) in
            let run = item.run
            guard let owner = run.owner?.text else { return (run.state, run.startedAt, nil) }
            return known.contains(owner) ? (.running, run.startedAt ?? run.createdAt, owner) : (.queued, nil, nil)
        }
        var statements = [
            PostgresStatement(
                """
                WITH new AS MATERIALIZED (
                    SELECT *, CASE WHEN owner IS NOT NULL THEN nextval('epochs') ELSE 0 END AS epoch
                    FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
                        $20, $21, $22, $23)
                        AS u (id, pipeline, definition, state, dedupe_key, "trigger", inputs, input, created_at,
                            started_at, ended_at, owner, retry_of, has_finally, chain, wake_at, debounce_key,
                            debounce_until, bytes, source, source_due, host, priority)
                ), stored AS (
                    INSERT INTO runs (id, pipeline, definition, state, dedupe_key, "trigger", inputs, input, created_at,
                        started_at, ended_at, retry_of, has_finally, chain, debounce_key, debounce_until, bytes, source,
                        source_due, host, priority)
                    SELECT id, pipeline, definition, CASE WHEN ended_at IS NOT NULL THEN state END, dedupe_key,
                        "trigger", inputs, input, created_at, CASE WHEN ended_at IS NOT NULL THEN started_at END,
                        ended_at, retry_of, has_finally, chain, debounce_key, debounce_until, bytes,
                        source, source_due, host, priority
                    FROM new
                ), unfinished AS (
                    INSERT INTO active (run_id, pipeline, definition, state, created_at, started_at, owner, epoch,
                        wake_at, has_finally, debounce_key, debounce_until, host, priority)
                    SELECT id, pipeline, definition, state, created_at, started_at, owner, epoch, wake_at, has_finally,
                        debounce_key, debounce_until, host, priority
                    FROM new WHERE ended_at IS NULL
                )
                SELECT id, epoch FROM new WHERE owner IS NOT NULL
                """,
                parameters: [
                    .texts(new.map(\.run.id)), .texts(new.map(\.run.pipeline)), .texts(new.map(\.run.definition)),
                    .texts(beginnings.map(\.state.rawValue)), .texts(new.map(\.dedupeKey)),
                    .texts(new.map(\.trigger.column)), .texts(new.map(\.inputs.column)),
                    .texts(new.map(\.input.column)), .ints(new.map(\.run.createdAt)),
                    .ints(beginnings.map(\.startedAt)),
                    .ints(zip(new, beginnings).map { $1.state.isFinal ? $0.run.endedAt ?? $0.run.createdAt : nil }),
                    .texts(beginnings.map(\.owner)), .texts(new.map(\.retryOf)), .bools(new.map(\.run.hasFinally)),
                    .ints(new.map { Int64($0.run.chain) }), .ints(new.map(\.run.wakeAt)),
                    .texts(new.map { $0.run.debounce.map { StoredKey.column($0.key) } }),
                    .ints(new.map { $0.run.debounce?.latest }), .ints(new.map { Int64($0.size) }),
                    .texts(new.map { $0.run.source.map { ValueCoding.text($0) } }),
                    .bools(new.map(\.run.isSourceDue)), .texts(new.map(\.run.host)),
                    .ints(new.map { Int64($0.run.priority) }),
                ])
        ]
        statements += PostgresRows.blobs(new.flatMap { item in item.blobs.map { (item.run.id, $0) } })
        statements += PostgresRows.steps(new.flatMap { item in item.steps.map { (item.run.id, $0) } })
        // The transaction has begun, and nothing needs the results: the statements go with the next ones, or with COMMIT.
        if owners.isEmpty, !connection.hasDeferred {
            connection.sendWithNext(statements)
            return [:]
        }
        let results = try connection.pipeline(statements)
        var epochs: [String: Int64] = [:]
        for row in results[0].rows { epochs[try row.text(0)] = try row.int(1) }
        return epochs
    }

    /// The workers among these that have joined, which stay until the end of the transaction.
    static func known(_ workers: Set<String>, _ connection: PostgresConnection) throws -> Set<String> {
        guard !workers.isEmpty else { return [] }
        return Set(
            try connection.execute(
                "SELECT id FROM workers WHERE id = ANY ($1) ORDER BY id FOR KEY SHARE", .texts(workers.sorted())
            ).rows.map { try $0.text(0) })
    }

    // MARK: - Debounce

    /// Accepts a run with a debounce key, or replaces the event and the definition of a waiting one.
    private static func fold(_ item: PostgresNewRun, _ connection: PostgresConnection) throws -> Acceptance {
        guard let debounce = item.run.debounce else { return .accepted }
        let key = StoredKey.column(debounce.key)
        try lock("debounce \(item.run.pipeline) \(key)", connection)
        let holder = item.dedupeKey == nil ? nil : try holder(of: item, connection)
        if let holder, !(item.run.retriesFailed && holder.mayBeRetried) { return .duplicate(runID: holder.runID) }
        let row = try connection.execute(
            """
            SELECT run_id, debounce_until FROM active
            WHERE pipeline = $1 AND debounce_key = $2 AND state = 'waiting' AND started_at IS NULL
            ORDER BY run_id LIMIT 1 FOR UPDATE
            """, .text(item.run.pipeline), .text(key)
        ).first
        guard let row else {
            let new = holder.map { PostgresNewRun(item, retryOf: $0.runID) } ?? item
            if item.dedupeKey != nil { try giveKey(of: item, to: item.run.id, from: holder?.runID, connection) }
            _ = try insert([new], connection)
            try list(debounce.event, in: item.run.id, dedupeKey: nil, connection)
            return .accepted
        }
        let other = try row.text(0)
        let wakeAt = min(item.run.wakeAt ?? 0, try row.optionalInt(1) ?? 0)
        try connection.pipeline(
            PostgresRows.blobs([item.trigger, item.inputs, item.input].compactMap(\.blob).map { (other, $0) }) + [
                PostgresStatement(
                    """
                    UPDATE runs SET "trigger" = $2, inputs = $3, input = $4, definition = $5, has_finally = $6,
                        priority = $7, bytes = $8, chain = greatest(chain, $9)
                    WHERE id = $1
                    """, .text(other), .text(item.trigger.column), .text(item.inputs.column), .text(item.input.column),
                    .text(item.run.definition), .bool(item.run.hasFinally), .int(Int64(item.run.priority)),
                    .int(Int64(item.size)), .int(Int64(item.run.chain))),
                PostgresStatement(
                    """
                    UPDATE active SET definition = $2, has_finally = $3, wake_at = $4, priority = $5 WHERE run_id = $1
                    """, .text(other), .text(item.run.definition), .bool(item.run.hasFinally), .int(wakeAt),
                    .int(Int64(item.run.priority))),
            ])
        connection.sendWithNext([removingReplacedBlobs(of: other)])
        try list(debounce.event, in: other, dedupeKey: item.dedupeKey, connection)
        // The key lives as long as the run, and expires when retention removes it.
        if item.dedupeKey != nil { try giveKey(of: item, to: other, from: holder?.runID, connection) }
        return .folded(into: other)
    }

    /// Removes the large values of a run that none of its columns names any more.
    private static func removingReplacedBlobs(of runID: String) -> PostgresStatement {
        PostgresStatement(
            """
            DELETE FROM blobs b USING runs r
            WHERE b.run_id = $1 AND r.id = b.run_id
                AND ('#' || encode(b.hash, 'hex') IN (r."trigger", r.inputs, r.input)) IS NOT TRUE
                AND NOT EXISTS (
                    SELECT 1 FROM steps s
                    WHERE s.run_id = b.run_id AND '#' || encode(b.hash, 'hex') IN (s.output, s.error, s.items))
            """, .text(runID))
    }

    /// Lists the event with the run, and forgets the oldest events beyond the limits. Their dedupe keys stay.
    private static func list(
        _ event: Value, in runID: String, dedupeKey: String?, _ connection: PostgresConnection
    ) throws {
        let number =
            try connection.execute(
                "SELECT coalesce(max(number) + 1, 0) FROM folded WHERE run_id = $1", .text(runID)
            ).first?.int(0) ?? 0
        try connection.pipeline([
            PostgresStatement(
                "INSERT INTO folded (run_id, number, dedupe_key, event) VALUES ($1, $2, $3, $4)", .text(runID),
                .int(number), .text(dedupeKey), .text(ValueCoding.text(event))),
            PostgresStatement(
                """
                UPDATE folded SET event = NULL
                WHERE run_id = $1 AND event IS NOT NULL AND number < $2 AND (number <= $2 - $3 OR number <= (
                    SELECT max(number) FROM (
                        SELECT number, sum(octet_length(event)) OVER (ORDER BY number DESC) AS bytes FROM folded
                        WHERE run_id = $1 AND event IS NOT NULL
                    ) AS sizes WHERE bytes > $4))
                """, .text(runID), .int(number), .int(Int64(Debounce.maximumEvents)), .int(Int64(Debounce.maximumBytes))
            ),
        ])
    }

    /// Waits for other transactions with the same lock, and holds it until the end of this one.
    static func lock(_ name: String, _ connection: PostgresConnection) throws {
        try connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' ' || $1, 0))", .text(name))
    }
}
