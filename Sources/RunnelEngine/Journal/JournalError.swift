public import RunnelKit

/// An error of the journal, with a message for operators.
public struct JournalError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure it is. The text is stable and meant for programs.
    public enum Code: String, ErrorCode, CustomStringConvertible {
        /// There is no space left on the disk.
        case full = "journal-full"
        /// The files cannot be written.
        case readOnly = "journal-read-only"
        /// The journal, or one value in it, is damaged.
        case corrupt = "journal-corrupt"
        /// A newer version of Runnel has written the journal.
        case newer = "journal-newer"
        /// An older version of Runnel has written the journal, and the command changes nothing.
        case older = "journal-older"
        /// The journal was removed or replaced while it was in use.
        case gone = "journal-gone"
        /// Another process holds the journal for too long.
        case busy = "journal-busy"
        /// The database cannot be reached, or refuses the connection.
        case unreachable = "journal-unreachable"
        /// The journal was closed by this process.
        case closed = "journal-closed"
        /// Anything else that the disk or the database reports.
        case failed = "journal-failed"
        /// The run belongs to another worker by now.
        case leaseLost = "lease-lost"
        /// The journal does not know the worker any more.
        case workerUnknown = "worker-unknown"

        /// The heading in the reference.
        public static let part = RunErrorCode.part

        /// The code.
        public var description: String { rawValue }

        /// What it means, and what to do.
        public var explanation: ErrorExplanation {
            switch self {
            case .full:
                ErrorExplanation(
                    "there is no space left to write the journal …", "there is no space left to write …",
                    hints: "make room on the disk of PostgreSQL; nothing that was accepted is lost",
                    "make room on the disk; nothing that was accepted is lost")
            case .readOnly:
                ErrorExplanation(
                    "the journal … cannot be written: …", "… cannot be written: …",
                    hints: "let `journal.url` lead to the primary: add `?target_session_attrs=read-write`",
                    "give the user the right to create and write the tables of the schema",
                    "let the user who runs Runnel write there")
            case .corrupt:
                ErrorExplanation(
                    "the journal … is damaged: …", "the journal … is empty, such as after a full disk or a failed copy",
                    "the journal holds a damaged value: …",
                    "the journal … holds a damaged value: …", "the journal holds a value that is not JSON",
                    "the file … is missing, which holds a large value",
                    "the file … is damaged, which holds a large value",
                    "the journal holds a trigger without its part \"…\"", hints: "restore the database from a backup",
                    "the run that it belongs to can be sent again with `runnel runs retry`",
                    "restore a backup with `runnel journal restore --replace`, or remove the file to begin a new journal",
                    "the run cannot be retried without it; put it back from a backup of the journal",
                    "move it away and Runnel begins a new one; `sqlite3 … .recover` may save what is in it")
            case .newer:
                ErrorExplanation(
                    "the journal … was written by a newer version of Runnel",
                    hints: "use that version, or another schema", "use that version, or another folder")
            case .older:
                ErrorExplanation(
                    "the journal … was written by an older version of Runnel",
                    hints: "`runnel journal migrate` brings it up to date, and so does starting `runnel serve`",
                    "`runnel journal migrate` in its project brings it up to date; restore a backup first")
            case .gone:
                ErrorExplanation(
                    "the tables of the journal … are gone: …",
                    "the journal … was removed or replaced while it was in use",
                    hints: "put them back, or start Runnel again to begin a new journal",
                    "put it back, or start Runnel again to begin a new one")
            case .busy:
                ErrorExplanation(
                    "the journal … is in use", "the journal to be … is in use: …",
                    "the journal … has no connection left: …", "the journal … did not answer in time: …",
                    "a read of the journal … was given up before it began",
                    "the journal … is held by another process for too long",
                    "another process says that it is the worker …", hints: "stop Runnel first",
                    "stop Runnel there; a process that was killed goes from the list with the next `runnel runs resume`",
                    "raise `max_connections` of PostgreSQL, or lower `journal.pool`",
                    "raise the CONNECTION LIMIT of the role or database that it names, or lower `journal.pool`",
                    "look for long transactions in `pg_stat_activity`",
                    "a program that looks into the file must not keep a transaction open")
            case .unreachable:
                ErrorExplanation(
                    "the journal … cannot be reached: …", "the journal … refused the connection: …",
                    "the journal … was lost during a write, which may or may not have been made",
                    "the journal cannot be opened: `journal.password`: …",
                    hints: "start PostgreSQL, and check `journal.url`; nothing that was accepted is lost",
                    "check the user in `journal.url` and `journal.password`", "create the database with `createdb`",
                    "set it where Runnel is started, or change `journal.password` in runnel.yaml")
            case .closed: ErrorExplanation("the journal is closed")
            case .failed:
                ErrorExplanation(
                    "the folder … exists already", "the journal changed too often to be backed up",
                    "… is no backup: it has no journal.db", "there is a journal already: …",
                    "a journal in memory cannot be copied", "the journal to be copied to is not empty: it has … run…",
                    "the journal … failed: …", "the journal cannot be opened: …", "the journal … failed: … […]",
                    "the schema of the journal … holds tables of another program: …",
                    "the database … has the encoding …, and the journal needs UTF8",
                    "a restore of the journal … was interrupted", "a write came to no result",
                    "the file … was removed before the run that it belongs to was written",
                    hints: "name a new folder; a backup replaces nothing", "try again when fewer runs are removed",
                    "name a folder of `runnel journal backup`", "--replace moves it aside",
                    "run `runnel journal restore` again; or remove ….restored to begin a new journal",
                    "name a schema as `journal.schema` that only Runnel uses",
                    "create one with `createdb --encoding=UTF8 --template=template0`",
                    "copy into a new schema or folder", "… has to be a folder; move away what is there",
                    "let the user who runs Runnel enter …, and read and write what is in it")
            case .leaseLost:
                ErrorExplanation(
                    "the run … is now owned by another process",
                    hints: "this process was stopped, or could not reach the journal, for too long")
            case .workerUnknown:
                ErrorExplanation(
                    "the journal no longer knows the worker …",
                    hints: "it could not renew its heartbeat in time; it joins again automatically")
            }
        }
    }

    package var code: Code
    package var message: String
    package var hint: String?

    /// Whether only a value of one run is damaged, and the rest of the journal is intact.
    public var isOfOneRun = false

    package init(_ code: Code, _ message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }

    /// The tables are those of an older version, which only commands that write migrate.
    ///
    /// - Parameter place: The file or the database, for people.
    package static func older(_ place: String) -> JournalError {
        JournalError(
            .older, "the journal \(place) was written by an older version of Runnel",
            hint: "`runnel journal migrate` brings it up to date, and so does starting `runnel serve`")
    }

    /// Another process owns the run; nothing was written.
    public static func leaseLost(_ runID: String) -> JournalError {
        JournalError(
            .leaseLost, "the run \(runID) is now owned by another process",
            hint: "this process was stopped, or could not reach the journal, for too long")
    }

    /// The worker is not registered; nothing was written.
    public static func workerUnknown(_ worker: WorkerID) -> JournalError {
        JournalError(
            .workerUnknown, "the journal no longer knows the worker \(worker)",
            hint: "it could not renew its heartbeat in time; it joins again automatically")
    }

    /// The message and, behind a semicolon, the hint.
    public var description: String {
        hint.map { "\(message); \($0)" } ?? message
    }
}
