import PostgresClient
public import RunnelEngine
import RunnelKit

/// What steps keep beside their outputs: usage, and a memory over runs.
extension PostgresJournal {
    static func counting(_ rows: [(runID: String, entry: UsageEntry)]) -> [PostgresStatement] {
        guard !rows.isEmpty else { return [] }
        let used = rows.map(\.entry.usage)
        return [
            PostgresStatement(
                """
                INSERT INTO usage (at, pipeline, run_id, step, agent, model, input_tokens, output_tokens, cached_tokens,
                    estimated_input, estimated_output)
                SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
                """,
                parameters: [
                    .ints(rows.map(\.entry.at)), .texts(rows.map(\.entry.pipeline)), .texts(rows.map(\.runID)),
                    .texts(rows.map(\.entry.step.description)), .texts(used.map(\.agent)), .texts(used.map(\.model)),
                    .ints(used.map { $0.inputTokens.map(Int64.init) }),
                    .ints(used.map { $0.outputTokens.map(Int64.init) }),
                    .ints(used.map { $0.cachedTokens.map(Int64.init) }), .ints(used.map { Int64($0.estimatedInput) }),
                    .ints(used.map { Int64($0.estimatedOutput) }),
                ])
        ]
    }

    public func usage(_ query: UsageQuery) async throws(JournalError) -> [UsageSum] {
        let period = max(1, query.period ?? .max)
        let kept = query.kept
        return try await readers.read(isCancellable: true) { connection in
            // What has one unknown number counts as unknown; the numbers that are there count for the estimate.
            try connection.execute(
                """
                SELECT period, pipeline, agent, model, sum(calls)::bigint, sum(unknown_calls)::bigint,
                    sum(input_tokens)::bigint, sum(output_tokens)::bigint, sum(cached_tokens)::bigint,
                    sum(estimated_input)::bigint, sum(estimated_output)::bigint, sum(unknown_cached_calls)::bigint
                FROM (
                    SELECT (at - $1) / $2 AS period, pipeline, agent, model, 1 AS calls,
                        (NOT known)::int AS unknown_calls,
                        (NOT known OR cached_tokens IS NULL)::int AS unknown_cached_calls,
                        CASE WHEN known THEN input_tokens ELSE 0 END AS input_tokens,
                        CASE WHEN known THEN output_tokens ELSE 0 END AS output_tokens,
                        CASE WHEN known THEN coalesce(cached_tokens, 0) ELSE 0 END AS cached_tokens,
                        CASE WHEN known THEN 0 ELSE coalesce(input_tokens, estimated_input) END AS estimated_input,
                        CASE WHEN known THEN 0 ELSE coalesce(output_tokens, estimated_output) END AS estimated_output
                    FROM (
                        SELECT *, input_tokens IS NOT NULL AND output_tokens IS NOT NULL AS known FROM usage
                        WHERE at >= $1 AND at < $5 AND ($3 IS NULL OR pipeline = $3)
                    ) AS calls
                    UNION ALL
                    SELECT (starts_at - $1) / $2, pipeline, agent, model, calls, unknown_calls, unknown_cached_calls,
                        input_tokens, output_tokens, cached_tokens, estimated_input, estimated_output
                    FROM usage_sums WHERE length = $4 AND starts_at >= $5 AND ($3 IS NULL OR pipeline = $3)
                ) AS sums
                GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3 NULLS FIRST, 4 NULLS FIRST
                """, .int(query.since), .int(period), .text(query.pipeline), .int(kept.length), .int(kept.start)
            ).rows.map { row in
                try Self.sum(row)
            }
        }
    }

    public func usage(of runID: String) async throws(JournalError) -> [UsageSum] {
        try await readers.read(isCancellable: true) { connection in
            try connection.execute(
                """
                SELECT 0::bigint, pipeline, agent, model, count(*), count(*) FILTER (WHERE NOT known),
                    coalesce(sum(input_tokens) FILTER (WHERE known), 0)::bigint,
                    coalesce(sum(output_tokens) FILTER (WHERE known), 0)::bigint,
                    coalesce(sum(cached_tokens) FILTER (WHERE known), 0)::bigint,
                    coalesce(sum(coalesce(input_tokens, estimated_input)) FILTER (WHERE NOT known), 0)::bigint,
                    coalesce(sum(coalesce(output_tokens, estimated_output)) FILTER (WHERE NOT known), 0)::bigint,
                    count(*) FILTER (WHERE NOT known OR cached_tokens IS NULL)
                FROM (
                    SELECT *, input_tokens IS NOT NULL AND output_tokens IS NOT NULL AS known FROM usage
                    WHERE run_id = $1
                ) AS calls
                GROUP BY 2, 3, 4 ORDER BY 2, 3 NULLS FIRST, 4 NULLS FIRST
                """, .text(runID)
            ).rows.map { try Self.sum($0) }
        }
    }

