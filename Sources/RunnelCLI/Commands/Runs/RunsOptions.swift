import ArgumentParser
import RunnelEngine
import RunnelKit

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The options that all commands on a project share.
struct ProjectOptions: ParsableArguments {
    @Option(
        name: .customLong("project"), help: "The project's folder, if it is not the current folder or one above it.",
        completion: .directory)
    var directory: String?

    @Option(
        name: .customLong("config"), help: "Use this configuration instead of the nearest `runnel.yaml`.",
        completion: .file())
    var config: String?

    /// The project of a file: the one that was named, or the nearest. A stream belongs to the current folder.
    ///
    /// - Parameters:
    ///   - hasSecrets: Whether secrets and the environment are read.
    ///   - runsCommands: Whether secrets of commands are fetched.
    func find(
        near file: String, hasSecrets: Bool = true, runsCommands: Bool = false
    ) throws(FileReading.Failure) -> Result<Project, InvalidConfiguration> {
        let start = FileReading.isStream(file) ? "." : FileReading.folder(of: FileReading.absolute(file))
        return try Project.find(
            from: folder() ?? FileReading.absolute(start), config: config,
            environment: ProcessInfo.processInfo.environment, hasSecrets: hasSecrets, runsCommands: runsCommands)
    }

    /// The same options for the project of a folder, unless they name one.
    func near(_ folder: String) -> ProjectOptions {
        var options = self
        options.directory = directory ?? folder
        return options
    }

    /// The folder that was named.
    func folder() throws(FileReading.Failure) -> String? {
        guard let directory else { return nil }
        try FileReading.checkFolder(directory)
        return FileReading.absolute(directory)
    }

    /// The project that was named, or that of the current folder.
    ///
    /// - Parameters:
    ///   - runsCommands: Whether secrets of commands are fetched.
    ///   - seal: See ``Project/find(from:config:environment:hasSecrets:runsCommands:seal:)``.
    func find(
        runsCommands: Bool, seal: SecretSeal? = nil
    ) throws(FileReading.Failure) -> Result<Project, InvalidConfiguration> {
        if directory == nil { try FileReading.checkCurrentFolder() }
        return try Project.find(
            from: folder() ?? FileReading.absolute("."), config: config,
            environment: ProcessInfo.processInfo.environment, runsCommands: runsCommands, seal: seal)
    }

    /// Prints the error, and exits the command.
    ///
    /// - Parameters:
    ///   - runsCommands: Whether secrets of commands are fetched; commands that only look execute nothing.
    ///   - saysProblems: Whether warnings about the configuration are printed.
    func project(runsCommands: Bool = false, saysProblems: Bool = true) throws -> Project {
        do {
            let project = try find(runsCommands: runsCommands).mapError { $0.reported() }.get()
            if saysProblems { DiagnosticOutput.write([project.report], format: .text, redactor: project.redactor) }
            return project
        } catch let error as FileReading.Failure {
            throw ExitStatus.usage.reporting(error.message)
        }
    }

    /// The journal of the project. It is not created if it does not exist.
    ///
    /// - Parameters:
    ///   - project: Its settings name the journal.
    ///   - migrates: Whether a journal of an older version is migrated. Read-only commands refuse it.
    func journal(of project: Project, migrates: Bool = false) throws -> any Journal {
        do throws(JournalError) {
            if let journal = try JournalSetup.existing(of: project, migrates: migrates) { return journal }
            if project.settings.journal.url != nil {
                let place = try JournalSetup.place(of: project)
                Streams.error.write(
                    problem: "no runs have been kept in \(place)",
                    hint: "the first run creates the tables; `journal.schema` names another schema")
            } else {
                Streams.error.write(
                    problem: "no runs have been kept in \(project.directory)",
                    hint: "runs are kept beside the `runnel.yaml` of their pipeline; name that folder with --project")
            }
        } catch {
            throw error.reported()
        }
        throw ExitStatus.usage
    }
}

extension Journal {
    /// The run with this name; prints an error and exits the command if there is none.
    ///
    /// - Parameters:
    ///   - states: Those that `last` can be in; empty for all.
    ///   - pipeline: That of `last`; nil for all.
    func find(
        _ name: String, states: [SeenRunState] = [], pipeline: String? = nil
    ) async throws -> RunRecord {
        if name == "last" {
            guard let newest = try await newest(states: states, pipeline: pipeline),
                let run = try await run(newest.id)
            else {
                let isAny = states.isEmpty && pipeline == nil
                throw ExitStatus.usage.reporting(isAny ? "there are no runs" : "there is no such run")
            }
            return run
        }
        guard !name.isEmpty else {
            // Usually an unset variable in a script.
            throw ExitStatus.usage.reporting("the id of the run is empty", hint: "name a run, or `last`")
        }
        let found = try await runs(idPrefix: name.lowercased(), limit: 2)
        guard let run = found.first else {
            throw ExitStatus.usage.reporting("there is no run \"\(name)\"", hint: "`runnel runs list` lists the runs")
        }
        guard found.count == 1 else {
            throw ExitStatus.usage.reporting("more than one run begins with \"\(name)\"", hint: "use a longer prefix")
        }
        return run
    }
}

extension Journal {
    /// The newest run in one of these states; empty for all.
    private func newest(states: [SeenRunState], pipeline: String?) async throws -> RunRecord? {
        let wanted = Set(states)
        var filter = RunFilter(
            states: Set(wanted.map(\.stored)), pipeline: pipeline, limit: wanted.isEmpty ? 1 : 50)
        while true {
            let page = try await seenPage(filter)
            if let found = page.runs.first(where: { $0.isSeen(in: wanted) }) { return found }
            guard let next = page.next else { return nil }
            filter.before = next
        }
    }
}

/// The value of `--state`.
extension SeenRunState: ExpressibleByArgument {}

/// A duration on the command line: `90s`, `2h`, `30d`.
struct DurationArgument: ExpressibleByArgument {
    let duration: Duration

    init(_ duration: Duration) {
        self.duration = duration
    }

    var defaultValueDescription: String { DurationText.format(duration) }

    init?(argument: String) {
        guard let duration = try? Duration(field: .string(argument)) else { return nil }
        self.duration = duration
    }
}
