import GRDB
public import RunnelEngine
import RunnelKit

extension SQLiteJournal {
    public var deliveries: any DeliveryRecords { SQLiteDeliveryRecords(journal: self) }
}

/// Deliveries, in the table `deliveries`.
private struct SQLiteDeliveryRecords: DeliveryRecords {
    let journal: SQLiteJournal

    private static let columns = """
        number, time, pipeline, "trigger", method, path, outcome, reason, status, run_id, size, whole
        """

    func append(_ deliveries: [DeliveryRecord]) async throws(JournalError) {
        // Outside of the transaction, for which others wait.
        let texts = deliveries.map { (request: $0.request.json(), body: StoredBody.column($0.body)) }
        try await journal.committer.write(isUrgent: false) { db in
            func insert(_ rows: Range<Int>) throws {
                let values = rows.flatMap { row -> [any Bindable] in
                    let (delivery, text) = (deliveries[row], texts[row])
                    return [
                        delivery.time, delivery.pipeline, delivery.trigger, delivery.method, delivery.path,
                        delivery.outcome.rawValue, delivery.reason, delivery.status, delivery.runID, delivery.size,
                        delivery.isWhole, delivery.storedBytes(text.request), text.request, text.body,
                    ]
                }
                try db.cachedStatement(sql: rows.count == 1 ? Self.insertOne : Self.insertGroup).execute(values)
            }
            let grouped = deliveries.count - deliveries.count % Self.group
            for start in stride(from: 0, to: grouped, by: Self.group) { try insert(start..<(start + Self.group)) }
            for row in grouped..<deliveries.count { try insert(row..<(row + 1)) }
        }
    }

    /// How many rows a statement inserts where there are as many: each statement also writes the number of its last row.
    private static let group = 16
    private static let insertOne = insert(rows: 1)
    private static let insertGroup = insert(rows: group)

    private static func insert(rows: Int) -> String {
        let row = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        return """
            INSERT INTO deliveries (
                time, pipeline, "trigger", method, path, outcome, reason, status, run_id, size, whole, bytes, request, body
            ) VALUES \(Array(repeating: row, count: rows).joined(separator: ", "))
            """
    }

    func deliveries(_ filter: DeliveryFilter) async throws(JournalError) -> [DeliveryRecord] {
        var conditions = ["number < ?"]
        var arguments: StatementArguments = [filter.before ?? .max]
        if let outcome = filter.outcome {
            // The planner uses the index of the others only where the condition says so.
            conditions.append(outcome == .accepted ? "outcome = ?" : "outcome <> 'accepted' AND outcome = ?")
            arguments += [outcome.rawValue]
        }
        if let pipeline = filter.pipeline {
            conditions.append("pipeline = ?")
            arguments += [pipeline]
        }
        if let runID = filter.runID {
            conditions.append("run_id = ?")
            arguments += [runID]
        }
        arguments += [filter.limit]
        let sql = """
            SELECT \(Self.columns) FROM deliveries WHERE \(conditions.joined(separator: " AND "))
            ORDER BY number DESC LIMIT ?
            """
        return try await journal.read { [arguments] db in
            try Row.fetchAll(db.cachedStatement(sql: sql), arguments: arguments).compactMap(Self.record)
        }
    }

    func delivery(_ number: Int64) async throws(JournalError) -> DeliveryRecord? {
        try await journal.read { db in
            guard
                let row = try Row.fetchOne(
                    db.cachedStatement(sql: "SELECT \(Self.columns), request, body FROM deliveries WHERE number = ?"),
                    arguments: [number]),
                var record = try Self.record(row)
            else { return nil }
            record.request = (try? Value.json(try row.decode(String.self, atIndex: 12))) ?? .null
            record.body = StoredBody.bytes(try row.decode(String.self, atIndex: 13))
            return record
        }
    }

    /// nil for an outcome of a newer version.
    private static func record(_ row: Row) throws -> DeliveryRecord? {
        guard let outcome = DeliveryRecord.Outcome(rawValue: try row.decode(String.self, atIndex: 6)) else {
            return nil
        }
        var record = DeliveryRecord(
            time: try row.decode(atIndex: 1), pipeline: try row.decode(atIndex: 2), trigger: try row.decode(atIndex: 3),
            method: try row.decode(atIndex: 4), path: try row.decode(atIndex: 5), outcome: outcome,
            reason: try row.decode(atIndex: 7), status: try row.decode(atIndex: 8), runID: try row.decode(atIndex: 9),
            size: try row.decode(atIndex: 10), isWhole: try row.decode(atIndex: 11))
        record.number = try row.decode(atIndex: 0)
        return record
    }
}

extension SQLiteJournal: DeliveryRetention {
    func deliveryCount() async throws(JournalError) -> Int64 {
        try await read { db in
            try Int64.fetchOne(
                db.cachedStatement(
                    sql: "SELECT (SELECT max(number) FROM deliveries) - (SELECT min(number) FROM deliveries) + 1")) ?? 0
        }
    }

    func deliveryBytes(_ condition: String) async throws(JournalError) -> Int64 {
        try await read { db in
            try Int64.fetchOne(db.cachedStatement(sql: "SELECT sum(bytes) FROM deliveries WHERE \(condition)")) ?? 0
        }
    }

    func oldestDeliveries(
        _ condition: String, until time: Int64
    ) async throws(JournalError) -> [DeliveryLimit.Row] {
        try await read { db in
            try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT number, time, bytes FROM deliveries WHERE \(condition) AND time <= ?
                        ORDER BY number LIMIT \(DeliveryLimit.batch)
                        """), arguments: [time]
            ).map { row in
                DeliveryLimit.Row(
                    number: try row.decode(atIndex: 0), time: try row.decode(atIndex: 1),
                    bytes: try row.decode(atIndex: 2))
            }
        }
    }

    func removeDeliveries(_ condition: String, upTo number: Int64) async throws(JournalError) {
        try await committer.write { db in
            try db.cachedStatement(sql: "DELETE FROM deliveries WHERE \(condition) AND number <= ?")
                .execute([number])
        }
        try? await ContinuousClock().sleep(for: .milliseconds(20))
    }
}

/// The column form of a body: its text behind a `t`, or what is no text, or holds a zero byte, which PostgreSQL's texts
/// cannot hold, in Base64 behind a `b`.
enum StoredBody {
    static func column(_ bytes: [UInt8]) -> String {
        guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
            return "b" + Base64.encode(bytes)
        }
        return "t" + text
    }

    static func bytes(_ column: String) -> [UInt8] {
        let rest = column.utf8.dropFirst()
        guard column.utf8.first == UInt8(ascii: "b") else { return Array(rest) }
        return Base64.decode(String(decoding: rest, as: UTF8.self)) ?? []
    }
}
