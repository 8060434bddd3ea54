import ArgumentParser
import RunnelEngine
import RunnelKit
import RunnelStore
internal import RunnelSupport

/// `runnel journal`
struct JournalCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "journal", abstract: "Create, copy and back up the journal, where runs are kept.",
        discussion: HelpText.text(
            examples: [
                "runnel journal backup /var/backups/runnel": "A copy of the journal, also while it is in use."
            ]),
        subcommands: [
            JournalMigrateCommand.self, JournalCopyCommand.self, JournalBackupCommand.self,
            JournalRestoreCommand.self,
        ])
}

/// `runnel journal migrate`
struct JournalMigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Create or upgrade the tables of the journal.",
        discussion: HelpText.text(
            "Commands that write do it by themselves; this one does it before a rollout, and nothing else.",
            examples: ["runnel journal migrate": "Once, before the new version is started everywhere."]))

    @OptionGroup var options: ProjectOptions

    func run() async throws {
        let project = try options.project(runsCommands: true)
        let journal = try JournalSetup.open(project)
        await journal.close()
        let place = try await withJournalErrors { try JournalSetup.configuration(of: project)?.place }
        Streams.output.write("the tables of \(place ?? project.stateDirectory + "/journal.db") are up to date\n")
    }
}

/// `runnel journal copy`
struct JournalCopyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "copy", abstract: "Copy a journal to another database.",
        discussion: HelpText.text(
            """
            Each side is a folder (`.runnel`, with a journal of SQLite) or the URL of a database of PostgreSQL. No process \
            may use either. A copy that is cut off goes on where it was. At the end the rows of both sides are counted. \
            A journal of an older version is refused: migrate it first.
            """,
            examples: [
                "runnel journal copy .runnel postgres://runnel@db.example.org/runnel":
                    "Moves a project to PostgreSQL; then name the URL as `journal.url`.",
                "runnel journal copy postgres://runnel@db.example.org/runnel backup/.runnel": "And back.",
            ]))

    @OptionGroup var options: ProjectOptions
    @Argument(help: "The journal to copy from: a folder or a URL.") var from: String
    @Argument(help: "The journal to copy to: a folder or a URL.") var to: String

    func validate() throws {
        for journal in [from, to] { try FolderArgument.check(journal) }
    }

    func run() async throws {
        let project = try options.project(runsCommands: true)
        try await withJournalErrors {
            let source = try Self.source(from, project)
            do {
                let target = try Self.open(to, project, isNew: true)
                let copy = try JournalCopy(
                    from: source, to: target, host: JournalSetup.hostName(project.settings.journal))
                let counts = try await copy.run { table, rows in
                    if rows.isMultiple(of: 10_000) { Streams.error.write("\(table): \(rows) rows\n") }
                }
                await target.close()
                await source.close()
                var isSame = true
                for count in counts {
                    let mark = count.source == count.target ? "" : "  expected \(count.source)"
                    isSame = isSame && count.source == count.target
                    Streams.output.write("\(count.table.padded(to: 18))\(count.target)\(mark)\n")
                }
                guard isSame else {
                    throw ExitStatus.runFailed.reporting(
                        "the journals are not the same; copy again into a new schema or folder")
                }
                Streams.output.write("copied: both journals have the same numbers of rows\n")
            } catch {
                await source.close()
                throw error
            }
        }
    }

    /// Opens the journal to copy from, which is not migrated.
    private static func source(_ place: String, _ project: Project) throws -> any Journal {
        do {
            return try open(place, project, isNew: false)
        } catch var error as JournalError where error.code == .older {
            error.hint = "`runnel journal migrate` in its project brings it up to date; restore a backup first"
            throw error
        }
    }

    private static func open(
        _ place: String, _ project: Project, isNew: Bool
    ) throws -> any Journal {
        if place.contains("://") {
            // Not quoted: it may hold a password.
            guard place.hasPrefix("postgres://") || place.hasPrefix("postgresql://") else {
                throw JournalError(
                    .failed, "the journal cannot be opened: the URL of the database begins with no \"postgres://\"",
                    hint: "write \"postgres://user@host/database\"")
            }
            var configuration = PostgresJournalConfiguration(url: place)
            configuration.schema = project.settings.journal.schema.text
            try JournalSetup.setPassword(of: project, in: &configuration)
            if isNew { return try PostgresJournal.open(configuration) }
            guard let journal = try PostgresJournal.openExisting(configuration, migrates: false) else {
                throw JournalError(
                    .failed, "there is no journal in \(JournalSetup.place(of: configuration))",
                    hint: "`journal.schema` names another schema")
            }
            return journal
        }
        let folder = FileReading.absolute(place)
        guard isNew || JournalSetup.exists(in: folder) else {
            throw JournalError(
                .failed, "there is no journal in \(folder)", hint: "name the folder that holds journal.db, or a URL")
        }
        return try SQLiteJournal.open(directory: folder, migrates: isNew)
    }
}

