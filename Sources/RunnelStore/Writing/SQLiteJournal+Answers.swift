import GRDB
public import RunnelEngine
import RunnelKit

/// What steps keep beside their outputs: facts of running ones, usage, and a memory over runs.
extension SQLiteJournal {
    static func write(_ updates: [StepUpdate], of runID: String, _ db: Database) throws {
        for update in updates {
            try db.cachedStatement(
                sql: """
                    UPDATE steps SET "with" = coalesce(?, "with"), attributes = coalesce(?, attributes),
                        checkpoint = coalesce(?, checkpoint)
                    WHERE run_id = ? AND key = ? AND state = 'running'
                    """
            ).execute([
                update.with.map(ValueCoding.text), update.attributes.map(ValueCoding.text),
                update.checkpoint.map(ValueCoding.text), runID, update.key.description,
            ])
        }
    }

    static func write(_ usage: [UsageEntry], of runID: String, _ db: Database) throws {
        for entry in usage {
            let used = entry.usage
            try db.cachedStatement(
                sql: """
                    INSERT INTO usage (at, pipeline, run_id, step, agent, model, input_tokens, output_tokens, cached_tokens,
                        estimated_input, estimated_output)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """
            ).execute([
                entry.at, entry.pipeline, runID, entry.step.description, used.agent, used.model, used.inputTokens,
                used.outputTokens, used.cachedTokens, used.estimatedInput, used.estimatedOutput,
            ])
        }
    }

