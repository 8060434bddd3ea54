import PostgresClient
import RunnelEngine

extension JournalError {
    /// Converts an error of the database or of its client.
    ///
    /// - Parameter place: The database, for people.
    init(_ error: any Error, at place: String) {
        guard let error = error as? PostgresError else {
            self = error as? JournalError ?? JournalError(.failed, "the journal \(place) failed: \(error)")
            return
        }
        switch error.kind {
        case .library, .settings: self.init(.failed, "the journal cannot be opened: \(error.message)", hint: error.hint)
        case .connection:
            self.init(
                .unreachable, "the journal \(place) cannot be reached: \(error.message)",
                hint: error.hint ?? "start PostgreSQL, and check `journal.url`; nothing that was accepted is lost")
        case .timeout: self = .slow(place, error.message)
        case .answer: self = .damaged(error.message)
        case .server(let state): self.init(state: state, error.message, at: place)
        }
    }

    private init(state: String, _ message: String, at place: String) {
        switch state {
        case "53100":
            self.init(
                .full, "there is no space left to write the journal \(place)",
                hint: "make room on the disk of PostgreSQL; nothing that was accepted is lost")
        case "53300" where message.contains("too many connections for"):
            self.init(
                .busy, "the journal \(place) has no connection left: \(message)",
                hint: "raise the CONNECTION LIMIT of the role or database that it names, or lower `journal.pool`")
        case "53300", "53400":
            self.init(
                .busy, "the journal \(place) has no connection left: \(message)",
                hint: "raise `max_connections` of PostgreSQL, or lower `journal.pool`")
        case "55P03", "57014": self = .slow(place, message)
        case "25006":
            self.init(
                .readOnly, "the journal \(place) cannot be written: \(message)",
                hint: "let `journal.url` lead to the primary: add `?target_session_attrs=read-write`")
        case "42501":
            self.init(
                .readOnly, "the journal \(place) cannot be written: \(message)",
                hint: "give the user the right to create and write the tables of the schema")
        case "3F000", "42P01":
            self.init(
                .gone, "the tables of the journal \(place) are gone: \(message)",
                hint: "put them back, or start Runnel again to begin a new journal")
        case "42P07", "42703":
            self.init(
                .failed, "the schema of the journal \(place) holds tables of another program: \(message)",
                hint: "name a schema as `journal.schema` that only Runnel uses")
        case "XX001", "XX002":
            self.init(
                .corrupt, "the journal \(place) is damaged: \(message)", hint: "restore the database from a backup")
        case _ where state.hasPrefix("28"):
            self.init(
                .unreachable, "the journal \(place) refused the connection: \(message)",
                hint: "check the user in `journal.url` and `journal.password`")
        case "3D000":
            self.init(
                .unreachable, "the journal \(place) refused the connection: \(message)",
                hint: "create the database with `createdb`")
        case _ where state.hasPrefix("08") || state.hasPrefix("57P"):
            self.init(
                .unreachable, "the journal \(place) cannot be reached: \(message)",
                hint: "start PostgreSQL, and check `journal.url`; nothing that was accepted is lost")
        default: self.init(.failed, "the journal \(place) failed: \(message) [\(state)]")
        }
    }

    private static func slow(_ place: String, _ message: String) -> JournalError {
        JournalError(
            .busy, "the journal \(place) did not answer in time: \(message)",
            hint: "look for long transactions in `pg_stat_activity`")
    }
}
