import PostgresClient
public import RunnelEngine
import RunnelKit

/// A commit as its columns hold it.
struct PostgresCommit: Sendable {
    let lease: Lease
    let steps: [PostgresStep]
    let events: EncodedEvents?
    let updates: [StepUpdate]
    let usage: [UsageEntry]
    let memories: [StepMemoryEdit]
    let isProgress: Bool
    /// In nanoseconds.
    let worked: Int64?
    let wakeAt: Int64?
    let beginsFinally: Bool
    let end: PostgresEnd?

    init(_ commit: RunCommit) {
        lease = commit.lease
        steps = commit.steps.map { PostgresStep($0) }
        (events, updates, usage) = (EncodedEvents(commit.events), commit.updates, commit.usage)
        (memories, isProgress, wakeAt) = (commit.memories, commit.isProgress, commit.wakeAt)
        worked = commit.worked.map { Int64($0 / .nanoseconds(1)) }
        beginsFinally = commit.beginsFinally
        end = commit.end.map { end in
            PostgresEnd(
                runID: commit.runID, state: end.state, output: PostgresValue(end.output),
                error: PostgresValue(end.error), time: end.time)
        }
    }

    var blobs: [PostgresValue.Blob] {
        steps.flatMap(\.blobs) + [end?.output.blob, end?.error.blob].compactMap(\.self)
    }
}

/// Where the events of a run go on after a commit.
struct PostgresEventPlace: Sendable {
    var next: Int
    /// In bytes of JSON.
    var bytes: Int
}

extension PostgresJournal {
    public func commit(_ commit: RunCommit, _ durability: Durability) async throws(JournalError) {
        if let failure = progress.withLock({ $0.takeFailure(of: commit.lease) }) { throw failure }
        if durability == .soon, commit.isSmall, soon.add(commit) { return }
        let _: Bool = try await committer.perform(.commit(PostgresCommit(soon.joined(commit))), [commit.runID])
        if commit.end != nil || commit.wakeAt != nil { progress.withLock { $0.forget(commit.lease) } }
    }

    // MARK: - In a transaction

    /// Writes commits. Those of one run take effect in order.
    ///
    /// - Parameter places: Where the events of runs go on; to be remembered when the transaction is on disk.
    static func write(
        _ commits: [PostgresCommit], _ progress: RunProgressCache, places: inout [Lease: PostgresEventPlace],
        _ connection: PostgresConnection
    ) throws -> [Result<Bool, JournalError>] {
        var answers: [Result<Bool, JournalError>?] = commits.map { _ in nil }
        var pending = Array(commits.indices)
        while !pending.isEmpty {
            // One statement can change a row once, so each turn has one commit of each run.
            var seen: Set<String> = []
            let turn = pending.filter { seen.insert(commits[$0].lease.runID).inserted }
            let taken = Set(turn)
            pending.removeAll { taken.contains($0) }
            let valid = try fence(turn.map { commits[$0] }, connection)
            for index in turn where valid[commits[index].lease.runID] == nil {
                answers[index] = .failure(.leaseLost(commits[index].lease.runID))
            }
            // An earlier commit of the run failed while this one was in the queue.
            for index in turn where answers[index] == nil {
                let failure = progress.withLock { $0.failure(of: commits[index].lease) }
                answers[index] = failure.map { .failure($0) }
            }
            let accepted = turn.filter { answers[$0] == nil }
            try writeTurn(
                accepted.map { commits[$0] }, progress, troubles: valid, places: &places, connection)
            for index in accepted { answers[index] = .success(true) }
        }
        return answers.map { $0 ?? .success(true) }
    }

    /// Locks the rows of the commits whose lease is valid.
    ///
    /// - Returns: The deaths and takeovers of the runs with a valid lease.
    private static func fence(_ commits: [PostgresCommit], _ connection: PostgresConnection) throws -> [String: Int64] {
        let rows = try connection.execute(
            """
            SELECT a.run_id, a.deaths + a.takeovers FROM active a JOIN unnest($1, $2, $3) AS u (run_id, owner, epoch)
                ON u.run_id = a.run_id AND u.owner = a.owner AND u.epoch = a.epoch
            ORDER BY a.run_id FOR NO KEY UPDATE OF a
            """, .texts(commits.map(\.lease.runID)), .texts(commits.map(\.lease.worker.text)),
            .ints(commits.map(\.lease.epoch)))
        var valid: [String: Int64] = [:]
        for row in rows.rows { valid[try row.text(0)] = try row.int(1) }
        return valid
    }

