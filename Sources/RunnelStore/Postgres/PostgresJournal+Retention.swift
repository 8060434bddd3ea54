import PostgresClient
public import RunnelEngine
import RunnelKit

extension PostgresJournal {
    /// The pause between two transactions of retention.
    private static let pause = Duration.milliseconds(20)
    /// The number of runs that one transaction removes, and of rows of one table.
    private static let batch = 100
    private static let rowBatch = 2000
    /// The minimum time that an ended run is kept for those waiting for its end, even if the journal is too large.
    private static let youngest = Duration.seconds(10)
    /// The minimum age in seconds of an unreferenced definition, which may belong to a run that is about to be accepted.
    private static let definitionAge: Int64 = 86_400

    public func prune(
        _ retention: Retention, now: Int64, within limit: Duration?
    ) async throws(JournalError) -> PruneReport {
        let end = limit.map { clock.now + $0 }
        let isOver = { Task.isCancelled || end.map { self.clock.now >= $0 } ?? false }
        var report = PruneReport(runs: 0, bytes: 0)
        while !isOver() {
            let ids = try await readers.read { try Self.superfluous(retention, now: now, $0) }
            if ids.isEmpty { break }
            try await remove(ids, retention, now: now, &report)
        }
        if let bytes = retention.bytes { try await prune(to: bytes, retention, now: now, &report, until: isOver) }
        try await removeAll("dedupe_keys", "expires_at < $1", now)
        let oldest = now - retention.dedupe.nanoseconds
        try await removeAll(
            "ends",
            """
            number < (SELECT number FROM last_end)
            AND (ended_at < $1 OR number <= (SELECT number FROM last_end) - \(EndRecord.maximumKept))
            """, oldest)
        // Whole hours, so that the sums are those of the calls.
        let hour = HourCount.hour(of: now - retention.usage.nanoseconds)
        try await removeAll("usage", "at < $1", hour)
        for length in UsageQuery.keptPeriods {
            try await removeAll("usage_sums", "length = \(length) AND starts_at < $1", hour)
        }
        try await removeAll("run_hours", "hour < $1", hour)
        try await removeAll("step_memory", "expires_at < $1", now)
        try await removeDeliveries(retention, now: now)
        try await removeAll("writers", "at < now() - make_interval(secs => $1)", 86_400)
        if report.runs > 0 { try await removeDefinitions(now: now) }
        return report
    }

    /// Removes the oldest runs of all pipelines down to nine tenths of the limit, so that it is not reached again at
    /// once. PostgreSQL reuses the space of removed rows, so the rows count and not the files.
    private func prune(
        to bytes: Int64, _ retention: Retention, now: Int64, _ report: inout PruneReport, until isOver: () -> Bool
    ) async throws(JournalError) {
        var size = try await readers.read { connection in
            try connection.execute("SELECT coalesce(sum(bytes), 0)::bigint FROM runs").first?.int(0) ?? 0
        }
        guard size > bytes else { return }
        while size > bytes / 10 * 9, !isOver() {
            let ids = try await readers.read { try Self.oldest($0, now: now) }
            if ids.isEmpty { break }
            let before = report.bytes
            try await remove(ids, retention, now: now, &report)
            size -= report.bytes - before
        }
    }

    // MARK: - Runs

    /// Excludes runs that ended after the time `$4` and whose trigger has not been notified; see
    /// ``endedRetries(after:limit:)``. They are few, and an index lists them.
    private static let isSettled = "id NOT IN (SELECT id FROM runs WHERE source_due AND ended_at > $4)"

