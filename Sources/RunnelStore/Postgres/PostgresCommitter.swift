import Dispatch
import PostgresClient
import RunnelEngine
import RunnelKit
import Synchronization

/// Group commit for PostgreSQL: the writes of many callers share a transaction, and so a round trip and a flush of the
/// log.
///
/// Two writers have one connection each. While their transactions are being committed, writes for the next are
/// collected: callers whose writes have been committed come back with the next, one after another. An idle writer waits
/// until as many writes are collected as the other one is committing, or until that one is idle, too. Writes of one run
/// are in one transaction, or in consecutive ones: they take effect in call order.
final class PostgresCommitter: Sendable {
    /// One caller's write.
    struct Job: Sendable {
        /// Indirect, because jobs are copied while they wait.
        indirect enum Work: Sendable {
            case accept(PostgresNewRun)
            case claim(PostgresClaim)
            case commit(PostgresCommit)
            /// Performs its writes in the transaction. A ``JournalError`` means that it has written nothing.
            case other(@Sendable (PostgresConnection) throws -> any Sendable)
        }

        let work: Work
        /// What is written, such as the id of a run: a job waits for transactions in flight that write the same. nil
        /// for everything.
        let keys: [String]?
        let finish: @Sendable (Result<any Sendable, JournalError>) -> Void
    }

    private struct State {
        var jobs: [Job] = []
        /// What each writer's transaction writes; nothing before it has taken its writes.
        var inFlight: [Int: Set<String>] = [:]
        /// How many writes there are in each transaction.
        var counts: [Int: Int] = [:]
        /// Whether a writer is about to take writes.
        var isGathering = false
        var isClosed = false
        var drained: [CheckedContinuation<Void, Never>] = []

        func isInFlight(_ key: String) -> Bool { inFlight.values.contains { $0.contains(key) } }
    }

    /// The maximum number of jobs in a transaction.
    private static let batch = 256

    private let writers: [PostgresWriter]
    private let state = Mutex(State())

    init(writers: [PostgresWriter]) {
        self.writers = writers
    }

    /// Writes and waits until the transaction is on disk.
    ///
    /// - Parameter keys: See ``Job/keys``.
    func write<Value: Sendable>(
        _ keys: [String]?, _ work: @escaping @Sendable (PostgresConnection) throws -> Value
    ) async throws(JournalError) -> Value {
        try await perform(.other { try work($0) }, keys)
    }

    func perform<Value: Sendable>(
        _ work: Job.Work, _ keys: [String]?, as type: Value.Type = Value.self
    ) async throws(JournalError) -> Value {
        let outcome: Result<any Sendable, JournalError> = await withCheckedContinuation { continuation in
            submit(Job(work: work, keys: keys) { continuation.resume(returning: $0) })
        }
        guard let value = try outcome.get() as? Value else {
            throw JournalError(.failed, "a write came to no result")
        }
        return value
    }

    /// Enqueues a write in order, without waiting for its end.
    func submit(_ job: Job) {
        let isTaken = state.withLock { state in
            guard !state.isClosed else { return false }
            state.jobs.append(job)
            return true
        }
        guard isTaken else { return job.finish(.failure(JournalError(.closed, "the journal is closed"))) }
        startWriter()
    }

    /// Starts the next transaction of an idle writer, unless another writer is about to take writes.
    private func startWriter() {
        let next = state.withLock { state -> Int? in
            guard !state.isGathering, let writer = writers.indices.first(where: { state.inFlight[$0] == nil }),
                state.jobs.count >= state.counts.values.max() ?? 0,
                !Self.ready(state, upTo: 1).isEmpty
            else { return nil }
            state.isGathering = true
            state.inFlight[writer] = []
            return writer
        }
        guard let next else { return }
        writers[next].perform(from: { self.gather(next) }) {
            let drained = self.state.withLock { state in
                (state.inFlight[next], state.counts[next]) = (nil, nil)
                guard state.isClosed, state.inFlight.isEmpty, state.jobs.isEmpty else {
                    return [] as [CheckedContinuation<Void, Never>]
                }
                defer { state.drained = [] }
                return state.drained
            }
            for continuation in drained { continuation.resume() }
            self.startWriter()
        }
    }

    /// Takes the writes of the writer's next transaction. On its queue, so that those that came meanwhile are among them.
    private func gather(_ writer: Int) -> [Job] {
        let jobs = state.withLock { state in
            state.isGathering = false
            state.inFlight[writer] = nil
            let jobs = Self.take(from: &state)
            (state.inFlight[writer], state.counts[writer]) = (Set(jobs.flatMap { $0.keys ?? [] }), jobs.count)
            return jobs
        }
        startWriter()
        return jobs
    }

