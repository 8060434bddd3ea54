import Dispatch
import GRDB
import RunnelEngine
import Synchronization

/// Group commit: combines the writes of many callers into one transaction, so that they share one fsync.
///
/// While one transaction is being committed, writes for the next are collected. Writes that need not be durable at once
/// wait for others, at most ``patience``.
final class GroupCommitter: Sendable {
    private struct Job: Sendable {
        /// Performs its writes in the transaction, and returns what is called when they are on disk. A ``JournalError``
        /// means that it has written nothing.
        let work: @Sendable (Database) throws -> @Sendable () -> Void
        let fail: @Sendable (JournalError) -> Void

        func finish(_ outcome: Outcome) {
            switch outcome {
            case .success(let succeed): succeed()
            case .failure(let error): fail(error)
            }
        }
    }

    private typealias Outcome = Result<@Sendable () -> Void, JournalError>

    private struct State {
        var jobs: [Job] = []
        var isScheduled = false
        var isClosed = false
    }

    private static let patience = DispatchTimeInterval.milliseconds(50)

    private let pool: DatabasePool
    private let checkpointer: Checkpointer
    private let path: String
    /// The database, its write-ahead log and the index of that as they were opened, with their paths as C strings: each
    /// transaction asks for them twice.
    private let opened: [(path: [CChar], identity: FileSystem.Identity)]
    private let queue = DispatchQueue(label: "runnel.journal", qos: .userInitiated)
    private let state = Mutex(State())

    init(pool: DatabasePool, path: String, checkpointer: Checkpointer) {
        self.pool = pool
        self.checkpointer = checkpointer
        self.path = path
        opened = ["", "-wal", "-shm"].compactMap { suffix in
            FileSystem.identity(path + suffix).map { (Array((path + suffix).utf8CString), $0) }
        }
    }

    /// Writes and waits until the transaction is on disk.
    ///
    /// - Parameter isUrgent: Whether a transaction begins at once. Otherwise the write joins the next one, which begins
    ///   within 50 ms.
    func write<Result: Sendable>(
        isUrgent: Bool = true, _ work: @escaping @Sendable (Database) throws -> Result
    ) async throws(JournalError) -> Result {
        let outcome: Swift.Result<Result, JournalError> = await withCheckedContinuation { continuation in
            submit(work, isUrgent: isUrgent, continuation)
        }
        return try outcome.get()
    }

    /// Not inlined, so that its variables are not in the async frame of a write, whose memory a run keeps.
    @inline(never) private func submit<Result: Sendable>(
        _ work: @escaping @Sendable (Database) throws -> Result, isUrgent: Bool,
        _ continuation: CheckedContinuation<Swift.Result<Result, JournalError>, Never>
    ) {
        let job = Job(
            work: { db in
                let result = try work(db)
                return { continuation.resume(returning: .success(result)) }
            }, fail: { continuation.resume(returning: .failure($0)) })
        submit(job, isUrgent: isUrgent)
    }

    /// Enqueues a write in order, without waiting for its end.
    func enqueue(
        _ work: @escaping @Sendable (Database) throws -> Void, finish: @escaping @Sendable (JournalError?) -> Void
    ) {
        let job = Job(
            work: { db in
                try work(db)
                return { finish(nil) }
            }, fail: { finish($0) })
        submit(job, isUrgent: true)
    }

    private func submit(_ job: Job, isUrgent: Bool) {
        enum Next { case now, later, nothing, closed }
        let next = state.withLock { state -> Next in
            if state.isClosed { return .closed }
            state.jobs.append(job)
            if isUrgent {
                if state.isScheduled { return .nothing }
                state.isScheduled = true
                return .now
            }
            return state.jobs.count == 1 && !state.isScheduled ? .later : .nothing
        }
        switch next {
        case .now: queue.async { self.drain() }
        case .later: queue.asyncAfter(deadline: .now() + Self.patience) { self.drain() }
        case .nothing: break
        case .closed: job.fail(JournalError(.closed, "the journal is closed"))
        }
    }

    /// Commits all pending jobs in one transaction.
    private func drain() {
        let jobs = state.withLock { state in
            defer { (state.jobs, state.isScheduled) = ([], false) }
            return state.jobs
        }
        guard !jobs.isEmpty else { return }
        guard isInPlace else { return refuse(jobs) }
        defer { checkpointer.checkpointIfLong() }
        do {
            let outcomes = try commit(jobs)
            // Writes to an unlinked file would be lost with this process.
            guard isInPlace else { return refuse(jobs) }
            for (job, outcome) in zip(jobs, outcomes) { job.finish(outcome) }
        } catch {
            guard jobs.count > 1 else { return jobs[0].fail(JournalError(error, path: path)) }
            // The transaction was rolled back. Retry the jobs one by one, so that only the failing ones fail.
            for job in jobs {
                do {
                    job.finish(try commit([job])[0])
                } catch {
                    job.fail(JournalError(error, path: path))
                }
            }
        }
    }

    private func commit(_ jobs: [Job]) throws -> [Outcome] {
        let start = ContinuousClock.now
        let outcomes: [Outcome] = try pool.writeWithoutTransaction { db in
            try db.transaction(.immediate) {
                try jobs.map { job in
                    do {
                        return .success(try job.work(db))
                    } catch let error as JournalError {
                        return .failure(error)
                    }
                }
            }
        }
        JournalMetrics.committed(after: start.duration(to: .now))
        return outcomes
    }

    /// Commits pending jobs; rejects further ones.
    func close() {
        state.withLock { $0.isClosed = true }
        queue.sync {
            drain()
            try? checkpointer.checkpoint()
        }
    }

    /// Copies the write-ahead log into the database and gives its space back, as far as no reader needs it.
    func shrinkLog() async {
        await withCheckedContinuation { continuation in
            queue.async {
                try? self.checkpointer.shrink()
                continuation.resume()
            }
        }
    }

    /// Runs `body` between two transactions.
    func withoutTransaction<Result: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Result
    ) async throws(JournalError) -> Result {
        let outcome: Swift.Result<Result, JournalError> = await withCheckedContinuation { continuation in
            queue.async {
                guard self.isInPlace else { return continuation.resume(returning: .failure(.gone(self.path))) }
                defer { self.checkpointer.checkpointIfLong() }
                do {
                    continuation.resume(returning: .success(try self.pool.writeWithoutTransaction(body)))
                } catch {
                    continuation.resume(returning: .failure(JournalError(error, path: self.path)))
                }
            }
        }
        return try outcome.get()
    }

    // MARK: - Files that are removed or replaced

    /// Whether the open files are still those at the journal's path.
    private var isInPlace: Bool {
        opened.allSatisfy { FileSystem.identity($0.path) == $0.identity }
    }

    private func refuse(_ jobs: [Job]) {
        // Acknowledged commits are in the write-ahead log, which may be unlinked; the checkpoint copies them to the
        // database.
        try? checkpointer.checkpoint()
        for job in jobs { job.fail(.gone(path)) }
    }
}