    /// Runs beyond the limits on age or count.
    private static func superfluous(
        _ retention: Retention, now: Int64, _ connection: PostgresConnection
    ) throws -> [String] {
        var ids: [String] = []
        let due = now - Retention.dueRetries.nanoseconds
        for pipeline in try pipelines(connection) where ids.count < batch {
            if let age = retention.age {
                ids += try connection.execute(
                    """
                    SELECT id FROM runs WHERE pipeline = $1 AND ended_at < $2 AND \(isSettled)
                    ORDER BY ended_at, id LIMIT $3
                    """, .text(pipeline), .int(now - age.nanoseconds), .int(Int64(batch)), .int(due)
                ).rows.map { try $0.text(0) }
            }
            if let count = retention.count, ids.isEmpty {
                ids += try connection.execute(
                    """
                    SELECT id FROM runs WHERE pipeline = $1 AND ended_at IS NOT NULL AND \(isSettled)
                    ORDER BY ended_at DESC, id DESC LIMIT $2 OFFSET $3
                    """, .text(pipeline), .int(Int64(batch)), .int(Int64(count)), .int(due)
                ).rows.map { try $0.text(0) }
            }
        }
        return ids
    }

    private static func oldest(_ connection: PostgresConnection, now: Int64) throws -> [String] {
        let count = 20
        let (limit, due) = (now - youngest.nanoseconds, now - Retention.dueRetries.nanoseconds)
        var runs: [(id: String, endedAt: Int64)] = []
        for pipeline in try pipelines(connection) {
            runs += try connection.execute(
                """
                SELECT id, ended_at FROM runs WHERE pipeline = $1 AND ended_at < $2 AND \(isSettled)
                ORDER BY ended_at, id LIMIT $3
                """, .text(pipeline), .int(limit), .int(Int64(count)), .int(due)
            ).rows.map { (try $0.text(0), try $0.int(1)) }
        }
        return runs.sorted { $0.endedAt < $1.endedAt }.prefix(count).map(\.id)
    }

    /// The pipelines with ended runs, by a skip scan of the index.
    private static func pipelines(_ connection: PostgresConnection) throws -> [String] {
        try connection.execute(
            """
            WITH RECURSIVE names (name) AS (
                (SELECT pipeline FROM runs WHERE ended_at IS NOT NULL ORDER BY pipeline LIMIT 1)
                UNION ALL
                SELECT (SELECT pipeline FROM runs WHERE ended_at IS NOT NULL AND pipeline > name
                    ORDER BY pipeline LIMIT 1)
                FROM names WHERE name IS NOT NULL
            )
            SELECT name FROM names WHERE name IS NOT NULL
            """
        ).rows.map { try $0.text(0) }
    }

    /// Removes runs in a transaction, and before it their rows that are many. If the process is killed in between, some
    /// steps of an ended run are gone; the next call removes the rest.
    private func remove(
        _ ids: [String], _ retention: Retention, now: Int64, _ report: inout PruneReport
    ) async throws(JournalError) {
        for table in ["events", "steps", "blobs"] {
            try await removeAll(table, "run_id = ANY ($1)", parameter: .texts(ids), untilBelow: Self.rowBatch)
        }
        let dedupe = retention.dedupe.nanoseconds
        let removed = try await committer.write([]) { connection in
            try connection.pipeline(
                [
                    // The keys outlive the runs.
                    PostgresStatement(
                        """
                        UPDATE dedupe_keys k SET expires_at = r.ended_at + $2,
                            failed = r.state IN ('failed', 'cancelled', 'skipped')
                        FROM runs r WHERE r.id = k.run_id AND k.run_id = ANY ($1) AND r.ended_at IS NOT NULL
                        """, .texts(ids), .int(dedupe)),
                    PostgresStatement(
                        "DELETE FROM dedupe_keys WHERE run_id = ANY ($1) AND expires_at <= $2", .texts(ids), .int(now)),
                ]
                    + ["events", "steps", "blobs", "folded"].map {
                        PostgresStatement("DELETE FROM \($0) WHERE run_id = ANY ($1)", .texts(ids))
                    }
                    + [
                        PostgresStatement(
                            "DELETE FROM runs WHERE id = ANY ($1) AND ended_at IS NOT NULL RETURNING bytes", .texts(ids)
                        )
                    ]
            ).last?.rows.map { try $0.int(0) } ?? []
        }
        report.runs += removed.count
        report.bytes += removed.reduce(0, +)
        try? await clock.sleep(for: Self.pause)
    }

