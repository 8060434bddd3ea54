import GRDB
import GRDBSQLite
import Synchronization

/// Copies the write-ahead log into the database, in the place of SQLite's own checkpoints.
///
/// SQLite before 3.51.3 (and 3.50.7, 3.44.6) can lose commits when one process begins the log anew while another one begins
/// a checkpoint: the [WAL-reset bug](https://www.sqlite.org/wal.html#walresetbug). Here a second connection holds the
/// write lock while a checkpoint lasts, so nobody can begin the log anew.
final class Checkpointer: Sendable {
    /// In pages; SQLite's own default.
    private static let limit = 1000

    private let pool: DatabasePool
    /// Another connection to the same database.
    private let holder: DatabaseQueue
    private let log = LogLength()

    /// How many pages the log held after the last commit of the pool.
    private final class LogLength: Sendable {
        let pages = Atomic<Int>(0)
    }

    init(pool: DatabasePool, holder: DatabaseQueue) {
        (self.pool, self.holder) = (pool, holder)
        // It is called only while the pool is open, and the pool does not outlive `log`.
        let context = Unmanaged.passUnretained(log).toOpaque()
        pool.writeWithoutTransaction { db in
            _ = sqlite3_wal_hook(
                db.sqliteConnection,
                { context, _, _, pages in
                    guard let context else { return SQLITE_OK }
                    let log = Unmanaged<LogLength>.fromOpaque(context).takeUnretainedValue()
                    log.pages.store(Int(pages), ordering: .relaxed)
                    return SQLITE_OK
                }, context)
        }
    }

    /// To be called after commits, outside of transactions.
    func checkpointIfLong() {
        // The next commit says again how long the log is; so one that fails is tried again then, as SQLite does it.
        guard log.pages.exchange(0, ordering: .relaxed) >= Self.limit else { return }
        try? checkpoint()
    }

    /// Copies what no reader needs in the log. Waits for other writers, not for readers.
    func checkpoint() throws {
        try holder.writeWithoutTransaction { holder in
            try holder.transaction(.immediate) {
                _ = try pool.writeWithoutTransaction { try $0.checkpoint(.passive) }
            }
        }
    }

    /// Gives the log's space back where no reader needs the log.
    func shrink() throws {
        try checkpoint()
        try pool.writeWithoutTransaction { db in
            // The next commit begins the log anew and cuts it to the limit. SQLite commits only what differs; an epoch more
            // or less is no matter.
            try db.execute(sql: "PRAGMA journal_size_limit = 0")
            defer { try? db.execute(sql: "PRAGMA journal_size_limit = \(JournalFile.logSizeLimit)") }
            try db.execute(sql: "UPDATE epochs SET value = value + 1")
        }
    }
}