    /// Writes commits of different runs.
    private static func writeTurn(
        _ commits: [PostgresCommit], _ progress: RunProgressCache, troubles: [String: Int64],
        places: inout [Lease: PostgresEventPlace],
        _ connection: PostgresConnection
    ) throws {
        guard !commits.isEmpty else { return }
        var statements = PostgresRows.blobs(commits.flatMap { commit in commit.blobs.map { (commit.lease.runID, $0) } })
        statements += PostgresRows.steps(commits.flatMap { commit in commit.steps.map { (commit.lease.runID, $0) } })
        statements += commits.flatMap(updating)
        statements += counting(commits.flatMap { commit in commit.usage.map { (commit.lease.runID, $0) } })
        statements += try events(of: commits, progress, &places, connection)
        let changed = commits.filter { commit in
            let isCleared = commit.isProgress && troubles[commit.lease.runID, default: 0] > 0
            return isCleared || commit.worked != nil || commit.wakeAt != nil || commit.beginsFinally
        }
        if !changed.isEmpty {
            // A cancellation may have been requested meanwhile. The first one leaves `finally` alone.
            let isDue = "a.cancel_requested AND greatest(a.finally_stage, u.begins_finally::int) <> 1"
            statements.append(
                PostgresStatement(
                    """
                    UPDATE active a SET
                        deaths = CASE WHEN u.is_progress THEN 0 ELSE a.deaths END,
                        takeovers = CASE WHEN u.is_progress THEN 0 ELSE a.takeovers END,
                        worked = coalesce(u.worked, a.worked),
                        state = CASE WHEN u.wake_at IS NULL THEN a.state WHEN \(isDue) THEN 'queued'
                            ELSE 'waiting' END,
                        wake_at = CASE WHEN u.wake_at IS NULL THEN a.wake_at WHEN \(isDue) THEN 0
                            ELSE u.wake_at END,
                        owner = CASE WHEN u.wake_at IS NULL THEN a.owner END,
                        finally_stage = CASE WHEN u.begins_finally THEN greatest(a.finally_stage, 1)
                            ELSE a.finally_stage END
                    FROM unnest($1, $2, $3, $4, $5) AS u (run_id, is_progress, worked, wake_at, begins_finally)
                    WHERE a.run_id = u.run_id
                    """, .texts(changed.map(\.lease.runID)), .bools(changed.map(\.isProgress)),
                    .ints(changed.map(\.worked)), .ints(changed.map(\.wakeAt)),
                    .bools(changed.map(\.beginsFinally))))
        }
        try connection.pipeline(statements)
        // Sorted, so that two transactions do not wait for each other.
        let memories = commits.flatMap(\.memories)
        for key in Set(memories.map { "memory \($0.uses) \(StoredKey.column($0.change.key))" }).sorted() {
            try lock(key, connection)
        }
        for edit in memories { try apply(edit, connection) }
        try end(commits.compactMap(\.end), connection)
    }

    private static func updating(_ commit: PostgresCommit) -> [PostgresStatement] {
        commit.updates.map { update in
            PostgresStatement(
                """
                UPDATE steps SET "with" = coalesce($3, "with"), attributes = coalesce($4, attributes),
                    checkpoint = coalesce($5, checkpoint)
                WHERE run_id = $1 AND key = $2 AND state = 'running'
                """, .text(commit.lease.runID), .text(update.key.description), .text(update.with.map(ValueCoding.text)),
                .text(update.attributes.map(ValueCoding.text)), .text(update.checkpoint.map(ValueCoding.text)))
        }
    }

    // MARK: - Events

    private static func events(
        of commits: [PostgresCommit], _ progress: RunProgressCache, _ places: inout [Lease: PostgresEventPlace],
        _ connection: PostgresConnection
    ) throws -> [PostgresStatement] {
        let commits = commits.filter { $0.events != nil }
        guard !commits.isEmpty else { return [] }
        for commit in commits where places[commit.lease] == nil {
            let known = progress.withLock { $0.events(of: commit.lease) }
            if let next = known.next { places[commit.lease] = PostgresEventPlace(next: next, bytes: known.bytes) }
        }
        let unknown = commits.filter { places[$0.lease] == nil }
        if !unknown.isEmpty {
            let rows = try connection.execute(
                """
                SELECT u.run_id, coalesce(max(e.number + e.count), 0), coalesce(sum(octet_length(e.events)), 0)::bigint
                FROM unnest($1) AS u (run_id) LEFT JOIN events e ON e.run_id = u.run_id GROUP BY u.run_id
                """, .texts(unknown.map(\.lease.runID)))
            var found: [String: PostgresEventPlace] = [:]
            for row in rows.rows {
                found[try row.text(0)] = PostgresEventPlace(next: Int(try row.int(1)), bytes: Int(try row.int(2)))
            }
            for commit in unknown { places[commit.lease] = found[commit.lease.runID] }
        }
        var rows: [(runID: String, number: Int, count: Int, text: String)] = []
        for commit in commits {
            var place = places[commit.lease] ?? PostgresEventPlace(next: 0, bytes: 0)
            guard let row = commit.events?.row(after: place.next, place.bytes) else { continue }
            rows.append((commit.lease.runID, place.next, row.count, row.text))
            place.next += row.count
            place.bytes += row.text.utf8.count
            places[commit.lease] = place
        }
        guard !rows.isEmpty else { return [] }
        return [
            PostgresStatement(
                "INSERT INTO events (run_id, number, count, events) SELECT * FROM unnest($1, $2, $3, $4)",
                .texts(rows.map(\.runID)), .ints(rows.map { Int64($0.number) }), .ints(rows.map { Int64($0.count) }),
                .texts(rows.map(\.text)))
        ]
    }
}
