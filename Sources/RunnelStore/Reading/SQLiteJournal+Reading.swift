import GRDB
public import RunnelEngine
public import RunnelKit

extension SQLiteJournal {
    private static let small = """
        id, pipeline, definition, state, dedupe_key, "trigger", created_at, started_at, ended_at, error, owner,
        interruptions, cancel_requested, retry_of, epoch, deaths, wake_at, worked, has_finally
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

    public func queued(_ search: QueueSearch) async throws(JournalError) -> [RunRecord] {
        var conditions = ["state = 'queued'", "deaths >= ?", "deaths < ?"]
        var arguments: StatementArguments = [search.deaths.lowerBound, search.deaths.upperBound]
        if let now = search.now {
            conditions.append("(wake_at IS NULL OR wake_at <= ? OR wake_at > ?)")
            arguments += [now, now + TakeoverPolicy.longestPause]
        }
        if !search.except.isEmpty {
            conditions.append("pipeline NOT IN (\(search.except.map { _ in "?" }.joined(separator: ", ")))")
            arguments += StatementArguments(search.except.sorted())
        }
        let sql = """
            SELECT id, pipeline, definition, created_at, started_at, deaths FROM runs
            WHERE \(conditions.joined(separator: " AND ")) ORDER BY (started_at IS NULL), id LIMIT ?
            """
        return try await read { [arguments] db in
            try Row.fetchAll(db.cachedStatement(sql: sql), arguments: arguments + [search.limit]).map { row in
                // What cannot be read is found out about when the run is claimed, and fails that run alone.
                var record = RunRecord(
                    id: row["id"], pipeline: row["pipeline"],
                    definition: (try? row.decode(forColumn: "definition")) ?? "", trigger: .null,
                    createdAt: (try? row.decode(forColumn: "created_at")) ?? 0)
                record.startedAt = (try? row.decode(Int64?.self, forColumn: "started_at")) ?? nil
                record.deaths = (try? row.decode(forColumn: "deaths")) ?? 0
                return record
            }
        }
    }

    public func queuedCount() async throws(JournalError) -> Int {
        try await read {
            try Int.fetchOne($0.cachedStatement(sql: "SELECT count(*) FROM runs WHERE state = 'queued'")) ?? 0
        }
    }

    public func waitingCount() async throws(JournalError) -> Int {
        try await read {
            try Int.fetchOne($0.cachedStatement(sql: "SELECT count(*) FROM runs WHERE state = 'waiting'")) ?? 0
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
            "SELECT \(Self.small) FROM runs \(condition) ORDER BY id DESC LIMIT ?", arguments, isList: true)
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

        /// - Throws: A `RowDecodingError` where a column holds what it cannot hold.
        init(_ row: Row) throws {
            let id = try row.decode(String.self, forColumn: "id")
            guard let state = RunState(rawValue: try row.decode(String.self, forColumn: "state")) else {
                throw JournalError.damaged("the run \(id) is in no state that there is")
            }
            record = RunRecord(
                id: id, pipeline: try row.decode(forColumn: "pipeline"),
                definition: try row.decode(forColumn: "definition"), state: state,
                dedupeKey: try row.decode(forColumn: "dedupe_key"), trigger: .null,
                createdAt: try row.decode(forColumn: "created_at"), retryOf: try row.decode(forColumn: "retry_of"))
            record.startedAt = try row.decode(forColumn: "started_at")
            record.endedAt = try row.decode(forColumn: "ended_at")
            record.owner = try row.decode(String?.self, forColumn: "owner").map { WorkerID($0) }
            record.epoch = try row.decode(forColumn: "epoch")
            record.interruptions = try row.decode(forColumn: "interruptions")
            record.deaths = try row.decode(forColumn: "deaths")
            record.wakeAt = try row.decode(forColumn: "wake_at")
            record.worked = .nanoseconds(try row.decode(Int64.self, forColumn: "worked"))
            record.isCancelRequested = try row.decode(forColumn: "cancel_requested")
            record.hasFinally = try row.decode(forColumn: "has_finally")
            (trigger, error) = (try row.decode(forColumn: "trigger"), try row.decode(forColumn: "error"))
            isListed = !row.hasColumn("input")
            if !isListed {
                inputs = try row.decode(forColumn: "inputs")
                input = try row.decode(forColumn: "input")
                output = try row.decode(forColumn: "output")
            }
        }

        /// - Parameter isLenient: Whether a damaged value is replaced by words that say so.
        func opened(_ files: OutputFiles, isLenient: Bool) throws(JournalError) -> RunRecord {
            func load(_ stored: StoredValue?) throws(JournalError) -> Value? {
                do throws(JournalError) {
                    return try files.load(marking: stored)
                } catch  where isLenient && error.isOfOneRun {
                    return ["code": .string(error.code), "message": .string(error.message)]
                }
            }
            var record = record
            // A list fits into memory however large the bodies of webhooks are, and is there with a file damaged.
            if isListed {
                do throws(JournalError) {
                    record.trigger = try files.triggerInList(trigger)
                } catch  where isLenient && error.isOfOneRun {
                    record.trigger = [:]
                }
                record.error = (try? files.load(error)) ?? nil
                return record
            }
            record.trigger = try load(trigger) ?? .null
            record.inputs = try load(inputs)?.asObject ?? [:]
            record.input = try load(input) ?? .null
            record.output = try load(output)
            record.error = try load(error)
            return record
        }

        var hasFiles: Bool {
            [trigger, inputs, input, output, error].contains { if case .file? = $0 { true } else { false } }
        }
    }

    /// - Parameter isList: Whether one damaged run must not keep the others from being seen.
    private func records(
        _ sql: String, _ arguments: StatementArguments, isList: Bool = false
    ) async throws(JournalError) -> [RunRecord] {
        let rows = try await read { db in
            try Row.fetchAll(db.cachedStatement(sql: sql), arguments: arguments).compactMap { row -> StoredRun? in
                do {
                    return try StoredRun(row)
                } catch {
                    if isList { return nil }
                    throw JournalError.damaged(error)
                }
            }
        }
        let files = files
        let open: @Sendable () throws(JournalError) -> [RunRecord] = { () throws(JournalError) in
            var records: [RunRecord] = []
            for row in rows { records.append(try row.opened(files, isLenient: isList)) }
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
            ).map { row -> StoredStep in
                do {
                    guard let key = ExecutionKey(try row.decode(String.self, forColumn: "key")),
                        let state = StepRecord.State(rawValue: try row.decode(forColumn: "state"))
                    else { throw JournalError.damaged("a step of the run \(runID) cannot be read") }
                    var record = StepRecord(
                        key, uses: try row.decode(forColumn: "uses"), state: state,
                        attempt: try row.decode(forColumn: "attempt"))
                    record.startedAt = try row.decode(forColumn: "started_at")
                    record.endedAt = try row.decode(forColumn: "ended_at")
                    record.retryAt = try row.decode(forColumn: "retry_at")
                    return StoredStep(
                        record: record, output: try row.decode(forColumn: "output"),
                        error: try row.decode(forColumn: "error"), items: try row.decode(forColumn: "items"))
                } catch {
                    throw JournalError.damaged(error)
                }
            }
        }
        guard !rows.isEmpty else { return [] }
        let files = files
        return try await onDisk { () throws(JournalError) in
            var steps: [StepRecord] = []
            for row in rows {
                var step = row.record
                step.output = try files.load(marking: row.output)
                step.error = try files.load(marking: row.error)
                step.items = try files.load(marking: row.items)
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

extension OutputFiles {
    /// - Throws: For a damaged value an error that says that it is of one run; see ``JournalError/isOfOneRun``.
    fileprivate func load(marking stored: StoredValue?) throws(JournalError) -> Value? {
        do throws(JournalError) {
            return try load(stored)
        } catch {
            guard error.code == "journal-corrupt" else { throw error }
            var error = error
            error.isOfOneRun = true
            throw error
        }
    }
}

extension JournalError {
    /// A row that cannot be read.
    fileprivate static func damaged(_ error: any Error) -> JournalError {
        error as? JournalError ?? damaged("\(error)")
    }

    fileprivate static func damaged(_ words: String) -> JournalError {
        var error = JournalError(
            "journal-corrupt", "the journal holds a damaged value: \(words)",
            hint: "the run that it belongs to can be sent again with `runnel runs retry`")
        error.isOfOneRun = true
        return error
    }
}
