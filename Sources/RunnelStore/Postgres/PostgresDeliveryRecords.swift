import PostgresClient
public import RunnelEngine
import RunnelKit

extension PostgresJournal {
    public var deliveries: any DeliveryRecords { PostgresDeliveryRecords(journal: self) }
}

/// Deliveries, in the table `deliveries`.
private struct PostgresDeliveryRecords: DeliveryRecords {
    let journal: PostgresJournal

    private static let columns = """
        number, time, pipeline, "trigger", method, path, outcome, reason, status, run_id, size, whole
        """

    func append(_ deliveries: [DeliveryRecord]) async throws(JournalError) {
        let statements = deliveries.map { delivery in
            let request = delivery.request.json()
            return PostgresStatement(
                """
                INSERT INTO deliveries (
                    time, pipeline, "trigger", method, path, outcome, reason, status, run_id, size, whole, bytes, request,
                    body
                ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
                """, .int(delivery.time), .text(delivery.pipeline), .text(delivery.trigger), .text(delivery.method),
                .text(delivery.path), .text(delivery.outcome.rawValue), .text(delivery.reason),
                .int(Int64(delivery.status)), .text(delivery.runID), .int(Int64(delivery.size)),
                .bool(delivery.isWhole), .int(Int64(delivery.storedBytes(request))), .text(request),
                .text(StoredBody.column(delivery.body)))
        }
        try await journal.committer.write([]) { _ = try $0.pipeline(statements) }
    }

    func deliveries(_ filter: DeliveryFilter) async throws(JournalError) -> [DeliveryRecord] {
        var conditions = ["number < $1"]
        var parameters: [PostgresParameter] = [.int(filter.before ?? .max), .int(Int64(filter.limit))]
        if let outcome = filter.outcome {
            parameters.append(.text(outcome.rawValue))
            let place = "outcome = $\(parameters.count)"
            // The planner uses the index of the others only where the condition says so.
            conditions.append(outcome == .accepted ? place : "outcome <> 'accepted' AND \(place)")
        }
        if let pipeline = filter.pipeline {
            parameters.append(.text(pipeline))
            conditions.append("pipeline = $\(parameters.count)")
        }
        if let runID = filter.runID {
            parameters.append(.text(runID))
            conditions.append("run_id = $\(parameters.count)")
        }
        let statement = PostgresStatement(
            """
            SELECT \(Self.columns) FROM deliveries WHERE \(conditions.joined(separator: " AND "))
            ORDER BY number DESC LIMIT $2
            """, parameters: parameters)
        return try await journal.readers.read(isCancellable: true) { connection in
            try connection.execute(statement).rows.compactMap(Self.record)
        }
    }

    func delivery(_ number: Int64) async throws(JournalError) -> DeliveryRecord? {
        try await journal.readers.read { connection in
            guard
                let row = try connection.execute(
                    PostgresStatement(
                        "SELECT \(Self.columns), request, body FROM deliveries WHERE number = $1", .int(number))
                ).first, var record = try Self.record(row)
            else { return nil }
            record.request = (try? Value.json(try row.text(12))) ?? .null
            record.body = StoredBody.bytes(try row.text(13))
            return record
        }
    }

    /// nil for an outcome of a newer version.
    private static func record(_ row: PostgresRow) throws -> DeliveryRecord? {
        guard let outcome = DeliveryRecord.Outcome(rawValue: try row.text(6)) else { return nil }
        var record = DeliveryRecord(
            time: try row.int(1), pipeline: try row.text(2), trigger: try row.text(3), method: try row.text(4),
            path: try row.text(5), outcome: outcome, reason: try row.text(7), status: Int(try row.int(8)),
            runID: row.optionalText(9), size: Int(try row.int(10)), isWhole: try row.bool(11))
        record.number = try row.int(0)
        return record
    }
}

extension PostgresJournal: DeliveryRetention {
    func deliveryCount() async throws(JournalError) -> Int64 {
        try await readers.read { connection in
            try connection.execute("SELECT max(number) - min(number) + 1 FROM deliveries").first?.optionalInt(0) ?? 0
        }
    }

    func deliveryBytes(_ condition: String) async throws(JournalError) -> Int64 {
        try await readers.read { connection in
            try connection.execute(
                PostgresStatement("SELECT coalesce(sum(bytes), 0)::bigint FROM deliveries WHERE \(condition)")
            ).first?.int(0) ?? 0
        }
    }

    func oldestDeliveries(
        _ condition: String, until time: Int64
    ) async throws(JournalError) -> [DeliveryLimit.Row] {
        try await readers.read { connection in
            try connection.execute(
                PostgresStatement(
                    """
                    SELECT number, time, bytes FROM deliveries WHERE \(condition) AND time <= $1
                    ORDER BY number LIMIT \(DeliveryLimit.batch)
                    """, .int(time))
            ).rows.map { DeliveryLimit.Row(number: try $0.int(0), time: try $0.int(1), bytes: try $0.int(2)) }
        }
    }

    func removeDeliveries(_ condition: String, upTo number: Int64) async throws(JournalError) {
        try await committer.write([]) { connection in
            _ = try connection.execute(
                PostgresStatement("DELETE FROM deliveries WHERE \(condition) AND number <= $1", .int(number)))
        }
        try? await clock.sleep(for: .milliseconds(20))
    }
}
