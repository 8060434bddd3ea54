import Dispatch
import GRDB
import RunnelEngine
import Synchronization

/// Puts what many callers want to write into one transaction, so that they share the wait for the disk.
///
/// While one transaction is being made durable the next collects. What need not be durable at once waits for company,
/// but not longer than ``patience``.
final class GroupCommitter: Sendable {
    private struct Job: Sendable {
        /// Does its part of the transaction. A ``JournalError`` means that it has written nothing.
        let work: @Sendable (Database) throws -> Void
        let finish: @Sendable (JournalError?) -> Void
    }

    private struct State {
        var jobs: [Job] = []
        var isScheduled = false
        var isClosed = false
    }

    private static let patience = DispatchTimeInterval.milliseconds(50)
    /// How many jobs that nobody waits for may be held; a further one waits.
    static let backlog = 4096

    private let pool: DatabasePool
    private let path: String
    /// The database, its write-ahead log and the index of that as they were opened.
    private let identities: [FileSystem.Identity?]
    private let queue = DispatchQueue(label: "runnel.journal", qos: .userInitiated)
    private let state = Mutex(State())

    init(pool: DatabasePool, path: String) {
        self.pool = pool
        self.path = path
        identities = Self.identities(of: path)
    }

    /// Writes and waits until it is on disk.
    func write<Result: Sendable>(
        _ work: @escaping @Sendable (Database) throws -> Result
    ) async throws(JournalError) -> Result {
        let outcome: Swift.Result<Result, JournalError> = await withCheckedContinuation { continuation in
            let answer = Answer<Result>()
            let job = Job(
                work: { answer.value = try work($0) },
                finish: { error in
                    if let error { return continuation.resume(returning: .failure(error)) }
                    guard let value = answer.value else {
                        return continuation.resume(
                            returning: .failure(JournalError("journal-failed", "a write came to no result")))
                    }
                    continuation.resume(returning: .success(value))
                })
            submit(job, isUrgent: true)
        }
        return try outcome.get()
    }

    /// Lets it be written a little later, in order.
    ///
    /// - Returns: Whether there was room.
    func writeSoon(
        _ work: @escaping @Sendable (Database) throws -> Void, finish: @escaping @Sendable (JournalError?) -> Void
    ) -> Bool {
        guard state.withLock({ $0.jobs.count < Self.backlog }) else { return false }
        submit(Job(work: work, finish: finish), isUrgent: false)
        return true
    }

    /// Where a job leaves what it came to.
    private final class Answer<Result: Sendable>: Sendable {
        private let result = Mutex<Result?>(nil)

        var value: Result? {
            get { result.withLock { $0 } }
            set { result.withLock { $0 = newValue } }
        }
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
        case .closed: job.finish(JournalError("journal-closed", "the journal is closed"))
        }
    }

    /// Everything that waits, in one transaction.
    private func drain() {
        let jobs = state.withLock { state in
            defer { (state.jobs, state.isScheduled) = ([], false) }
            return state.jobs
        }
        guard !jobs.isEmpty else { return }
        guard isInPlace else { return refuse(jobs) }
        do {
            let errors = try commit(jobs)
            // What went into a file without a name would be lost with this process.
            guard isInPlace else { return refuse(jobs) }
            for (job, error) in zip(jobs, errors) { job.finish(error) }
        } catch {
            guard jobs.count > 1 else { return jobs[0].finish(JournalError(error, path: path)) }
            // Nothing was written. One at a time, so that what fails fails alone.
            for job in jobs {
                do {
                    job.finish(try commit([job])[0])
                } catch {
                    job.finish(JournalError(error, path: path))
                }
            }
        }
    }

    private func commit(_ jobs: [Job]) throws -> [JournalError?] {
        try pool.writeWithoutTransaction { db in
            var errors: [JournalError?] = []
            try db.inTransaction(.immediate) {
                for job in jobs {
                    do {
                        try job.work(db)
                        errors.append(nil)
                    } catch let error as JournalError {
                        errors.append(error)
                    }
                }
                return .commit
            }
            return errors
        }
    }

    /// Writes what waits; nothing is taken afterwards.
    func close() {
        state.withLock { $0.isClosed = true }
        queue.sync { drain() }
    }

    /// Runs `body` between two transactions.
    func withoutTransaction<Result: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Result
    ) async throws(JournalError) -> Result {
        let outcome: Swift.Result<Result, JournalError> = await withCheckedContinuation { continuation in
            queue.async {
                guard self.isInPlace else { return continuation.resume(returning: .failure(.gone(self.path))) }
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

    /// Whether what is written can be read by whoever opens the journal next.
    private var isInPlace: Bool {
        zip(identities, Self.identities(of: path)).allSatisfy { $0 == nil || $0 == $1 }
    }

    private func refuse(_ jobs: [Job]) {
        // What was acknowledged before is in the log, which may have lost its name; in the database it is safe.
        _ = try? pool.writeWithoutTransaction { try $0.checkpoint(.passive) }
        for job in jobs { job.finish(.gone(path)) }
    }

    private static func identities(of path: String) -> [FileSystem.Identity?] {
        ["", "-wal", "-shm"].map { FileSystem.identity(path + $0) }
    }
}
