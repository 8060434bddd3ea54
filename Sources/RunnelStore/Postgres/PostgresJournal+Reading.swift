import PostgresClient
public import RunnelEngine
public import RunnelKit

/// A run as its columns hold it, and the blobs that they name.
struct PostgresStoredRun: Sendable {
    var record: RunRecord
    fileprivate var trigger: String?
    fileprivate var error: String?
    fileprivate var inputs: String?
    fileprivate var input: String?
    fileprivate var output: String?
    /// The events that were folded into the run, and the number of all.
    fileprivate var folded: (events: [Value], count: Int)?
    fileprivate var values: PostgresValues?
    private let isListed: Bool

    /// In the order in which the initialiser reads them.
    private static let small = """
        r.id, r.pipeline, coalesce(a.definition, r.definition), coalesce(a.state, r.state), r.dedupe_key, r."trigger",
        r.created_at, coalesce(a.started_at, r.started_at), r.ended_at, r.error, a.owner,
        coalesce(a.interruptions, r.interruptions), coalesce(a.cancel_requested, r.cancel_requested), r.retry_of,
        coalesce(a.epoch, r.epoch), coalesce(a.deaths, r.deaths), coalesce(a.wake_at, r.wake_at),
        coalesce(a.worked, r.worked), r.has_finally, r.chain, r.debounce_key, r.debounce_until, r.source, r.host,
        r.priority, coalesce(a.finally_stage, r.finally_stage),
        (SELECT max(retry.id) FROM runs retry WHERE retry.retry_of = r.id)
        """
    fileprivate static let listed = "SELECT \(small) FROM runs r LEFT JOIN active a ON a.run_id = r.id"
    fileprivate static let unfinished = "SELECT \(small) FROM active a JOIN runs r ON r.id = a.run_id"
    fileprivate static let whole =
        "SELECT \(small), r.inputs, r.input, r.output FROM runs r LEFT JOIN active a ON a.run_id = r.id"
    fileprivate static let following = """
        SELECT \(small.replacing("r.\"trigger\"", with: "NULL")), NULL, NULL, r.output
        FROM runs r LEFT JOIN active a ON a.run_id = r.id
        """

    fileprivate init(_ row: PostgresRow, isListed: Bool) throws {
        var row = row
        let id = try row.nextText()
        let (pipeline, definition, stateText) = (try row.nextText(), try row.nextText(), row.nextOptionalText())
        guard let state = stateText.flatMap({ RunState(rawValue: $0) }) else { throw JournalError.stateless(id) }
        let dedupeKey = row.nextOptionalText().map(StoredKey.key)
        trigger = row.nextOptionalText()
        record = RunRecord(
            id: id, pipeline: pipeline, definition: definition, state: state, dedupeKey: dedupeKey, trigger: .null,
            createdAt: try row.nextInt())
        record.startedAt = try row.nextOptionalInt()
        record.endedAt = try row.nextOptionalInt()
        error = row.nextOptionalText()
        record.owner = row.nextOptionalText().map { WorkerID($0) }
        record.interruptions = Int(try row.nextInt())
        record.isCancelRequested = try row.nextBool()
        record.retryOf = row.nextOptionalText()
        record.epoch = try row.nextInt()
        record.deaths = Int(try row.nextInt())
        record.wakeAt = try row.nextOptionalInt()
        record.worked = .nanoseconds(try row.nextInt())
        record.hasFinally = try row.nextBool()
        record.chain = Int(try row.nextInt())
        let (key, latest) = (row.nextOptionalText(), try row.nextOptionalInt())
        if let key { record.debounce = Debounce(key: StoredKey.key(key), latest: latest ?? 0) }
        record.source = row.nextOptionalText().flatMap { ValueCoding.value($0) }
        record.host = row.nextOptionalText()
        record.priority = Int(try row.nextInt())
        record.finallyStage = FinallyStage(rawValue: try row.nextInt()) ?? .notBegun
        record.retriedBy = row.nextOptionalText()
        self.isListed = isListed
        if !isListed {
            (inputs, input, output) = (row.nextOptionalText(), row.nextOptionalText(), row.nextOptionalText())
        }
    }