    public func usage(_ query: UsageQuery) async throws(JournalError) -> [UsageSum] {
        let period = max(1, query.period ?? .max)
        let kept = query.kept
        return try await read { db in
            // What has one unknown number counts as unknown; the numbers that are there count for the estimate.
            try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT period, pipeline, agent, model, sum(calls), sum(unknown_calls), sum(input_tokens),
                            sum(output_tokens), sum(cached_tokens), sum(estimated_input), sum(estimated_output),
                            sum(unknown_cached_calls)
                        FROM (
                            SELECT (at - ?1) / ?2 AS period, pipeline, agent, model, 1 AS calls,
                                NOT known AS unknown_calls, NOT known OR cached_tokens IS NULL AS unknown_cached_calls,
                                iif(known, input_tokens, 0) AS input_tokens,
                                iif(known, output_tokens, 0) AS output_tokens,
                                iif(known, coalesce(cached_tokens, 0), 0) AS cached_tokens,
                                iif(known, 0, coalesce(input_tokens, estimated_input)) AS estimated_input,
                                iif(known, 0, coalesce(output_tokens, estimated_output)) AS estimated_output
                            FROM (
                                SELECT *, input_tokens IS NOT NULL AND output_tokens IS NOT NULL AS known FROM usage
                                WHERE at >= ?1 AND at < ?5 AND (?3 IS NULL OR pipeline = ?3)
                            )
                            UNION ALL
                            SELECT (starts_at - ?1) / ?2, pipeline, agent, model, calls, unknown_calls,
                                unknown_cached_calls, input_tokens, output_tokens, cached_tokens, estimated_input,
                                estimated_output
                            FROM usage_sums
                            WHERE length = ?4 AND starts_at >= ?5 AND (?3 IS NULL OR pipeline = ?3)
                        )
                        GROUP BY period, pipeline, agent, model ORDER BY period, pipeline, agent, model
                        """), arguments: [query.since, period, query.pipeline, kept.length, kept.start]
            ).map { row in
                try Self.sum(row)
            }
        }
    }

    public func usage(of runID: String) async throws(JournalError) -> [UsageSum] {
        try await read { db in
            try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT 0, pipeline, agent, model, count(*), sum(NOT known), sum(iif(known, input_tokens, 0)),
                            sum(iif(known, output_tokens, 0)), sum(iif(known, coalesce(cached_tokens, 0), 0)),
                            sum(iif(known, 0, coalesce(input_tokens, estimated_input))),
                            sum(iif(known, 0, coalesce(output_tokens, estimated_output))),
                            sum(NOT known OR cached_tokens IS NULL)
                        FROM (
                            SELECT *, input_tokens IS NOT NULL AND output_tokens IS NOT NULL AS known FROM usage
                            WHERE run_id = ?
                        )
                        GROUP BY pipeline, agent, model ORDER BY pipeline, agent, model
                        """), arguments: [runID]
            ).map { try Self.sum($0) }
        }
    }

    private static func sum(_ row: Row) throws -> UsageSum {
        do {
            var total = UsageTotal()
            total.calls = try row.decode(atIndex: 4)
            total.unknownCalls = try row.decode(atIndex: 5)
            total.inputTokens = try row.decode(atIndex: 6)
            total.outputTokens = try row.decode(atIndex: 7)
            total.cachedTokens = try row.decode(atIndex: 8)
            total.estimatedInput = try row.decode(atIndex: 9)
            total.estimatedOutput = try row.decode(atIndex: 10)
            total.unknownCachedCalls = try row.decode(atIndex: 11)
            return UsageSum(
                period: try row.decode(atIndex: 0), pipeline: try row.decode(atIndex: 1),
                agent: try row.decode(String?.self, atIndex: 2),
                model: try row.decode(String?.self, atIndex: 3),
                total: total)
        } catch {
            throw JournalError.damaged(error)
        }
    }

    // MARK: - Memory

    public func memory(of uses: String, key: String, at time: Int64) async throws(JournalError) -> StepMemory {
        let rows = try await read { db in
            try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT number, value FROM step_memory WHERE uses = ? AND key = ? AND expires_at >= ?
                        ORDER BY number
                        """), arguments: [uses, StoredKey.column(key), time]
            ).map { row in
                do {
                    return (number: try row.decode(Int.self, atIndex: 0), text: try row.decode(String.self, atIndex: 1))
                } catch {
                    throw JournalError.damaged(error)
                }
            }
        }
        var memory = StepMemory()
        for row in rows {
            guard let value = ValueCoding.value(row.text) else {
                throw JournalError.damaged("what \(uses) remembers of \"\(key)\" is not JSON")
            }
            if row.number == 0 { memory.value = value } else { memory.entries.append(value) }
        }
        return memory
    }

    static func apply(_ edit: StepMemoryEdit, _ db: Database) throws {
        let key = StoredKey.column(edit.change.key)
        func delete(where condition: String = "true", _ more: [any Bindable] = []) throws {
            try db.cachedStatement(sql: "DELETE FROM step_memory WHERE uses = ? AND key = ? AND \(condition)")
                .execute([edit.uses, key] + more)
        }
        func insert(_ number: Int, _ value: Value, until time: Int64) throws {
            try db.cachedStatement(
                sql: "INSERT OR REPLACE INTO step_memory (uses, key, number, value, expires_at) VALUES (?, ?, ?, ?, ?)"
            ).execute([edit.uses, key, number, ValueCoding.text(value), time])
            // All of a key expires together.
            try db.cachedStatement(sql: "UPDATE step_memory SET expires_at = ? WHERE uses = ? AND key = ?")
                .execute([time, edit.uses, key])
        }
        switch edit.change {
        case .remove: try delete()
        case .set(_, let value, let keep):
            try delete(where: "expires_at < ?", [edit.at])
            try insert(0, value, until: edit.at + keep.nanoseconds)
        case .append(_, let value, let limit, let keep):
            try delete(where: "expires_at < ?", [edit.at])
            let last =
                try Int.fetchOne(
                    db.cachedStatement(sql: "SELECT max(number) FROM step_memory WHERE uses = ? AND key = ?"),
                    arguments: [edit.uses, key]) ?? 0
            try insert(last + 1, value, until: edit.at + keep.nanoseconds)
            var (count, bytes) = (0, 0)
            let sizes = try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT number, length(CAST(value AS BLOB)) FROM step_memory
                        WHERE uses = ? AND key = ? AND number > 0 ORDER BY number DESC
                        """), arguments: [edit.uses, key])
            for row in sizes {
                count += 1
                bytes += try row.decode(Int.self, atIndex: 1)
                guard count > limit || bytes > StepMemoryEdit.maximumBytes else { continue }
                let oldest = try row.decode(Int.self, atIndex: 0)
                return try delete(where: "number > 0 AND number <= ?", [oldest])
            }
        }
    }
}
