import GRDB
public import RunnelEngine

extension SQLiteJournal {
    public func join(_ agent: AgentRecord) async throws(JournalError) {
        try locks.hold(agent.id)
        try await committer.write { try Self.insert(agent, $0) }
    }

    private static func insert(_ agent: AgentRecord, _ db: Database) throws {
        try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO agents (id, pid, host, role, started_at) VALUES (?, ?, ?, ?, ?)"
        ).execute(arguments: [agent.id.text, agent.processID, agent.host, agent.role, agent.startedAt])
    }

    public func beat(_ agent: AgentID) async throws(JournalError) {
        let isWritten = committer.writeSoon(
            { db in
                try db.cachedStatement(sql: "UPDATE agents SET beat = beat + 1 WHERE id = ?")
                    .execute(arguments: [agent.text])
            }, finish: { _ in })
        guard !isWritten else { return }
        try await committer.write { db in
            try db.cachedStatement(sql: "UPDATE agents SET beat = beat + 1 WHERE id = ?")
                .execute(arguments: [agent.text])
        }
    }

    public func leave(_ agent: AgentID) async throws(JournalError) {
        try await committer.write { db in
            _ = try Self.sendBack(from: agent, db)
        }
        locks.letGo(agent)
    }

    public func reap() async throws(JournalError) -> [String] {
        let agents = try await read { db in
            try Row.fetchAll(db, sql: "SELECT id, beat FROM agents").map { row in
                (id: AgentID(row["id"]), beat: row["beat"] as Int64)
            }
        }
        let dead = agents.filter { locks.isDead($0.id, beat: $0.beat) }
        // Also runs of agents that are not even known any more.
        let known = agents.map(\.id.text)
        let strays = try await read { db in
            try String.fetchAll(
                db, sql: "SELECT DISTINCT owner FROM runs WHERE state = 'running' AND owner IS NOT NULL")
        }
        let gone = dead.map(\.id) + strays.filter { !known.contains($0) }.map { AgentID($0) }
        guard !gone.isEmpty else { return [] }
        return try await committer.write { db in
            var runs: [String] = []
            for (index, agent) in gone.enumerated() {
                // Somebody else may have joined under this name, or come to life, since it was looked at.
                if index >= dead.count {
                    let isBack = try Bool.fetchOne(
                        db, sql: "SELECT EXISTS (SELECT 1 FROM agents WHERE id = ?)", arguments: [agent.text])
                    if isBack ?? false { continue }
                }
                runs += try Self.sendBack(from: agent, db)
            }
            return runs
        }
    }

    /// The runs go back to the queue, and the agent is forgotten.
    private static func sendBack(from agent: AgentID, _ db: Database) throws -> [String] {
        let runs = try String.fetchAll(
            db,
            sql: """
                UPDATE runs SET state = 'queued', owner = NULL, interruptions = interruptions + 1
                WHERE state = 'running' AND owner = ? RETURNING id
                """, arguments: [agent.text])
        try db.execute(sql: "DELETE FROM agents WHERE id = ?", arguments: [agent.text])
        return runs.sorted()
    }

    public func agents() async throws(JournalError) -> [AgentRecord] {
        try await read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM agents ORDER BY started_at").map { row in
                AgentRecord(
                    id: AgentID(row["id"]), processID: row["pid"], host: row["host"], role: row["role"],
                    startedAt: row["started_at"])
            }
        }
    }
}
