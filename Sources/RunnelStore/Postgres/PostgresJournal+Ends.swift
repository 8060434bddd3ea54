import PostgresClient
public import RunnelEngine
import RunnelKit

/// The end of a run, as its columns hold it.
struct PostgresEnd: Sendable {
    let runID: String
    let state: RunState
    var output = PostgresValue(text: nil)
    var error = PostgresValue(text: nil)
    let time: Int64
}

/// The sequence of ends: a run's end is numbered in the transaction that ends it (transactional outbox).
extension PostgresJournal {
    /// Ends unfinished runs, which are locked by this transaction, and numbers their ends.
    static func end(_ ends: [PostgresEnd], _ connection: PostgresConnection) throws {
        guard !ends.isEmpty else { return }
        let results = try connection.pipeline([
            PostgresStatement(
                """
                WITH gone AS (
                    DELETE FROM active a USING unnest($1) AS u (run_id) WHERE a.run_id = u.run_id RETURNING a.*
                )
                UPDATE runs r SET state = u.state, output = u.output, error = u.error, ended_at = u.ended_at,
                    definition = g.definition, started_at = g.started_at, epoch = g.epoch,
                    interruptions = g.interruptions, deaths = g.deaths, wake_at = g.wake_at, worked = g.worked,
                    cancel_requested = g.cancel_requested, finally_stage = g.finally_stage,
                    bytes = r.bytes + coalesce(octet_length(u.output), 0)
                        + coalesce((SELECT sum(octet_length(b.bytes)) FROM blobs b WHERE b.run_id = r.id), 0)
                        + coalesce((SELECT sum(octet_length(e.events) + 60) FROM events e WHERE e.run_id = r.id), 0)
                        + coalesce((SELECT sum(coalesce(octet_length(s.output), 0) + coalesce(octet_length(s."with"), 0)
                            + 200) FROM steps s WHERE s.run_id = r.id), 0)
                FROM gone g JOIN unnest($1, $2, $3, $4, $5) AS u (run_id, state, output, error, ended_at)
                    ON u.run_id = g.run_id
                WHERE r.id = g.run_id RETURNING r.id, r.pipeline
                """, .texts(ends.map(\.runID)), .texts(ends.map(\.state.rawValue)), .texts(ends.map(\.output.column)),
                .texts(ends.map(\.error.column)), .ints(ends.map(\.time))),
            // The lock is held until the commit, so it is taken last.
            PostgresStatement("UPDATE last_end SET number = number + $1 RETURNING number", .int(Int64(ends.count))),
            PostgresStatement("SELECT pipeline FROM failing"),
        ])
        var pipelines: [String: String] = [:]
        for row in results[0].rows { pipelines[try row.text(0)] = try row.text(1) }
        let last = try results[1].first?.int(0) ?? 0
        let before = Set(try results[2].rows.map { try $0.text(0) })
        var failing = before
        struct Hour: Hashable {
            let hour: Int64
            let pipeline: String
            let state: String
        }
        var hours: [Hour: Int64] = [:]
        var isRecovery: [Bool] = []
        for end in ends {
            let pipeline = pipelines[end.runID] ?? ""
            if end.state == .failed { failing.insert(pipeline) }
            isRecovery.append(end.state == .succeeded && failing.remove(pipeline) != nil)
            hours[
                Hour(hour: HourCount.hour(of: end.time), pipeline: pipeline, state: end.state.rawValue), default: 0] +=
                1
        }
        let numbers = ends.indices.map { last - Int64(ends.count) + 1 + Int64($0) }
        var statements = [
            PostgresStatement(
                """
                INSERT INTO ends (number, run_id, pipeline, state, recovery, ended_at)
                SELECT * FROM unnest($1, $2, $3, $4, $5, $6)
                """, .ints(numbers), .texts(ends.map(\.runID)), .texts(ends.map { pipelines[$0.runID] ?? "" }),
                .texts(ends.map(\.state.rawValue)), .bools(isRecovery), .ints(ends.map(\.time))),
            PostgresStatement(
                """
                INSERT INTO run_hours (hour, pipeline, state, runs) SELECT * FROM unnest($1, $2, $3, $4)
                ON CONFLICT (hour, pipeline, state) DO UPDATE SET runs = run_hours.runs + excluded.runs
                """, .ints(hours.keys.map(\.hour)), .texts(hours.keys.map(\.pipeline)),
                .texts(hours.keys.map(\.state)), .ints(hours.keys.map { hours[$0] })),
        ]
        let (new, over) = (failing.subtracting(before), before.subtracting(failing))
        if !new.isEmpty {
            statements.append(
                PostgresStatement(
                    "INSERT INTO failing (pipeline) SELECT * FROM unnest($1) ON CONFLICT DO NOTHING",
                    .texts(new.sorted())))
        }
        if !over.isEmpty {
            statements.append(
                PostgresStatement("DELETE FROM failing WHERE pipeline = ANY ($1)", .texts(over.sorted())))
        }
        try connection.pipeline(statements)
    }

    public func ends(after number: Int64, limit: Int) async throws(JournalError) -> [EndRecord] {
        try await readers.read { connection in
            try connection.execute(
                """
                SELECT number, run_id, pipeline, state, recovery, ended_at FROM ends
                WHERE number > $1 ORDER BY number LIMIT $2
                """, .int(number), .int(Int64(limit))
            ).rows.map { row in
                EndRecord(
                    number: try row.int(0), runID: try row.text(1), pipeline: try row.text(2),
                    state: RunState(rawValue: try row.text(3)) ?? .failed, isRecovery: try row.bool(4),
                    endedAt: try row.int(5))
            }
        }
    }

    public func lastEnd() async throws(JournalError) -> Int64 {
        try await readers.read { try Self.lastEnd($0) }
    }

    static func lastEnd(_ connection: PostgresConnection) throws -> Int64 {
        try connection.execute("SELECT number FROM last_end").first?.int(0) ?? 0
    }
}