    private func removeAll(_ table: String, _ condition: String, _ time: Int64) async throws(JournalError) {
        try await removeAll(table, condition, parameter: .int(time), untilBelow: 1)
    }

    /// Removes rows in small transactions, until one removes less than `enough`.
    private func removeAll(
        _ table: String, _ condition: String, parameter: PostgresParameter, untilBelow enough: Int
    ) async throws(JournalError) {
        let select = "SELECT ctid FROM \(table) WHERE \(condition) LIMIT \(Self.rowBatch)"
        while !Task.isCancelled {
            // A look costs no transaction that writes.
            let found = try await readers.read { connection in
                try connection.execute("SELECT count(*) FROM (\(select)) AS found", parameter).first?.int(0) ?? 0
            }
            guard found >= enough else { return }
            let removed = try await committer.write([]) { connection in
                try connection.execute("DELETE FROM \(table) WHERE ctid = ANY (ARRAY(\(select)))", parameter).affected
            }
            guard removed > 0 else { return }
            try? await clock.sleep(for: Self.pause)
        }
    }

    /// The newest definition of each file stays: the next run will reference it.
    private func removeDefinitions(now: Int64) async throws(JournalError) {
        try await committer.write([]) { connection in
            _ = try connection.execute(
                """
                DELETE FROM definitions old
                WHERE kept_at < $1 AND EXISTS (
                    SELECT 1 FROM definitions new
                    WHERE new.pipeline = old.pipeline AND new.file = old.file AND new.kept_at > old.kept_at
                ) AND NOT EXISTS (SELECT 1 FROM runs WHERE definition = old.hash)
                AND NOT EXISTS (SELECT 1 FROM active WHERE definition = old.hash)
                """, .int(now / 1_000_000_000 - Self.definitionAge))
        }
    }

    // MARK: - Health

    public func probe() async throws(JournalError) {
        try await committer.write([]) { connection in
            _ = try connection.execute(
                """
                INSERT INTO trigger_memory (pipeline, "trigger", key, value)
                VALUES ('', 'probe', 'at', extract(epoch FROM now())::bigint::text)
                ON CONFLICT (pipeline, "trigger", key) DO UPDATE SET value = excluded.value
                """)
        }
    }

    public func check() async throws(JournalError) -> [JournalDamage] {
        try await readers.read(isCancellable: true) { connection in
            var damages: [JournalDamage] = []
            func look(_ sql: String, _ damage: (String) -> JournalDamage) throws {
                damages += try connection.execute(PostgresStatement(sql + " LIMIT 100")).rows.map {
                    damage(try $0.text(0))
                }
            }
            try look("SELECT run_id FROM active a WHERE NOT EXISTS (SELECT 1 FROM runs r WHERE r.id = a.run_id)") {
                .database("the run \($0) is in the queue and nowhere else")
            }
            try look(
                """
                SELECT id FROM runs r
                WHERE ended_at IS NULL AND NOT EXISTS (SELECT 1 FROM active a WHERE a.run_id = r.id)
                """
            ) { .database("the run \($0) has not ended and is not in the queue") }
            let columns =
                [("steps", "run_id", ["output", "error", "items"])]
                + [("runs", "id", ["\"trigger\"", "inputs", "input", "output", "error"])]
            for (table, id, names) in columns {
                for name in names {
                    try look(
                        """
                        SELECT t.\(id) FROM \(table) t WHERE t.\(name) LIKE '#%' AND NOT EXISTS (
                            SELECT 1 FROM blobs b
                            WHERE b.run_id = t.\(id) AND b.hash = decode(substr(t.\(name), 2), 'hex'))
                        """
                    ) { .value(runID: $0) }
                }
            }
            return damages
        }
    }
}