    fileprivate var columns: [(runID: String, column: String?)] {
        [trigger, error, inputs, input, output].map { (record.id, $0) }
    }

    func opened() throws(JournalError) -> RunRecord {
        let (values, id) = (values, record.id)
        func load(_ column: String?) throws(JournalError) -> Value? { try values?.value(column, of: id) }
        var record = record
        if isListed {
            record.trigger = (try? values?.listedTrigger(trigger, of: id)) ?? [:]
            record.error = (try? values?.value(error, of: id)) ?? nil
            return record
        }
        try record.set(.trigger) { () throws(JournalError) in try load(trigger) }
        if let folded {
            record.trigger = Debounce.trigger(record.trigger, events: folded.events, count: folded.count)
        }
        try record.set(.inputs) { () throws(JournalError) in try load(inputs) }
        if let parts = RepeatedParts(input.map { .text($0) }) {
            try parts.unfold(into: &record)
        } else {
            try record.set(.input) { () throws(JournalError) in try load(input) }
        }
        try record.set(.output) { () throws(JournalError) in try load(output) }
        try record.set(.error) { () throws(JournalError) in try load(error) }
        return record
    }
}

extension PostgresJournal {
    public func version() async throws(JournalError) -> Int64 {
        // Whichever transaction begins or ends changes the snapshot, so no write is missed and none has to count.
        try await readers.read { connection in
            try connection.execute("SELECT hashtextextended(pg_current_snapshot()::text, 0)").first?.int(0) ?? 0
        }
    }

    /// The bytes that the tables of the schema take, with their indexes and large values.
    public func size() async throws(JournalError) -> Int64? {
        try await readers.read { connection in
            try connection.execute(
                PostgresStatement(
                    """
                    SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
                    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                    WHERE n.nspname = current_schema() AND c.relkind = 'r'
                    """)
            ).first?.int(0)
        }
    }

    public func run(_ id: String) async throws(JournalError) -> RunRecord? {
        try await records("\(PostgresStoredRun.whole) WHERE r.id = $1", [.text(id)]).first
    }

    public func progress(of id: String) async throws(JournalError) -> RunRecord? {
        try await records("\(PostgresStoredRun.following) WHERE r.id = $1", [.text(id)]).first
    }

    public func runs(idPrefix: String, limit: Int) async throws(JournalError) -> [RunRecord] {
        // U+FFFF sorts after every character of an id.
        try await records(
            "\(PostgresStoredRun.whole) WHERE r.id >= $1 AND r.id < $2 ORDER BY r.id LIMIT $3",
            [.text(idPrefix), .text(idPrefix + "\u{FFFF}"), .int(Int64(limit))])
    }

    /// How long a run that needs the files of a machine waits for it when no worker of it takes runs.
    static let hostPatience = Duration.seconds(600)

