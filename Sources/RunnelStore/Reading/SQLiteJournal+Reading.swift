import GRDB
public import RunnelEngine
public import RunnelKit

extension SQLiteJournal {
    private static let small = """
        id, pipeline, definition, state, dedupe_key, "trigger", created_at, started_at, ended_at, error, owner,
        interruptions, cancel_requested, retry_of
        """

    public func run(_ id: String) async throws(JournalError) -> RunRecord? {
        try await records("SELECT * FROM runs WHERE id = ?", [id]).first
    }

    public func runs(idPrefix: String, limit: Int) async throws(JournalError) -> [RunRecord] {
        // U+FFFF comes behind everything that an id can hold.
        try await records(
            "SELECT * FROM runs WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
            [idPrefix, idPrefix + "\u{FFFF}", limit])
    }

    public func queued(limit: Int) async throws(JournalError) -> [RunRecord] {
        try await records("SELECT * FROM runs WHERE state = 'queued' ORDER BY id LIMIT ?", [limit])
    }

    public func queued(limit: Int, except pipelines: Set<String>) async throws(JournalError) -> [RunRecord] {
        let names = pipelines.sorted()
        let condition = names.isEmpty ? "" : "AND pipeline NOT IN (\(names.map { _ in "?" }.joined(separator: ", ")))"
        let arguments = StatementArguments(names) + [limit]
        return try await read { db in
            try Row.fetchAll(
                db.cachedStatement(
                    sql:
                        "SELECT id, pipeline, definition, created_at, started_at FROM runs WHERE state = 'queued' \(condition) ORDER BY id LIMIT ?"
                ),
                arguments: arguments
            ).map { row in
                var record = RunRecord(
                    id: row["id"], pipeline: row["pipeline"], definition: row["definition"], trigger: .null,
                    createdAt: row["created_at"])
                record.startedAt = row["started_at"]
                return record
            }
        }
    }

    public func queuedCount() async throws(JournalError) -> Int {
        try await read {
            try Int.fetchOne($0.cachedStatement(sql: "SELECT count(*) FROM runs WHERE state = 'queued'")) ?? 0
        }
    }

    public func runs(_ filter: RunFilter) async throws(JournalError) -> [RunRecord] {
        var conditions: [String] = []
        var arguments = StatementArguments()
        if !filter.states.isEmpty {
            conditions.append("state IN (\(filter.states.map { _ in "?" }.joined(separator: ", ")))")
            arguments += StatementArguments(filter.states.map(\.rawValue))
        }
        if let pipeline = filter.pipeline {
            conditions.append("pipeline = ?")
            arguments += [pipeline]
        }
        if let since = filter.since {
            conditions.append("created_at >= ?")
            arguments += [since]
        }
        if let before = filter.before {
            conditions.append("id < ?")
            arguments += [before]
        }
        let condition = conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
        arguments += [filter.limit]
        return try await records(
            "SELECT \(Self.small) FROM runs \(condition) ORDER BY id DESC LIMIT ?", arguments)
    }

    /// Rows as they are, so that large values are read outside of the database.
    private struct StoredRun: Sendable {
        var record: RunRecord
        var trigger: StoredValue?
        var inputs: StoredValue?
        var input: StoredValue?
        var output: StoredValue?
        var error: StoredValue?
        let isListed: Bool

        init(_ row: Row) {
            record = RunRecord(
                id: row["id"], pipeline: row["pipeline"], definition: row["definition"],
                state: RunState(rawValue: row["state"]) ?? .failed, dedupeKey: row["dedupe_key"], trigger: .null,
                createdAt: row["created_at"], retryOf: row["retry_of"])
            record.startedAt = row["started_at"]
            record.endedAt = row["ended_at"]
            record.owner = (row["owner"] as String?).map { AgentID($0) }
            record.interruptions = row["interruptions"]
            record.isCancelRequested = row["cancel_requested"]
            (trigger, error) = (row["trigger"], row["error"])
            isListed = !row.hasColumn("input")
            if !isListed { (inputs, input, output) = (row["inputs"], row["input"], row["output"]) }
        }

        func opened(_ files: OutputFiles) throws(JournalError) -> RunRecord {
            var record = record
            // A list fits into memory however large the bodies of webhooks are, and is there with a file damaged.
            if isListed {
                record.trigger = try files.triggerInList(trigger)
                record.error = (try? files.load(error)) ?? nil
                return record
            }
            record.trigger = try files.load(trigger) ?? .null
            record.inputs = try files.load(inputs)?.asObject ?? [:]
            record.input = try files.load(input) ?? .null
            record.output = try files.load(output)
            record.error = try files.load(error)
            return record
        }

        var hasFiles: Bool {
            [trigger, inputs, input, output, error].contains { if case .file? = $0 { true } else { false } }
        }
    }

    private func records(_ sql: String, _ arguments: StatementArguments) async throws(JournalError) -> [RunRecord] {
        let rows = try await read {
            try Row.fetchAll($0.cachedStatement(sql: sql), arguments: arguments).map(StoredRun.init)
        }
        let files = files
        let open: @Sendable () throws(JournalError) -> [RunRecord] = { () throws(JournalError) in
            var records: [RunRecord] = []
            for row in rows { records.append(try row.opened(files)) }
            return records
        }
        return rows.contains(where: \.hasFiles) ? try await onDisk(open) : try open()
    }

    public func steps(of runID: String) async throws(JournalError) -> [StepRecord] {
        struct StoredStep: Sendable {
            var record: StepRecord
            let output: StoredValue?
            let error: StoredValue?
            let items: StoredValue?
        }
        let rows = try await read { db in
            try Row.fetchAll(
                db.cachedStatement(sql: "SELECT * FROM steps WHERE run_id = ? ORDER BY number"), arguments: [runID]
            ).compactMap { row -> StoredStep? in
                guard let key = ExecutionKey(row["key"] as String), let state = StepRecord.State(rawValue: row["state"])
                else { return nil }
                var record = StepRecord(key, uses: row["uses"], state: state, attempt: row["attempt"])
                (record.startedAt, record.endedAt, record.retryAt) = (
                    row["started_at"], row["ended_at"], row["retry_at"]
                )
                return StoredStep(record: record, output: row["output"], error: row["error"], items: row["items"])
            }
        }
        guard !rows.isEmpty else { return [] }
        let files = files
        return try await onDisk { () throws(JournalError) in
            var steps: [StepRecord] = []
            for row in rows {
                var step = row.record
                step.output = try files.load(row.output)
                step.error = try files.load(row.error)
                step.items = try files.load(row.items)
                steps.append(step)
            }
            return steps
        }
    }

    public func events(
        of runID: String, from number: Int, limit: Int
    ) async throws(JournalError) -> [(number: Int, event: Value)] {
        let rows = try await read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT number, events FROM events WHERE run_id = ? AND number + count > ? ORDER BY number LIMIT ?
                    """, arguments: [runID, number, limit]
            ).map { (first: $0["number"] as Int, text: $0["events"] as String) }
        }
        var events: [(number: Int, event: Value)] = []
        for row in rows {
            let list = (try? Value.json(Array(row.text.utf8)))?.asList ?? []
            for (index, event) in list.enumerated() where row.first + index >= number && events.count < limit {
                events.append((row.first + index, event))
            }
        }
        return events
    }
}
