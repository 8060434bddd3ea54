import GRDB
public import RunnelEngine
public import RunnelKit

extension SQLiteJournal {
    /// In the order in which ``RunRow`` reads them.
    private static let small = """
        id, pipeline, definition, state, dedupe_key, "trigger", created_at, started_at, ended_at, error, owner,
        interruptions, cancel_requested, retry_of, epoch, deaths, wake_at, worked, has_finally, chain, debounce_key,
        debounce_until, source, priority, finally_stage,
        (SELECT max(retry.id) FROM runs AS retry WHERE retry.retry_of = runs.id)
        """
    private static let all = small + ", inputs, input, output"
    private static let following =
        small.replacing("\"trigger\"", with: "NULL") + ", NULL, NULL, output"

    public func run(_ id: String) async throws(JournalError) -> RunRecord? {
        try await records("SELECT \(Self.all) FROM runs WHERE id = ?", [id]).first
    }

    public func progress(of id: String) async throws(JournalError) -> RunRecord? {
        try await records("SELECT \(Self.following) FROM runs WHERE id = ?", [id]).first
    }

    public func runs(idPrefix: String, limit: Int) async throws(JournalError) -> [RunRecord] {
        // U+FFFF sorts after every character of an id.
        try await records(
            "SELECT \(Self.all) FROM runs WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
            [idPrefix, idPrefix + "\u{FFFF}", limit])
    }

    /// ``RunRecord/queueKey`` as an expression, which the index `runs_queued` is on.
    static let queueOrder = "(started_at IS NULL), (created_at - priority * 600000000000), id"

    public func queued(_ search: QueueSearch) async throws(JournalError) -> [RunRecord] {
        var conditions = ["state = 'queued'", "deaths >= ?", "deaths < ?"]
        var arguments: [any Bindable] = [search.deaths.lowerBound, search.deaths.upperBound]
        if let now = search.now {
            conditions.append("(wake_at IS NULL OR wake_at <= ? OR wake_at > ?)")
            arguments.append(now)
            arguments.append(now + TakeoverPolicy.longestPause)
        }
        if !search.except.isEmpty {
            conditions.append("pipeline NOT IN (\(search.except.map { _ in "?" }.joined(separator: ", ")))")
            for pipeline in search.except.sorted() { arguments.append(pipeline) }
        }
        let sql = """
            SELECT id, pipeline, definition, created_at, started_at, deaths FROM runs
            WHERE \(conditions.joined(separator: " AND "))
            ORDER BY \(Self.queueOrder) LIMIT ?
            """
        arguments.append(search.limit)
        return try await read { [arguments] db in
            try db.cachedStatement(sql: sql).all(arguments) { row -> RunRecord? in
                // Damaged values are detected when the run is claimed, and fail only that run.
                guard let id: String = row.value(0) else { return nil }
                var record = RunRecord(
                    id: id, pipeline: row.value(1) ?? "", definition: row.value(2) ?? "", trigger: .null,
                    createdAt: row.value(3) ?? 0)
                record.startedAt = row.value(4)
                record.deaths = row.value(5) ?? 0
                return record
            }.compactMap { $0 }
        }
    }

    public func queuedCount() async throws(JournalError) -> Int {
        try await read {
            try Int.fetchOne($0.cachedStatement(sql: "SELECT count(*) FROM runs WHERE state = 'queued'")) ?? 0
        }
    }

    public func queuedCounts() async throws(JournalError) -> [String: Int] {
        try await read { db in
            let rows = try Row.fetchAll(
                db.cachedStatement(
                    sql: "SELECT pipeline, count(*) FROM runs WHERE state = 'queued' GROUP BY pipeline")
            ).map { ((try? $0.decode(String.self, atIndex: 0)) ?? "", try $0.decode(Int.self, atIndex: 1)) }
            return Dictionary(rows, uniquingKeysWith: +)
        }
    }