    public func queued(_ search: QueueSearch) async throws(JournalError) -> [RunRecord] {
        let now = search.now
        // The planner expects that few queued runs match, and would read and sort all of them.
        return try await readers.read(["enable_sort": "off", "enable_bitmapscan": "off"]) { connection in
            try connection.execute(
                """
                SELECT run_id, pipeline, definition, created_at, started_at, deaths, host FROM active
                WHERE state = 'queued' AND deaths >= $1 AND deaths < $2
                    AND ($3 IS NULL OR wake_at IS NULL OR wake_at <= $3 OR wake_at > $4)
                    AND pipeline <> ALL ($5)
                    AND ($7 IS NULL OR host IS NULL OR host = $7 OR NOT EXISTS (
                        SELECT 1 FROM workers w WHERE w.host = active.host AND w.role = 'serve'
                            AND (NOT w.drained OR w.beaten_at > now() - make_interval(secs => $8))
                        UNION ALL
                        SELECT 1 FROM hosts h
                        WHERE h.host = active.host AND h.left_at > now() - make_interval(secs => $8)))
                ORDER BY (started_at IS NULL), (created_at - priority * 600000000000), run_id LIMIT $6
                """, .int(Int64(search.deaths.lowerBound)), .int(Int64(search.deaths.upperBound)), .int(now),
                .int((now ?? 0) + TakeoverPolicy.longestPause), .texts(search.except.sorted()),
                .int(Int64(search.limit)), .text(search.host), .int(Self.hostPatience.components.seconds)
            ).rows.map { row in
                var record = RunRecord(
                    id: try row.text(0), pipeline: try row.text(1), definition: try row.text(2), trigger: .null,
                    createdAt: try row.int(3))
                record.startedAt = try row.optionalInt(4)
                record.deaths = Int(try row.int(5))
                record.host = row.optionalText(6)
                return record
            }
        }
    }

    public func queuedCount() async throws(JournalError) -> Int { try await count(in: .queued) }

    public func queuedCounts() async throws(JournalError) -> [String: Int] {
        try await readers.read { connection in
            let rows = try connection.execute(
                PostgresStatement("SELECT pipeline, count(*) FROM active WHERE state = 'queued' GROUP BY pipeline")
            ).rows.map { (try $0.text(0), Int(try $0.int(1))) }
            return Dictionary(rows, uniquingKeysWith: +)
        }
    }

    public func queuedSizes() async throws(JournalError) -> [QueuedSize] {
        try await readers.read { connection in
            try connection.execute(
                PostgresStatement(
                    """
                    SELECT a.pipeline, count(*), (sum(r.bytes) + coalesce(sum(large.bytes), 0))::bigint
                    FROM active a JOIN runs r ON r.id = a.run_id
                    LEFT JOIN LATERAL (
                        SELECT sum(octet_length(b.bytes)) AS bytes FROM blobs b
                        WHERE '#' IN (left(r."trigger", 1), left(r.inputs, 1), left(r.input, 1)) AND b.run_id = r.id
                            AND '#' || encode(b.hash, 'hex') IN (r."trigger", r.inputs, r.input)
                    ) AS large ON true
                    WHERE a.state = 'queued' GROUP BY a.pipeline
                    """)
            ).rows.map { row in
                QueuedSize(pipeline: try row.text(0), count: Int(try row.int(1)), bytes: Int(try row.int(2)))
            }
        }
    }

    public func oldestQueued() async throws(JournalError) -> Int64? {
        try await readers.read { connection in
            try connection.execute(
                PostgresStatement("SELECT min(created_at) FROM active WHERE state = 'queued' AND started_at IS NULL")
            ).first?.optionalInt(0)
        }
    }

    public func waitingCount() async throws(JournalError) -> Int { try await count(in: .waiting) }

    public func heldRuns() async throws(JournalError) -> [HeldRuns] {
        try await readers.read { connection in
            try connection.execute(
                PostgresStatement(
                    """
                    WITH served AS (
                        SELECT host, bool_and(drained) AS is_drained FROM workers WHERE role = 'serve' GROUP BY host
                    ), held AS (
                        SELECT host, count(*) AS queued, 0::bigint AS retries FROM active
                        WHERE state = 'queued' AND host IS NOT NULL GROUP BY host
                        UNION ALL
                        SELECT host, 0::bigint, count(*) FROM runs
                        WHERE source_due AND ended_at IS NOT NULL AND host IS NOT NULL
                            AND host NOT IN (SELECT host FROM served)
                        GROUP BY host
                    )
                    SELECT held.host, sum(held.queued)::bigint, sum(held.retries)::bigint, served.host IS NOT NULL
                    FROM held LEFT JOIN served ON served.host = held.host
                    WHERE coalesce(served.is_drained, true)
                    GROUP BY held.host, served.host ORDER BY held.host
                    """)
            ).rows.map { row in
                HeldRuns(
                    machine: try row.text(0), queued: Int(try row.int(1)), retries: Int(try row.int(2)),
                    isDrained: try row.bool(3))
            }
        }
    }

