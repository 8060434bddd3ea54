import PostgresClient
public import RunnelEngine

extension PostgresJournal {
    public var operators: any OperatorRecords { PostgresOperatorRecords(journal: self) }
}

/// The records of operators, in the tables `run_hours`, `audit`, `seen` and `disabled_triggers`.
private struct PostgresOperatorRecords: OperatorRecords {
    let journal: PostgresJournal

    func hours(since time: Int64) async throws(JournalError) -> [HourCount] {
        try await journal.readers.read(isCancellable: true) { connection in
            try connection.execute(
                "SELECT hour, pipeline, state, runs FROM run_hours WHERE hour >= $1 ORDER BY hour, pipeline, state",
                .int(HourCount.hour(of: time))
            ).rows.compactMap { row in
                guard let state = RunState(rawValue: try row.text(2)) else { return nil }
                return HourCount(
                    hour: try row.int(0), pipeline: try row.text(1), state: state, runs: Int(try row.int(3)))
            }
        }
    }

    func append(_ entry: AuditEntry) async throws(JournalError) {
        try await journal.committer.write([]) { connection in
            _ = try connection.execute(
                """
                INSERT INTO audit (time, caller, origin, action, subject, outcome) VALUES ($1, $2, $3, $4, $5, $6)
                """, .int(entry.time), .text(entry.caller), .text(entry.origin), .text(entry.action),
                .text(entry.subject), .text(entry.outcome))
        }
    }

    func audit(before number: Int64?, limit: Int) async throws(JournalError) -> [AuditEntry] {
        try await journal.readers.read(isCancellable: true) { connection in
            try connection.execute(
                """
                SELECT number, time, caller, origin, action, subject, outcome FROM audit
                WHERE number < $1 ORDER BY number DESC LIMIT $2
                """, .int(number ?? .max), .int(Int64(limit))
            ).rows.map { row in
                var entry = AuditEntry(
                    time: try row.int(1), caller: try row.text(2), origin: try row.text(3), action: try row.text(4),
                    subject: try row.text(5), outcome: try row.text(6))
                entry.number = try row.int(0)
                return entry
            }
        }
    }

    func seen(by caller: String) async throws(JournalError) -> Int64? {
        try await journal.readers.read { connection in
            try connection.execute("SELECT until FROM seen WHERE caller = $1", .text(caller)).first?.int(0)
        }
    }

    func setSeen(by caller: String, until time: Int64) async throws(JournalError) {
        try await journal.committer.write([]) { connection in
            _ = try connection.execute(
                """
                INSERT INTO seen (caller, until) VALUES ($1, $2)
                ON CONFLICT (caller) DO UPDATE SET until = greatest(seen.until, excluded.until)
                """, .text(caller), .int(time))
        }
    }

    func disabledTriggers() async throws(JournalError) -> Set<TriggerID> {
        try await journal.readers.read { connection in
            Set(
                try connection.execute("SELECT pipeline, \"trigger\" FROM disabled_triggers").rows.map {
                    TriggerID(pipeline: try $0.text(0), key: try $0.text(1))
                })
        }
    }

    func setTrigger(_ trigger: TriggerID, isEnabled: Bool) async throws(JournalError) {
        try await journal.committer.write([]) { connection in
            _ = try connection.execute(
                PostgresStatement(
                    isEnabled
                        ? "DELETE FROM disabled_triggers WHERE pipeline = $1 AND \"trigger\" = $2"
                        : """
                        INSERT INTO disabled_triggers (pipeline, "trigger") VALUES ($1, $2) ON CONFLICT DO NOTHING
                        """, .text(trigger.pipeline), .text(trigger.key)))
        }
    }

    func setWorker(_ worker: WorkerID, isDrained: Bool) async throws(JournalError) -> Bool {
        try await journal.committer.write([]) { connection in
            try connection.execute(
                "UPDATE workers SET drained = $2 WHERE id = $1", .text(worker.text), .bool(isDrained)
            ).affected > 0
        }
    }
}