    /// The indices of the jobs that do not have to wait: for a transaction in flight, or for an earlier job that has to and
    /// writes the same.
    private static func ready(_ state: State, upTo limit: Int) -> [Int] {
        var waiting: Set<String> = []
        var ready: [Int] = []
        for (index, job) in state.jobs.enumerated() {
            guard ready.count < limit else { break }
            guard let keys = job.keys else {
                // It writes everything: all jobs before it have to be taken, and those after it wait for it.
                guard state.inFlight.isEmpty, ready.count == index else { break }
                ready.append(index)
                continue
            }
            if keys.contains(where: { waiting.contains($0) || state.isInFlight($0) }) {
                waiting.formUnion(keys)
            } else {
                ready.append(index)
            }
        }
        return ready
    }

    /// Takes the jobs of a transaction, in order.
    private static func take(from state: inout State) -> [Job] {
        let ready = Self.ready(state, upTo: batch)
        var rest: [Job] = []
        var start = 0
        for index in ready {
            rest += state.jobs[start..<index]
            start = index + 1
        }
        rest += state.jobs[start...]
        defer { state.jobs = rest }
        return ready.map { state.jobs[$0] }
    }

    /// Commits pending jobs; rejects further ones.
    func close() async {
        await withCheckedContinuation { continuation in
            let isDrained = state.withLock { state in
                state.isClosed = true
                if state.inFlight.isEmpty, state.jobs.isEmpty { return true }
                state.drained.append(continuation)
                return false
            }
            if isDrained { continuation.resume() } else { startWriter() }
        }
        for writer in writers { await writer.close() }
    }
}

/// One connection that writes, on a queue of its own.
final class PostgresWriter: Sendable {
    /// The connection, on the queue alone.
    private final class Session {
        var connection: PostgresConnection?
        /// The number of the last transaction, which it writes itself.
        var token: Int64 = 0
        /// Whether the last attempt to reach the database failed: then the next one is made once.
        var isDown = false
    }

    private let queue: DispatchQueue
    private let session = Confined(Session())
    /// The row of `writers`.
    private let id = String(UInt64.random(in: .min ... .max), radix: 36)
    private let options: PostgresOptions
    private let place: String
    private let progress: RunProgressCache
    private let patience: Duration
    private let perform: @Sendable ([PostgresCommitter.Job], PostgresConnection) throws -> PostgresBatch

    /// How often a batch is repeated after a deadlock.
    private static let repetitions = 5

    /// - Parameters:
    ///   - patience: See ``PostgresJournalConfiguration/patience``.
    ///   - perform: Performs jobs in a transaction.
    init(
        _ number: Int, options: PostgresOptions, place: String, progress: RunProgressCache, patience: Duration,
        perform: @escaping @Sendable ([PostgresCommitter.Job], PostgresConnection) throws -> PostgresBatch
    ) {
        queue = DispatchQueue(label: "runnel.journal.writer\(number)", qos: .userInitiated)
        self.options = options
        self.place = place
        self.progress = progress
        self.patience = patience
        self.perform = perform
    }

    /// - Parameters:
    ///   - jobs: Gives the jobs, when the writer has time for them.
    ///   - done: Called when all of them have ended.
    func perform(
        from jobs: @escaping @Sendable () -> [PostgresCommitter.Job], then done: @escaping @Sendable () -> Void
    ) {
        queue.async {
            let jobs = jobs()
            for (job, outcome) in zip(jobs, self.outcomes(of: jobs)) { job.finish(outcome) }
            done()
        }
    }

    func close() async {
        await withCheckedContinuation { continuation in
            queue.async {
                self.session.value.connection = nil
                continuation.resume()
            }
        }
    }

    private func outcomes(of jobs: [PostgresCommitter.Job]) -> [PostgresOutcome] {
        guard !jobs.isEmpty else { return [] }
        do {
            return try transaction(jobs)
        } catch {
            guard jobs.count > 1, let failure = error as? PostgresError, !failure.isConnectionLost else {
                return jobs.map { _ in .failure(JournalError(error, at: place)) }
            }
            // Repeats the jobs one by one, so that only the failing ones fail, and later ones with the same keys.
            var failed: [String: JournalError] = [:]
            return jobs.map { job in
                let keys = job.keys ?? []
                if let failure = keys.lazy.compactMap({ failed[$0] }).first { return .failure(failure) }
                do {
                    return try transaction([job]).first ?? .failure(JournalError(.failed, "a write came to no result"))
                } catch {
                    let failure = JournalError(error, at: place)
                    for key in keys { failed[key] = failure }
                    return .failure(failure)
                }
            }
        }
    }

    /// Performs the jobs in a transaction, and once more after a deadlock or where the connection was lost.
    private func transaction(_ jobs: [PostgresCommitter.Job]) throws -> [PostgresOutcome] {
        let session = session.value
        var patience = PostgresPatience(session.isDown ? nil : patience)
        var repetitions = 0
        let backoff = Backoff(initial: .milliseconds(20), maximum: .milliseconds(500))
        var failures = 0
        while true {
            do {
                let outcomes = try attempt(jobs, session)
                session.isDown = false
                return outcomes
            } catch let error as PostgresError where error.isTransient && repetitions < Self.repetitions {
                repetitions += 1
            } catch let error as PostgresError where Self.mayPass(error) {
                guard patience.allowsAnotherAttempt() else {
                    session.isDown = true
                    throw error
                }
                failures += 1
                pauseThread(backoff.delay(afterAttempt: failures))
            }
        }
    }