    private func count(in state: RunState) async throws(JournalError) -> Int {
        try await readers.read { connection in
            Int(
                try connection.execute(
                    PostgresStatement("SELECT count(*) FROM active WHERE state = '\(state.rawValue)'")
                ).first?.int(0) ?? 0)
        }
    }

    public func runs(_ filter: RunFilter) async throws(JournalError) -> [RunRecord] {
        try await filter.runs { state throws(JournalError) in try await runs(filter, in: state) }
    }

    private func runs(_ filter: RunFilter, in state: RunState?) async throws(JournalError) -> [RunRecord] {
        var conditions: [String] = []
        var parameters: [PostgresParameter] = []
        func add(_ condition: String, _ parameter: PostgresParameter) {
            parameters.append(parameter)
            conditions.append("\(condition) $\(parameters.count)")
        }
        if let state { conditions.append("\(state.isFinal ? "r" : "a").state = '\(state.rawValue)'") }
        if let pipeline = filter.pipeline { add("r.pipeline =", .text(pipeline)) }
        if let since = filter.since { add("r.created_at >=", .int(since)) }
        if let before = filter.before { add("r.id <", .text(before)) }
        parameters.append(.int(Int64(filter.limit)))
        let source = state.map { !$0.isFinal } ?? false ? PostgresStoredRun.unfinished : PostgresStoredRun.listed
        return try await records(
            """
            \(source)\(conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND "))
            ORDER BY r.id DESC LIMIT $\(parameters.count)
            """, parameters, isList: true)
    }

    /// - Parameter isList: Whether a damaged run is shown instead of failing the whole list.
    private func records(
        _ sql: String, _ parameters: [PostgresParameter], isList: Bool = false
    ) async throws(JournalError) -> [RunRecord] {
        let stored = try await readers.read(isCancellable: isList) { connection in
            try Self.storedRuns(sql, parameters, isList: isList, connection)
        }
        var records: [RunRecord] = []
        for run in stored { records.append(try run.opened()) }
        return records
    }

    /// The runs in one state of the journal, with their blobs.
    private static func storedRuns(
        _ sql: String, _ parameters: [PostgresParameter], isList: Bool, isRepeated: Bool = false,
        _ connection: PostgresConnection
    ) throws -> [PostgresStoredRun] {
        let rows = try connection.execute(PostgresStatement(sql, parameters: parameters))
        var runs: [PostgresStoredRun] = []
        for row in rows.rows {
            do {
                runs.append(try PostgresStoredRun(row, isListed: isList))
            } catch let error as JournalError {
                if !isList { throw error }
            }
        }
        let columns = runs.flatMap(\.columns)
        let values = try PostgresValues(columns, connection, isList: isList)
        // An event that was folded into a run meanwhile replaces its large values.
        if !isRepeated, columns.contains(where: { values.lacks($0.column, of: $0.runID) }) {
            return try storedRuns(sql, parameters, isList: isList, isRepeated: true, connection)
        }
        for index in runs.indices {
            runs[index].values = values
            guard !isList, runs[index].record.debounce != nil else { continue }
            runs[index].folded = try foldedEvents(of: runs[index].record.id, connection)
        }
        return runs
    }

    /// Whole runs by their ids.
    static func storedRuns(
        ids: [String], _ connection: PostgresConnection
    ) throws -> [String: PostgresStoredRun] {
        guard !ids.isEmpty else { return [:] }
        let runs = try storedRuns(
            "\(PostgresStoredRun.whole) WHERE r.id = ANY ($1)", [.texts(ids)], isList: false, connection)
        return Dictionary(runs.map { ($0.record.id, $0) }) { first, _ in first }
    }

