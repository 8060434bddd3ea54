import PostgresClient
public import RunnelEngine
import RunnelKit

extension PostgresJournal {
    /// In the order in which ``record(_:of:)`` reads them.
    private static let listed = "key, uses, state, attempt, started_at, ended_at, retry_at, items IS NOT NULL"
    /// ``StepRecord/isLeaf`` as a condition.
    private static let leaf = "uses <> '' AND items IS NULL"
    private static let goesOn = "state IN ('running', 'waiting')"

    public func steps(of runID: String, _ search: StepSearch) async throws(JournalError) -> StepWindow {
        try await readers.read { connection in try Self.window(of: runID, search, connection) }
    }

    private static func window(
        of runID: String, _ search: StepSearch, _ connection: PostgresConnection
    ) throws -> StepWindow {
        var window = StepWindow()
        let overview = try connection.execute(
            """
            SELECT count(*), min(started_at), max(coalesce(ended_at, started_at)),
                coalesce(
                    max(number) FILTER (WHERE \(leaf) AND key = $2), max(number) FILTER (WHERE \(leaf) AND \(goesOn)),
                    max(number) FILTER (WHERE \(leaf) AND state = 'failed'), max(number) FILTER (WHERE \(leaf)),
                    max(number))
            FROM steps WHERE run_id = $1
            """, .text(runID), .text(search.failed)
        ).first
        guard var overview else { return window }
        window.count = Int(try overview.nextInt())
        window.startedAt = try overview.nextOptionalInt()
        window.changedAt = try overview.nextOptionalInt()
        var selected = try overview.nextOptionalInt()
        if let key = search.selected {
            selected = try connection.execute(
                "SELECT number FROM steps WHERE run_id = $1 AND key = $2", .text(runID), .text(key)
            ).first?.int(0)
        }
        var index: Int?
        if let selected {
            let place = try connection.execute(
                """
                SELECT max(key) FILTER (WHERE number = $2), count(*) FILTER (WHERE number < $2)
                FROM steps WHERE run_id = $1
                """, .text(runID), .int(selected)
            ).first
            window.selected = place?.optionalText(0).flatMap { ExecutionKey($0) }
            index = try place.map { Int(try $0.int(1)) }
        }
        window.first = search.firstRow(selected: index, of: window.count)
        window.rows = try connection.execute(
            "SELECT \(listed) FROM steps WHERE run_id = $1 ORDER BY number LIMIT $2 OFFSET $3", .text(runID),
            .int(Int64(search.limit)), .int(Int64(window.first))
        ).rows.map { try record($0, of: runID) }
        window.open = try connection.execute(
            "SELECT \(listed) FROM steps WHERE run_id = $1 AND \(goesOn) ORDER BY number DESC LIMIT $2", .text(runID),
            .int(Int64(StepWindow.maximumOpen))
        ).rows.map { try record($0, of: runID) }.reversed()
        for loop in window.rows where loop.items != nil {
            window.done[loop.key] = try doneItems(of: loop.key, in: runID, connection)
        }
        return window
    }

    private static func record(_ row: PostgresRow, of runID: String) throws -> StepRecord {
        var row = row
        var record = try nextStep(&row, of: runID)
        if try row.nextBool() { record.items = .some(.null) }
        return record
    }

    /// Reads `key, uses, state, attempt, started_at, ended_at, retry_at`.
    static func nextStep(_ row: inout PostgresRow, of runID: String) throws -> StepRecord {
        let (key, uses) = (try row.nextText(), try row.nextText())
        guard let key = ExecutionKey(key), let state = StepRecord.State(rawValue: try row.nextText()) else {
            throw JournalError.damaged("a step of the run \(runID) cannot be read")
        }
        var record = StepRecord(key, uses: uses, state: state, attempt: Int(try row.nextInt()))
        record.startedAt = try row.nextOptionalInt()
        record.endedAt = try row.nextOptionalInt()
        record.retryAt = try row.nextOptionalInt()
        return record
    }

    /// The keys of the items begin with `KEY[`; `\` comes after `[`.
    private static func doneItems(
        of loop: ExecutionKey, in runID: String, _ connection: PostgresConnection
    ) throws -> Int {
        let key = loop.description
        return Int(
            try connection.execute(
                """
                SELECT count(*) FROM steps
                WHERE run_id = $1 AND key > $2 AND key < $3 AND strpos(substr(key, $4::integer), '[') = 0
                    AND NOT (\(goesOn))
                """, .text(runID), .text(key + "["), .text(key + "\\"), .int(Int64(key.unicodeScalars.count + 2))
            ).first?.int(0) ?? 0)
    }

    public func fingerprint() async throws(JournalError) -> [Int64] {
        let tolerance = WorkerRecord.clockTolerance.nanoseconds
        return try await readers.read { connection in
            let row = try connection.execute(
                """
                SELECT (SELECT number FROM last_end), (SELECT last_value FROM epochs),
                    (SELECT hashtextextended(max(run_id), 0) FROM active), (SELECT max(number) FROM deliveries),
                    (SELECT max(number) FROM audit), (SELECT max(id) FROM usage), (SELECT max(until) FROM seen),
                    (SELECT count(*) FROM disabled_triggers),
                    (SELECT count(*) FROM (SELECT FROM active WHERE state = 'queued' LIMIT \(Self.fullCount)) q),
                    (SELECT count(*) FROM (SELECT FROM active WHERE state = 'waiting' LIMIT \(Self.fullCount)) w),
                    (SELECT sum(wake_at / 1000000)::bigint FROM (
                        SELECT wake_at FROM active WHERE state = 'waiting' ORDER BY wake_at LIMIT \(Self.fullCount)) a),
                    (SELECT count(*) FROM active WHERE owner IS NOT NULL),
                    (SELECT count(*) FROM active WHERE owner IS NOT NULL AND cancel_requested),
                    (SELECT sum((SELECT max(number) FROM events e WHERE e.run_id = active.run_id))::bigint
                        FROM active WHERE owner IS NOT NULL),
                    (SELECT count(*) FROM workers), (SELECT count(*) FROM workers WHERE drained),
                    (SELECT max(started_at) FROM workers),
                    (SELECT count(*) FROM workers WHERE abs(clock_lead) > $1)
                """, .int(tolerance)
            ).first
            guard let row else { return [] }
            return try (0..<18).map { try row.optionalInt($0) ?? -1 }
        }
    }

    /// How many runs of a state ``fingerprint()`` counts at most. Beyond it the newest run and the last claim tell.
    private static let fullCount = 1000
}
