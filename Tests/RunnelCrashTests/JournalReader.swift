import Foundation
import GRDB
import Synchronization

/// Looks into a journal from outside, whatever its servers do.
final class JournalReader: Sendable {
    struct State: Sendable {
        var pipeline: String
        var state: String
        /// The error's code.
        var error: String?
        var isFinal: Bool { ["succeeded", "failed", "cancelled", "skipped"].contains(state) }
    }

    let path: String
    private let outside: Outside
    /// How many chats a run had had when its answer was first seen in the journal.
    private let chatsWhenStored = Mutex<[String: Int]>([:])

    init(path: String, outside: Outside) {
        self.path = path
        self.outside = outside
    }

    /// - Returns: nil before there is a journal.
    /// - Throws: Where the journal cannot be read. That must not look like an empty journal.
    private func read<Result>(_ body: (Database) throws -> Result) throws -> Result? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        defer { try? queue.close() }
        return try queue.read(body)
    }

    /// Which answers are stored, and what they had cost by then.
    func look() throws {
        let stored = try read { db in
            try String.fetchAll(db, sql: "SELECT run_id FROM steps WHERE key = 'answer' AND state = 'succeeded'")
        }
        for run in stored ?? [] {
            chatsWhenStored.withLock { known in
                if known[run] == nil { known[run] = outside.chats(of: run) }
            }
        }
    }

    func paidAgain() -> [String] {
        chatsWhenStored.withLock { known in
            known.compactMap { run, count in
                let now = outside.chats(of: run)
                return now > count
                    ? "paid again: \(run) had \(count) chats when its answer was stored, now \(now)" : nil
            }
        }
    }

    func states() throws -> [String: State] {
        let rows = try read { db in
            try Row.fetchAll(db, sql: "SELECT id, pipeline, state, error FROM runs").map { row in
                let error = (row["error"] as String?).flatMap { text in
                    (try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])?["code"] as? String
                }
                return (row["id"] as String, State(pipeline: row["pipeline"], state: row["state"], error: error))
            }
        }
        return Dictionary(rows ?? [], uniquingKeysWith: { first, _ in first })
    }

    func runsByDelivery() throws -> [String: Set<String>] {
        let rows = try read { db in
            try Row.fetchAll(db, sql: "SELECT id, dedupe_key FROM runs WHERE dedupe_key IS NOT NULL").map { row in
                (row["dedupe_key"] as String, row["id"] as String)
            }
        }
        return (rows ?? []).reduce(into: [:]) { $0[$1.0, default: []].insert($1.1) }
    }

    /// A run that has not ended, and the name of the file that holds its input.
    func unfinishedWithFile() throws -> (run: String, file: String)? {
        try read { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT id, input FROM runs WHERE state IN ('queued', 'running', 'waiting') AND typeof(input) = 'blob'
                    ORDER BY id DESC LIMIT 1
                    """
            ).map { row in
                let hash: Data = row["input"]
                return (row["id"], hash.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined())
            }
        } ?? nil
    }
}
