import GRDB
public import RunnelEngine
import RunnelKit

extension SQLiteJournal {
    /// In the order in which ``Columns/nextStep(of:)`` reads them.
    private static let listed = "key, uses, state, attempt, started_at, ended_at, retry_at, items IS NOT NULL"
    /// ``StepRecord/isLeaf`` as a condition.
    private static let leaf = "uses <> '' AND items IS NULL"
    private static let goesOn = "state IN ('running', 'waiting')"

    public func steps(of runID: String, _ search: StepSearch) async throws(JournalError) -> StepWindow {
        try await read { db in try Self.window(of: runID, search, db) }
    }

    // `+number`: in the order of the table's rows the steps of all runs would be scanned.
    private static func window(of runID: String, _ search: StepSearch, _ db: Database) throws -> StepWindow {
        var window = StepWindow()
        let overview = try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT count(*), min(started_at), max(coalesce(ended_at, started_at)),
                        coalesce(
                            max(CASE WHEN \(leaf) AND key = ? THEN number END),
                            max(CASE WHEN \(leaf) AND \(goesOn) THEN number END),
                            max(CASE WHEN \(leaf) AND state = 'failed' THEN number END),
                            max(CASE WHEN \(leaf) THEN number END), max(number))
                    FROM steps WHERE run_id = ?
                    """), arguments: [search.failed, runID])
        guard let overview else { return window }
        window.count = try overview.decode(Int.self, atIndex: 0)
        window.startedAt = try overview.decode(Int64?.self, atIndex: 1)
        window.changedAt = try overview.decode(Int64?.self, atIndex: 2)
        var selected = try overview.decode(Int64?.self, atIndex: 3)
        if let key = search.selected {
            selected = try Int64.fetchOne(
                db.cachedStatement(sql: "SELECT number FROM steps WHERE run_id = ? AND key = ?"),
                arguments: [runID, key])
        }
        var index: Int?
        if let selected {
            window.selected = try String.fetchOne(
                db.cachedStatement(sql: "SELECT key FROM steps WHERE number = ?"), arguments: [selected]
            ).flatMap { ExecutionKey($0) }
            index = try Int.fetchOne(
                db.cachedStatement(sql: "SELECT count(*) FROM steps WHERE run_id = ? AND +number < ?"),
                arguments: [runID, selected])
        }
        window.first = search.firstRow(selected: index, of: window.count)
        window.rows = try records(
            of: runID,
            """
            number IN (SELECT number FROM steps WHERE run_id = ? ORDER BY +number LIMIT ? OFFSET ?) ORDER BY number
            """, [runID, search.limit, window.first], db)
        window.open = try records(
            of: runID, "run_id = ? AND \(goesOn) ORDER BY +number DESC LIMIT ?", [runID, StepWindow.maximumOpen], db
        ).reversed()
        for loop in window.rows where loop.items != nil {
            window.done[loop.key] = try doneItems(of: loop.key, in: runID, db)
        }
        return window
    }

    private static func records(
        of runID: String, _ condition: String, _ arguments: [any Bindable], _ db: Database
    ) throws -> [StepRecord] {
        try db.cachedStatement(sql: "SELECT \(listed) FROM steps WHERE \(condition)").all(arguments) { row in
            do {
                var columns = Columns(row)
                var record = try columns.nextStep(of: runID)
                if try columns.next(Bool.self) { record.items = .some(.null) }
                return record
            } catch {
                throw JournalError.damaged(error)
            }
        }
    }

    /// The keys of the items begin with `KEY[`; `\` comes after `[`.
    private static func doneItems(of loop: ExecutionKey, in runID: String, _ db: Database) throws -> Int {
        let key = loop.description
        return try Int.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT count(*) FROM steps
                    WHERE run_id = ? AND key > ? AND key < ? AND instr(substr(key, ?), '[') = 0 AND NOT (\(goesOn))
                    """), arguments: [runID, key + "[", key + "\\", key.unicodeScalars.count + 2]) ?? 0
    }

    public func fingerprint() async throws(JournalError) -> [Int64] {
        try await read { db in
            let row = try Row.fetchOne(
                db.cachedStatement(
                    sql: """
                        SELECT (SELECT max(rowid) FROM runs), (SELECT max(number) FROM ends),
                            (SELECT value FROM epochs), (SELECT max(number) FROM deliveries),
                            (SELECT max(number) FROM audit), (SELECT max(id) FROM usage), (SELECT max(until) FROM seen),
                            (SELECT count(*) FROM disabled_triggers),
                            (SELECT count(*) FROM (SELECT 1 FROM runs WHERE state = 'queued' LIMIT \(Self.fullCount))),
                            (SELECT count(*) FROM (SELECT 1 FROM runs WHERE state = 'waiting' LIMIT \(Self.fullCount))),
                            (SELECT sum(wake_at / 1000000) FROM (
                                SELECT wake_at FROM runs WHERE state = 'waiting' ORDER BY wake_at LIMIT \(Self.fullCount))),
                            (SELECT count(*) FROM runs WHERE owner IS NOT NULL),
                            (SELECT sum(cancel_requested) FROM runs WHERE owner IS NOT NULL),
                            (SELECT sum((SELECT max(number) FROM events WHERE run_id = runs.id))
                                FROM runs WHERE owner IS NOT NULL),
                            (SELECT count(*) FROM workers), (SELECT sum(drained) FROM workers),
                            (SELECT max(started_at) FROM workers)
                        """))
            guard let row else { return [] }
            return try (0..<row.count).map { try row.decode(Int64?.self, atIndex: $0) ?? -1 }
        }
    }

    /// How many runs of a state ``fingerprint()`` counts at most. Beyond it the newest run and the last claim tell.
    private static let fullCount = 1000
}