    public func queuedSizes() async throws(JournalError) -> [QueuedSize] {
        let (sizes, files) = try await read { db in
            let columns = ["\"trigger\"", "inputs", "input"].map {
                "CASE typeof(\($0)) WHEN 'text' THEN length(CAST(\($0) AS BLOB)) ELSE 0 END"
            }
            let sizes = try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT pipeline, count(*), sum(\(columns.joined(separator: " + "))) FROM runs
                        WHERE state = 'queued' GROUP BY pipeline
                        """)
            ).map { row in
                QueuedSize(
                    pipeline: try row.decode(atIndex: 0), count: try row.decode(atIndex: 1),
                    bytes: try row.decode(atIndex: 2))
            }
            let files = try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT runs.pipeline, files.hash FROM runs JOIN files ON files.run_id = runs.id AND files.step = 0
                        WHERE runs.state = 'queued' AND files.name IN ('trigger', 'inputs', 'input')
                        """)
            ).map { row in
                (
                    pipeline: try row.decode(String.self, atIndex: 0),
                    hash: try row.decode(StoredValue.self, atIndex: 1).file
                )
            }
            return (sizes, files)
        }
        var bytes: [String: Int] = [:]
        for (pipeline, hash) in files {
            guard let hash, let size = FileSystem.facts(self.files.path(of: hash))?.size else { continue }
            bytes[pipeline, default: 0] += Int(size)
        }
        return sizes.map { size in
            var size = size
            size.bytes += bytes[size.pipeline] ?? 0
            return size
        }
    }

    public func oldestQueued() async throws(JournalError) -> Int64? {
        try await read {
            try Int64.fetchOne(
                $0.cachedStatement(
                    sql: "SELECT min(created_at) FROM runs WHERE state = 'queued' AND started_at IS NULL"))
        }
    }

    public func waitingCount() async throws(JournalError) -> Int {
        try await read {
            try Int.fetchOne($0.cachedStatement(sql: "SELECT count(*) FROM runs WHERE state = 'waiting'")) ?? 0
        }
    }

    public func runs(_ filter: RunFilter) async throws(JournalError) -> [RunRecord] {
        // One query for each state: SQLite uses a partial index for `state = …` alone, and only with a literal.
        try await filter.runs { state throws(JournalError) in try await runs(filter, in: state) }
    }

    private func runs(_ filter: RunFilter, in state: RunState?) async throws(JournalError) -> [RunRecord] {
        var conditions: [String] = []
        var arguments: [any Bindable] = []
        if let state {
            conditions.append("state = '\(state.rawValue)'")
            // A running run has an owner, for the sake of the index.
            if state == .running { conditions.append("owner IS NOT NULL") }
        }
        if let pipeline = filter.pipeline {
            conditions.append("pipeline = ?")
            arguments.append(pipeline)
        }
        if let since = filter.since {
            conditions.append("created_at >= ?")
            arguments.append(since)
        }
        if let before = filter.before {
            conditions.append("id < ?")
            arguments.append(before)
        }
        let condition = conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
        // Unfinished runs are few and have indexes of their own; in the order of ids all runs would be scanned for them.
        let order = state.map { !$0.isFinal } ?? false ? "+id" : "id"
        arguments.append(filter.limit)
        return try await records(
            "SELECT \(Self.small) FROM runs \(condition) ORDER BY \(order) DESC LIMIT ?", arguments, isList: true)
    }

    /// A raw row, so that large values are read outside of the database.
    struct RunRow: Sendable {
        fileprivate var record: RunRecord
        private var trigger: StoredValue?
        private var inputs: StoredValue?
        private var input: StoredValue?
        private var output: StoredValue?
        private var error: StoredValue?
        /// The events that were folded into the run, and the number of all.
        fileprivate var folded: (events: [Value], count: Int)?
        private let isListed: Bool

        /// - Throws: A ``JournalError`` for an invalid column.
        fileprivate init(_ row: FoundRow, isListed: Bool) throws {
            var columns = Columns(row)
            let id = try columns.next(String.self)
            let (pipeline, definition) = (try columns.next(String.self), try columns.next(String.self))
            guard let state = RunState(rawValue: try columns.next()) else {
                throw JournalError.stateless(id)
            }
            let dedupeKey = try columns.next(String?.self).map(StoredKey.key)
            trigger = try columns.next()
            record = RunRecord(
                id: id, pipeline: pipeline, definition: definition, state: state, dedupeKey: dedupeKey, trigger: .null,
                createdAt: try columns.next())
            record.startedAt = try columns.next()
            record.endedAt = try columns.next()
            error = try columns.next()
            record.owner = try columns.next(String?.self).map { WorkerID($0) }
            record.interruptions = try columns.next()
            record.isCancelRequested = try columns.next()
            record.retryOf = try columns.next()
            record.epoch = try columns.next()
            record.deaths = try columns.next()
            record.wakeAt = try columns.next()
            record.worked = .nanoseconds(try columns.next(Int64.self))
            record.hasFinally = try columns.next()
            record.chain = try columns.next()
            let (key, latest) = (try columns.next(String?.self), try columns.next(Int64?.self))
            if let key { record.debounce = Debounce(key: StoredKey.key(key), latest: latest ?? 0) }
            record.source = try columns.next(String?.self).flatMap { ValueCoding.value($0) }
            record.priority = try columns.next()
            record.finallyStage = FinallyStage(rawValue: try columns.next()) ?? .notBegun
            record.retriedBy = try columns.next()
            self.isListed = isListed
            if !isListed { (inputs, input, output) = (try columns.next(), try columns.next(), try columns.next()) }
        }

        fileprivate func opened(_ files: OutputFiles) throws(JournalError) -> RunRecord {
            var record = record
            // Lists do not load large values, so they fit into memory and survive damaged files.
            if isListed {
                do throws(JournalError) {
                    record.trigger = try files.triggerInList(trigger)
                } catch  where error.code == .corrupt {
                    record.trigger = [:]
                }
                record.error = (try? files.load(error)) ?? nil
                return record
            }
            try record.set(.trigger) { () throws(JournalError) in try files.load(trigger) }
            if let folded {
                record.trigger = Debounce.trigger(record.trigger, events: folded.events, count: folded.count)
            }
            try record.set(.inputs) { () throws(JournalError) in try files.load(inputs) }
            if let parts = RepeatedParts(input) {
                try parts.unfold(into: &record)
            } else {
                try record.set(.input) { () throws(JournalError) in try files.load(input) }
                // A run of an earlier version may have both. Where they are large, they are held once.
                if case .file? = input, let body = record.trigger["body"], body == record.input { record.input = body }
            }
            try record.set(.output) { () throws(JournalError) in try files.load(output) }
            try record.set(.error) { () throws(JournalError) in try files.load(error) }
            return record
        }

        fileprivate var hasFiles: Bool {
            [trigger, inputs, input, output, error].contains { if case .file? = $0 { true } else { false } }
        }
    }

    /// - Parameter isList: Whether a damaged run is shown instead of failing the whole list.
    private func records(
        _ sql: String, _ arguments: [any Bindable], isList: Bool = false
    ) async throws(JournalError) -> [RunRecord] {
        try await opened(read { try Self.rows(sql, arguments, isList: isList, $0) })
    }

    private static func rows(
        _ sql: String, _ arguments: [any Bindable], isList: Bool = false, _ db: Database
    ) throws -> [RunRow] {
        try db.cachedStatement(sql: sql).all(arguments) { row -> RunRow? in
            do {
                var run = try RunRow(row, isListed: isList)
                if !isList, run.record.debounce != nil { run.folded = try foldedEvents(of: run.record.id, db) }
                return run
            } catch {
                if isList { return nil }
                throw JournalError.damaged(error)
            }
        }.compactMap { $0 }
    }

    /// The row of a run in the transaction that claims it. An error does not undo that.
    static func claimedRow(of runID: String, _ db: Database) -> Result<[RunRow], any Error> {
        Result { try rows("SELECT \(all) FROM runs WHERE id = ?", [runID], db) }
    }

    /// The records of the rows, with what is in files.
    func opened(_ rows: [RunRow]) async throws(JournalError) -> [RunRecord] {
        let files = files
        let open: @Sendable () throws(JournalError) -> [RunRecord] = { () throws(JournalError) in
            var records: [RunRecord] = []
            for row in rows { records.append(try row.opened(files)) }
            return records
        }
        return rows.contains(where: \.hasFiles) ? try await onDisk(open) : try open()
    }

    public func steps(of runID: String) async throws(JournalError) -> [StepRecord] {
        try await storedSteps(of: runID, key: nil)
    }

    public func step(of runID: String, key: String) async throws(JournalError) -> StepRecord? {
        try await storedSteps(of: runID, key: key).first
    }

    /// - Parameter key: nil for all.
    private func storedSteps(of runID: String, key: String?) async throws(JournalError) -> [StepRecord] {
        struct FoundStep: Sendable {
            var record: StepRecord
            let output: StoredValue?
            let error: StoredValue?
            let items: StoredValue?
        }
        var arguments: [any Bindable] = [runID]
        if let key { arguments.append(key) }
        let rows = try await read { [arguments] db in
            try db.cachedStatement(
                sql: """
                    SELECT key, uses, state, attempt, started_at, ended_at, retry_at, output, error, items,
                        "with", attributes, checkpoint
                    FROM steps
                    WHERE run_id = ?\(key == nil ? "" : " AND key = ?") ORDER BY number
                    """
            ).all(arguments) { row -> FoundStep in
                do {
                    var columns = Columns(row)
                    var record = try columns.nextStep(of: runID)
                    let (output, error, items) = (
                        try columns.next(StoredValue?.self), try columns.next(StoredValue?.self),
                        try columns.next(StoredValue?.self)
                    )
                    // Details for people: a damaged one is left out.
                    record.with = try columns.next(String?.self).flatMap(ValueCoding.value)
                    record.attributes = try columns.next(String?.self).flatMap(ValueCoding.value)
                    record.checkpoint = try columns.next(String?.self).flatMap(ValueCoding.value)
                    return FoundStep(record: record, output: output, error: error, items: items)
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
                try step.set(\.output) { () throws(JournalError) in try files.load(row.output) }
                try step.set(\.error) { () throws(JournalError) in try files.load(row.error) }
                try step.set(\.items) { () throws(JournalError) in try files.load(row.items) }
                steps.append(step)
            }
            return steps
        }
    }

    public func events(
        of runID: String, from number: Int, limit: Int
    ) async throws(JournalError) -> [(number: Int, event: Value)] {
        let rows = try await read { db in
            try Self.eventRows(
                """
                SELECT number, events FROM events WHERE run_id = ? AND number + count > ? ORDER BY number LIMIT ?
                """, [runID, number, limit], db)
        }
        return EventRows.list(rows, from: number, limit: limit)
    }

    public func lastEvents(
        of runID: String, limit: Int
    ) async throws(JournalError) -> [(number: Int, event: Value)] {
        let rows = try await read { db in
            try Self.eventRows(
                "SELECT number, events FROM events WHERE run_id = ? ORDER BY number DESC LIMIT ?", [runID, limit], db)
        }
        return Array(EventRows.list(rows.reversed()).suffix(limit))
    }

    private static func eventRows(
        _ sql: String, _ arguments: StatementArguments, _ db: Database
    ) throws -> [(first: Int, text: String)] {
        try Row.fetchAll(db, sql: sql, arguments: arguments).map { row in
            do {
                return (first: try row.decode(Int.self, atIndex: 0), text: try row.decode(String.self, atIndex: 1))
            } catch {
                throw JournalError.damaged(error)
            }
        }
    }
}

extension Columns {
    /// Reads `key, uses, state, attempt, started_at, ended_at, retry_at`.
    mutating func nextStep(of runID: String) throws -> StepRecord {
        let (key, uses) = (try next(String.self), try next(String.self))
        guard let key = ExecutionKey(key), let state = StepRecord.State(rawValue: try next()) else {
            throw JournalError.damaged("a step of the run \(runID) cannot be read")
        }
        var record = StepRecord(key, uses: uses, state: state, attempt: try next())
        record.startedAt = try next()
        record.endedAt = try next()
        record.retryAt = try next()
        return record
    }
}

extension JournalError {
    /// The error for a row that cannot be decoded.
    static func damaged(_ error: any Error) -> JournalError {
        error as? JournalError ?? damaged("\(error)")
    }

    static func stateless(_ runID: String) -> JournalError { damaged("the run \(runID) is in no state that there is") }

    static func damaged(_ words: String) -> JournalError {
        var error = JournalError(
            .corrupt, "the journal holds a damaged value: \(words)",
            hint: "the run that it belongs to can be sent again with `runnel runs retry`")
        error.isOfOneRun = true
        return error
    }
}
