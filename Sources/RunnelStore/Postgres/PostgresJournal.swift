import LibC
import PostgresClient
public import RunnelEngine
public import RunnelKit

/// A journal in PostgreSQL, shared by the workers of several machines.
///
/// Group commit: writes that arrive during a transaction share the next one. No file stands beside the database, since
/// another machine must be able to resume each run.
public final class PostgresJournal: Journal {
    let readers: PostgresReaders
    let committer: PostgresCommitter
    /// nil with `notify: off`.
    let listener: PostgresListener?
    /// The locks of this machine's workers; nil without a folder.
    let locks: WorkerLocks?
    let host: String
    /// Whether a proxy such as PgBouncer was found between this process and the database; nil where it was not looked for.
    public let isBehindProxy: Bool?
    /// Cached progress of runs that this process works on.
    let progress: RunProgressCache
    let soon: SoonCommits
    let clock = ContinuousClock()

    /// Connects, and creates or migrates the tables.
    public static func open(_ configuration: PostgresJournalConfiguration) throws(JournalError) -> PostgresJournal {
        var configuration = configuration
        let options = plainOptions(configuration)
        var isDirect: Bool?
        do {
            try options.check()
            let connection = try PostgresConnection(options)
            if configuration.notifications == .auto {
                isDirect = try connection.isDirect()
                if isDirect == false { configuration.notifications = .off }
            }
            try PostgresSchema.migrate(connection, schema: configuration.schema, place: options.place)
        } catch {
            throw JournalError(error, at: options.place)
        }
        if let directory = configuration.directory { try JournalFile(directory: directory).makeDirectory() }
        return PostgresJournal(configuration, place: options.place, isBehindProxy: isDirect.map { !$0 })
    }

    /// Connects; nil where there are no tables, so that looking creates none.
    ///
    /// - Parameters:
    ///   - configuration: Where the journal is.
    ///   - migrates: Whether the tables of an older version are migrated; otherwise they are refused.
    public static func openExisting(
        _ configuration: PostgresJournalConfiguration, migrates: Bool
    ) throws(JournalError) -> PostgresJournal? {
        let options = plainOptions(configuration)
        do {
            try options.check()
            let connection = try PostgresConnection(options)
            guard
                let isCurrent = try PostgresSchema.isCurrent(
                    connection, schema: configuration.schema, place: options.place)
            else { return nil }
            guard migrates || isCurrent else { throw JournalError.older(options.place) }
        } catch {
            throw JournalError(error, at: options.place)
        }
        return try open(configuration)
    }

    /// Without settings of a session, which a proxy would give to others.
    private static func plainOptions(_ configuration: PostgresJournalConfiguration) -> PostgresOptions {
        var options = configuration.options(statementTimeout: 0)
        (options.preamble, options.prepares) = ([], false)
        return options
    }

    /// What works otherwise behind a proxy, in a sentence.
    public static let proxyNotice =
        "a proxy such as PgBouncer is in front of the database, so workers look for runs every second instead of being woken"

    private init(_ configuration: PostgresJournalConfiguration, place: String, isBehindProxy: Bool?) {
        self.isBehindProxy = isBehindProxy
        let notifies = configuration.notifications != .off
        let pool = max(PostgresJournalConfiguration.minimumPool, configuration.pool)
        // One connection for the listener, two for writers if there are enough, and the rest for readers.
        let writers = pool >= 4 ? 2 : 1
        let readerCount = max(1, pool - writers - (notifies ? 1 : 0))
        readers = PostgresReaders(
            count: readerCount, options: configuration.options(statementTimeout: 30), place: place,
            patience: configuration.patience)
        listener =
            notifies
            ? PostgresListener(options: configuration.options(statementTimeout: 10), schema: configuration.schema) : nil
        locks = configuration.directory.map { WorkerLocks(directory: $0 + "/workers") }
        host = configuration.host
        let progress = RunProgressCache()
        self.progress = progress
        let writing = configuration.options(statementTimeout: 60)
        let committer = PostgresCommitter(
            writers: (0..<writers).map { number in
                PostgresWriter(
                    number, options: writing, place: place, progress: progress, patience: configuration.patience
                ) { jobs, connection in try Self.perform(jobs, progress, connection) }
            })
        self.committer = committer
        soon = SoonCommits { commit in
            committer.submit(
                PostgresCommitter.Job(work: .commit(PostgresCommit(commit)), keys: [commit.runID]) { result in
                    guard case .failure(let error) = result else { return }
                    progress.withLock { $0.fail(commit.lease, error) }
                })
        }
    }