/// `runnel journal backup`
struct JournalBackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Back up a journal of SQLite while it is in use.",
        discussion: HelpText.text(
            "A journal in PostgreSQL is backed up as any database: `pg_dump --schema=runnel`.",
            examples: ["runnel journal backup /var/backups/runnel": "Into a new folder."]))

    @OptionGroup var options: ProjectOptions
    @Argument(help: "The new folder.") var folder: String

    func validate() throws { try FolderArgument.check(folder) }

    func run() async throws {
        let project = try options.project(runsCommands: true)
        let journal = try options.journal(of: project)
        try await withJournalErrors(closing: journal) {
            guard let journal = journal as? SQLiteJournal else {
                throw JournalError.inPostgres(
                    "back it up with `pg_dump --schema=\(project.settings.journal.schema.text)`")
            }
            let report = try await JournalBackup.write(journal, to: FileReading.absolute(folder))
            Streams.output.write("\(report.runs) run\(report.runs == 1 ? "" : "s") backed up to \(folder)\n")
            Self.warn(of: report.lostValues, "not in the backup")
        }
    }

    /// Tells how many large values a backup or a restored journal does not have.
    static func warn(of lostValues: Int, _ words: String) {
        guard lostValues > 0 else { return }
        let (values, files) =
            lostValues == 1
            ? ("1 large value is", "its file is") : ("\(lostValues) large values are", "their files are")
        Streams.error.write("warning: \(values) \(words): \(files) missing or damaged\n")
        Streams.error.write("  = `runnel doctor` names the runs\n")
    }
}

extension JournalError {
    /// The error of a command that is only for journals in SQLite.
    fileprivate static func inPostgres(_ hint: String) -> JournalError {
        JournalError(.failed, "the journal is in PostgreSQL", hint: hint)
    }
}

/// `runnel journal restore`
struct JournalRestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Put a backup in the place of the project's journal.",
        discussion: HelpText.text(
            """
            Runs that had not ended when the backup was made go on when Runnel starts, and ticks since then were missed. \
            A journal that is replaced has the form of a backup, so it can be restored as well.
            """,
            examples: ["runnel journal restore /var/backups/runnel": "Where there is no journal yet."]))

    @OptionGroup var options: ProjectOptions
    @Argument(help: "The folder of the backup.") var folder: String
    @Flag(help: "Move a journal that is there aside, to the folder before-restore or a name with a number.")
    var replace = false

    func validate() throws { try FolderArgument.check(folder) }

    func run() async throws {
        let project = try options.project(runsCommands: true)
        let restored = try await withJournalErrors {
            guard project.settings.journal.url == nil else {
                throw JournalError.inPostgres(
                    "`runnel journal copy \(folder) URL` puts this backup into an empty schema; `psql` and `pg_restore` "
                        + "read what `pg_dump` wrote")
            }
            return try await JournalBackup.restore(
                FileReading.absolute(folder), to: project.stateDirectory, replaces: replace)
        }
        if let replaced = restored.replaced { Streams.error.write("\(replaced) is now the journal that was there\n") }
        JournalBackupCommand.warn(of: restored.lostValues, "not restored")
        if restored.openRuns > 0 {
            let runs =
                restored.openRuns == 1
                ? "1 run has not ended and goes" : "\(restored.openRuns) runs have not ended and go"
            Streams.error.write("\(runs) on when Runnel starts\n")
            Streams.error.write(
                "  = `runnel runs cancel ID` before that cancels a run; `runnel runs list` shows them\n")
        }
        Streams.output.write("restored to \(project.stateDirectory)\n")
    }
}