    private static func sum(_ row: PostgresRow) throws -> UsageSum {
        var total = UsageTotal()
        total.calls = Int(try row.int(4))
        total.unknownCalls = Int(try row.int(5))
        total.inputTokens = Int(try row.int(6))
        total.outputTokens = Int(try row.int(7))
        total.cachedTokens = Int(try row.int(8))
        total.estimatedInput = Int(try row.int(9))
        total.estimatedOutput = Int(try row.int(10))
        total.unknownCachedCalls = Int(try row.int(11))
        return UsageSum(
            period: Int(try row.int(0)), pipeline: try row.text(1), agent: row.optionalText(2),
            model: row.optionalText(3), total: total)
    }

    // MARK: - Memory

    public func memory(of uses: String, key: String, at time: Int64) async throws(JournalError) -> StepMemory {
        try await readers.read { connection in
            var memory = StepMemory()
            let rows = try connection.execute(
                """
                SELECT number, value FROM step_memory WHERE uses = $1 AND key = $2 AND expires_at >= $3 ORDER BY number
                """, .text(uses), .text(StoredKey.column(key)), .int(time))
            for row in rows.rows {
                guard let value = ValueCoding.value(try row.text(1)) else {
                    throw JournalError.damaged("what \(uses) remembers of \"\(key)\" is not JSON")
                }
                if try row.int(0) == 0 { memory.value = value } else { memory.entries.append(value) }
            }
            return memory
        }
    }

    /// Applies the change. The transaction holds the lock of the key.
    static func apply(_ edit: StepMemoryEdit, _ connection: PostgresConnection) throws {
        let (uses, key) = (
            PostgresParameter.text(edit.uses), PostgresParameter.text(StoredKey.column(edit.change.key))
        )
        // Ends what has expired, and all of a key expires together.
        func put(_ number: String, _ value: Value, keep: Duration) throws {
            let expiry = PostgresParameter.int(edit.at + keep.nanoseconds)
            try connection.pipeline([
                PostgresStatement(
                    "DELETE FROM step_memory WHERE uses = $1 AND key = $2 AND expires_at < $3", uses, key, .int(edit.at)
                ),
                PostgresStatement(
                    """
                    INSERT INTO step_memory (uses, key, number, value, expires_at) SELECT $1, $2, \(number), $3, $4
                    ON CONFLICT (uses, key, number) DO UPDATE SET value = excluded.value
                    """, uses, key, .text(ValueCoding.text(value)), expiry),
                PostgresStatement(
                    "UPDATE step_memory SET expires_at = $3 WHERE uses = $1 AND key = $2", uses, key, expiry),
            ])
        }
        switch edit.change {
        case .remove:
            try connection.execute("DELETE FROM step_memory WHERE uses = $1 AND key = $2", uses, key)
        case .set(_, let value, let keep): try put("0", value, keep: keep)
        case .append(_, let value, let limit, let keep):
            try put(
                "coalesce((SELECT max(number) FROM step_memory WHERE uses = $1 AND key = $2), 0) + 1", value, keep: keep
            )
            try connection.execute(
                """
                DELETE FROM step_memory WHERE uses = $1 AND key = $2 AND number > 0 AND number <= (
                    SELECT max(number) FROM (
                        SELECT number, row_number() OVER later AS place, sum(octet_length(value)) OVER later AS bytes
                        FROM step_memory WHERE uses = $1 AND key = $2 AND number > 0
                        WINDOW later AS (ORDER BY number DESC)
                    ) AS sizes WHERE place > $3 OR bytes > $4)
                """, uses, key, .int(Int64(limit)), .int(Int64(StepMemoryEdit.maximumBytes)))
        }
    }
}