    /// Performs the writes of a batch in a transaction: first what is accepted, then claims, commits and the rest.
    private static func perform(
        _ jobs: [PostgresCommitter.Job], _ progress: RunProgressCache, _ connection: PostgresConnection
    ) throws -> PostgresBatch {
        var accepts: [(index: Int, work: PostgresNewRun)] = []
        var claims: [(index: Int, work: PostgresClaim)] = []
        var commits: [(index: Int, work: PostgresCommit)] = []
        for (index, job) in jobs.enumerated() {
            switch job.work {
            case .accept(let run): accepts.append((index, run))
            case .claim(let claim): claims.append((index, claim))
            case .commit(let commit): commits.append((index, commit))
            case .other: break
            }
        }
        var outcomes: [PostgresOutcome?] = jobs.map { _ in nil }
        func answer<Work, Answer: Sendable>(
            _ work: [(index: Int, work: Work)], _ body: ([Work]) throws -> [Result<Answer, JournalError>]
        ) throws {
            guard !work.isEmpty else { return }
            for (item, result) in zip(work, try body(work.map(\.work))) { outcomes[item.index] = result.map { $0 } }
        }
        var places: [Lease: PostgresEventPlace] = [:]
        try answer(accepts) { try accept($0, connection) }
        try answer(claims) { try claim($0, connection) }
        try answer(commits) { try write($0, progress, places: &places, connection) }
        for (index, job) in jobs.enumerated() {
            guard case .other(let work) = job.work else { continue }
            do {
                outcomes[index] = .success(try work(connection))
            } catch let error as JournalError {
                outcomes[index] = .failure(error)
            }
        }
        return PostgresBatch(
            outcomes: outcomes.map { $0 ?? .failure(JournalError(.failed, "a write came to no result")) },
            places: places)
    }

    /// Notifications of other processes that runs were queued.
    public func queueSignals() -> AsyncStream<Void> {
        listener?.signals() ?? AsyncStream { $0.finish() }
    }

    public func close() async {
        locks?.letGoOfAll()
        soon.flush()
        await committer.close()
        listener?.close()
        await readers.close()
    }
}

/// What became of the jobs of a transaction.
struct PostgresBatch {
    let outcomes: [PostgresOutcome]
    /// Where the events of runs go on, once the transaction is on disk.
    let places: [Lease: PostgresEventPlace]
}

/// Where the journal is, and how it is used.
public struct PostgresJournalConfiguration: Sendable {
    /// A URL or keywords as libpq reads them; what is missing comes from the variables `PGHOST`, `PGUSER` and so on.
    public var url: String
    /// Wins over a password in the URL.
    public var password: String?
    /// Returns the password for each new connection, so that it can be rotated. Overrides ``password``, even with
    /// nil.
    public var passwordSource: (@Sendable () -> Result<String?, UnavailableSecret>)?
    /// The schema of the database that holds the tables.
    public var schema = "runnel"
    /// Whether workers wake each other, which takes a session of its own. Without, they poll, and no setting of a
    /// session is relied upon: for a proxy such as PgBouncer that gives each transaction another session.
    public var notifications = JournalNotifications.auto
    /// The maximum number of connections.
    public var pool = 6
    /// The project's folder for what belongs to one machine: the locks by which its processes see each other's end.
    public var directory: String?
    /// The name of this machine.
    public var host = ""
    /// How long a read or a batch of writes is repeated after the connection was lost.
    var patience = Duration.seconds(5)

    /// The least number of connections that a worker can do with.
    public static let minimumPool = 3

    /// The journal at this URL.
    public init(url: String) {
        self.url = url
    }

    /// - Parameter statementTimeout: In seconds; 0 for none.
    func options(statementTimeout: Int) -> PostgresOptions {
        var options = PostgresOptions(
            url: url, password: password, application: host.isEmpty ? "runnel" : "runnel \(host)",
            preamble: [
                "SET search_path TO \(PostgresSchema.quoted(schema))",
                "SET statement_timeout TO \(statementTimeout * 1000)",
                "SET lock_timeout TO \(statementTimeout * 500)",
                // A worker that stands still in a transaction gives its row locks back before its runs are taken over.
                "SET idle_in_transaction_session_timeout TO 10000",
                "SET default_transaction_isolation TO 'read committed'",
                // What is acknowledged is on disk, whatever the server's default is.
                "SET synchronous_commit TO on", "SET jit TO off",
            ], prepares: notifications != .off)
        if let passwordSource {
            options.passwordSource = { () throws(PostgresError) -> String? in
                switch passwordSource() {
                case .success(let password): return password
                case .failure(let problem):
                    throw PostgresError(
                        .connection, "`journal.password` \(problem.predicate)",
                        hint: "give it a value; Runnel tries again, and nothing that was accepted is lost")
                }
            }
        }
        return options
    }

    /// The database, for people; without a password.
    public var place: String { options(statementTimeout: 0).place }
}
