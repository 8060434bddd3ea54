import LibC
import RunnelEngine
import RunnelKit
import RunnelStore
internal import RunnelSupport

/// Opens the journal of a project and identifies this process in it.
enum JournalSetup {
    /// Prints the error, and exits the command.
    static func open(_ project: Project, hint: String? = nil) throws -> any Journal {
        do {
            return try journal(of: project)
        } catch {
            let status = error.reported()
            if let hint { Streams.error.write("  = \(hint)\n") }
            throw status
        }
    }

    /// Opens the journal that the settings name.
    private static func journal(of project: Project) throws(JournalError) -> any Journal {
        guard let configuration = try configuration(of: project) else {
            return try SQLiteJournal.open(directory: project.stateDirectory)
        }
        return try PostgresJournal.open(configuration)
    }

    /// The database of `journal.url`; nil without one.
    static func configuration(of project: Project) throws(JournalError) -> PostgresJournalConfiguration? {
        let settings = project.settings.journal
        guard let url = settings.url?.text else { return nil }
        var configuration = PostgresJournalConfiguration(url: url)
        try setPassword(of: project, in: &configuration)
        configuration.schema = settings.schema.text
        configuration.notifications = settings.notify
        configuration.pool = settings.pool
        configuration.directory = project.stateDirectory
        configuration.host = hostName(settings)
        return configuration
    }

    /// Makes each new connection read `journal.password`.
    static func setPassword(
        of project: Project, in configuration: inout PostgresJournalConfiguration
    ) throws(JournalError) {
        let password = project.journalPassword
        if case .failure(let problem)? = password.value?() {
            throw JournalError(
                .unreachable, "the journal cannot be opened: `journal.password`: \(problem.reason)",
                hint: "set it where Runnel is started, or change `journal.password` in runnel.yaml")
        }
        configuration.passwordSource = {
            guard let read = password.value else { return .success(nil) }
            return read().map(Optional.some)
        }
    }

    /// The journal that the settings name; nil where there is none yet, so that looking creates none.
    ///
    /// - Parameters:
    ///   - project: Its settings name the journal.
    ///   - migrates: Whether a journal of an older version is migrated; otherwise it is refused.
    static func existing(of project: Project, migrates: Bool) throws(JournalError) -> (any Journal)? {
        if let configuration = try configuration(of: project) {
            return try PostgresJournal.openExisting(configuration, migrates: migrates)
        }
        guard exists(in: project.stateDirectory) else { return nil }
        return try SQLiteJournal.open(directory: project.stateDirectory, migrates: migrates)
    }

    /// Where the journal is, or will be, for people.
    static func place(of project: Project) throws(JournalError) -> String {
        guard let configuration = try configuration(of: project) else { return project.stateDirectory }
        return place(of: configuration)
    }

    static func place(of configuration: PostgresJournalConfiguration) -> String {
        "the schema \"\(configuration.schema)\" of \(configuration.place)"
    }

    /// Whether the folder has a journal. One that cannot be reached, or is not restored yet, counts: opening it says why.
    static func exists(in folder: String) -> Bool {
        access(folder + "/journal.db", F_OK) == 0 || errno != ENOENT || JournalBackup.isInterrupted(in: folder)
    }

    /// - Parameter role: The role of the process, for diagnosis.
    static func identity(role: String, _ settings: JournalSettings) -> WorkerRecord {
        let now = WallClock.nanoseconds()
        return WorkerRecord(
            id: WorkerID(UUIDv7.make(nanoseconds: now)), processID: getpid(), host: hostName(settings), role: role,
            version: RunnelCommand.version, startedAt: now)
    }

    /// The name of this machine in the journal.
    static func hostName(_ settings: JournalSettings) -> String {
        if let machine = settings.machine, !machine.isEmpty { return machine }
        return hostName()
    }

    static func hostName() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
        return String(upToNUL: buffer)
    }
}

extension JournalError {
    /// Prints the error.
    ///
    /// - Returns: The exit status to throw.
    func reported() -> ExitStatus { .runFailed.reporting("\(message) [\(code)]", hint: hint) }
}

/// Runs `body`, and prints errors of the journal.
///
/// - Parameter journal: Closed when `body` has returned or thrown.
func withJournalErrors<Result>(
    closing journal: (any Journal)? = nil, _ body: () async throws -> Result
) async throws -> Result {
    do {
        let result = try await body()
        await journal?.close()
        return result
    } catch let error as JournalError {
        await journal?.close()
        throw error.reported()
    } catch {
        await journal?.close()
        throw error
    }
}