    /// The listed events of a run, oldest first, and the number of all.
    private static func foldedEvents(
        of runID: String, _ connection: PostgresConnection
    ) throws -> (events: [Value], count: Int) {
        let results = try connection.pipeline([
            PostgresStatement("SELECT coalesce(max(number) + 1, 0) FROM folded WHERE run_id = $1", .text(runID)),
            PostgresStatement(
                "SELECT event FROM folded WHERE run_id = $1 AND event IS NOT NULL ORDER BY number", .text(runID)),
        ])
        let count = Int(try results[0].first?.int(0) ?? 0)
        return (try results[1].rows.compactMap { ValueCoding.value(try $0.text(0)) }, count)
    }

    public func steps(of runID: String) async throws(JournalError) -> [StepRecord] {
        try await storedSteps(of: runID, key: nil)
    }

    public func step(of runID: String, key: String) async throws(JournalError) -> StepRecord? {
        try await storedSteps(of: runID, key: key).first
    }

    /// - Parameter key: nil for all.
    private func storedSteps(of runID: String, key: String?) async throws(JournalError) -> [StepRecord] {
        try await readers.read { connection in
            typealias Columns = (output: String?, error: String?, items: String?)
            let rows = try connection.execute(
                PostgresStatement(
                    """
                    SELECT key, uses, state, attempt, started_at, ended_at, retry_at, output, error, items, "with",
                        attributes, checkpoint
                    FROM steps WHERE run_id = $1\(key == nil ? "" : " AND key = $2") ORDER BY number
                    """, parameters: [.text(runID)] + (key.map { [.text($0)] } ?? []))
            ).rows.map { row -> (record: StepRecord, columns: Columns) in
                var row = row
                var record = try Self.nextStep(&row, of: runID)
                let columns = (row.nextOptionalText(), row.nextOptionalText(), row.nextOptionalText())
                // Details for people: a damaged one is left out.
                record.with = row.nextOptionalText().flatMap(ValueCoding.value)
                record.attributes = row.nextOptionalText().flatMap(ValueCoding.value)
                record.checkpoint = row.nextOptionalText().flatMap(ValueCoding.value)
                return (record, columns)
            }
            let values = try PostgresValues(
                rows.flatMap { [$0.columns.output, $0.columns.error, $0.columns.items].map { (runID, $0) } }, connection
            )
            return try rows.map { row in
                var record = row.record
                let columns = row.columns
                try record.set(\.output) { () throws(JournalError) in try values.value(columns.output, of: runID) }
                try record.set(\.error) { () throws(JournalError) in try values.value(columns.error, of: runID) }
                try record.set(\.items) { () throws(JournalError) in try values.value(columns.items, of: runID) }
                return record
            }
        }
    }

    public func events(
        of runID: String, from number: Int, limit: Int
    ) async throws(JournalError) -> [(number: Int, event: Value)] {
        let rows = try await eventRows(
            "SELECT number, events FROM events WHERE run_id = $1 AND number + count > $2 ORDER BY number LIMIT $3",
            [.text(runID), .int(Int64(number)), .int(Int64(limit))])
        return EventRows.list(rows, from: number, limit: limit)
    }

    public func lastEvents(
        of runID: String, limit: Int
    ) async throws(JournalError) -> [(number: Int, event: Value)] {
        let rows = try await eventRows(
            "SELECT number, events FROM events WHERE run_id = $1 ORDER BY number DESC LIMIT $2",
            [.text(runID), .int(Int64(limit))])
        return Array(EventRows.list(rows.reversed()).suffix(limit))
    }

    private func eventRows(
        _ sql: String, _ parameters: [PostgresParameter]
    ) async throws(JournalError) -> [(first: Int, text: String)] {
        try await readers.read { connection in
            try connection.execute(PostgresStatement(sql, parameters: parameters)).rows.map {
                (first: Int(try $0.int(0)), text: try $0.text(1))
            }
        }
    }
}