    /// Whether another attempt may reach the database: it may be starting, or have no connection left at the moment.
    private static func mayPass(_ error: PostgresError) -> Bool {
        error.isConnectionLost || ["53300", "25006"].contains(error.state ?? "")
    }

    private func attempt(_ jobs: [PostgresCommitter.Job], _ session: Session) throws -> [PostgresOutcome] {
        let connection = try connect(session)
        do {
            session.token += 1
            let start = ContinuousClock.now
            connection.dropDeferred()
            connection.sendWithNext(
                [PostgresStatement("BEGIN")] + options.transactionPreamble
                    + [
                        PostgresStatement(
                            """
                            INSERT INTO writers (id, token) VALUES ($1, $2)
                            ON CONFLICT (id) DO UPDATE SET token = excluded.token, at = now()
                            RETURNING pg_current_xact_id()::text::bigint
                            """, .text(id), .int(session.token))
                    ])
            let batch = try perform(jobs, connection)
            // Without a result, nothing has been sent yet.
            let transaction = try connection.deferredResults.last?.first?.int(0) ?? 0
            try commit(transaction, connection, session)
            JournalMetrics.committed(after: start.duration(to: .now))
            progress.withLock { progress in
                for (lease, place) in batch.places {
                    progress.setEvents(of: lease, to: (next: place.next, bytes: place.bytes))
                }
            }
            return batch.outcomes
        } catch {
            // A read-only session stays read-only: reconnects, because another server may be the primary now.
            if (error as? PostgresError)?.state == "25006" { connection.discard() }
            if connection.isBroken {
                session.connection = nil
            } else {
                connection.dropDeferred()
                _ = try? connection.execute("ROLLBACK")
                if connection.isBroken { session.connection = nil }
            }
            throw error
        }
    }

    private func commit(_ transaction: Int64, _ connection: PostgresConnection, _ session: Session) throws {
        do throws(PostgresError) {
            try connection.execute("COMMIT")
        } catch {
            guard error.isConnectionLost, try wasCommitted(transaction, session) else { throw error }
        }
    }

    private func connect(_ session: Session) throws(PostgresError) -> PostgresConnection {
        if let connection = session.connection, !connection.isBroken { return connection }
        session.connection = nil
        let connection = try PostgresConnection(options)
        session.connection = connection
        return connection
    }

    /// Finds out what became of a transaction whose answer to COMMIT was lost, so that it is neither lost nor doubled.
    ///
    /// It was committed if its token is there. The status says only whether that is decided: a server that crashed may
    /// give the transaction's id to another one.
    private func wasCommitted(_ transaction: Int64, _ session: Session) throws(JournalError) -> Bool {
        let end = ContinuousClock().now + .seconds(60)
        session.connection = nil
        while true {
            var isOver = ContinuousClock().now >= end
            do {
                let connection = try connect(session)
                if try !isInProgress(transaction, connection) {
                    let rows = try connection.pipeline(
                        [PostgresStatement("BEGIN")] + options.transactionPreamble + [
                            PostgresStatement("SELECT token FROM writers WHERE id = $1", .text(id)),
                            PostgresStatement("COMMIT"),
                        ])
                    return try rows.dropLast().last?.first?.int(0) == session.token
                }
            } catch {
                session.connection = nil
                isOver = isOver || !((error as? PostgresError).map(Self.mayPass) ?? false)
            }
            // Not to be repeated, since it may have been made.
            guard !isOver else {
                throw JournalError(
                    .unreachable, "the journal \(place) was lost during a write, which may or may not have been made")
            }
            pauseThread(.milliseconds(100))
        }
    }

    private func isInProgress(_ transaction: Int64, _ connection: PostgresConnection) throws -> Bool {
        do throws(PostgresError) {
            return try connection.execute(
                "SELECT coalesce(pg_xact_status($1::text::xid8) = 'in progress', false)", .text("\(transaction)")
            ).first?.bool(0) ?? false
        } catch {
            // After a crash the id may not have been given to a transaction yet.
            guard error.state == "22023" else { throw error }
            return false
        }
    }
}

/// How long attempts to reach the database go on. The time begins with the first loss, since a peer that vanished
/// silently is noticed late: there is always a second attempt, on a new connection.
struct PostgresPatience {
    /// nil for a single attempt.
    private let limit: Duration?
    private var end: ContinuousClock.Instant?

    init(_ limit: Duration?) {
        self.limit = limit
    }

    /// Called after each loss.
    mutating func allowsAnotherAttempt() -> Bool {
        guard let limit else { return false }
        let now = ContinuousClock().now
        if let end { return now < end }
        end = now + limit
        return true
    }
}

typealias PostgresOutcome = Result<any Sendable, JournalError>

/// What belongs to one queue.
///
/// `@unchecked`: whoever makes one uses `value` on one serial queue alone.
final class Confined<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) {
        self.value = value
    }
}
