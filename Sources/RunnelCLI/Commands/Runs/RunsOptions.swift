import ArgumentParser
import RunnelEngine
import RunnelKit

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What all commands on runs have in common: whose runs are meant.
struct ProjectOptions: ParsableArguments {
    @Option(
        name: .customLong("project"), help: "The project's folder, when it is not the current one or above it.",
        completion: .directory)
    var directory: String?

    @Option(help: "Use this configuration instead of the nearest `runnel.yaml`.", completion: .file())
    var config: String?

    /// Prints what is wrong, and ends the command.
    func project() throws -> Project {
        do {
            let start = FileReading.absolute(directory ?? ".")
            let found = try Project.find(from: start, config: config, environment: ProcessInfo.processInfo.environment)
            switch found {
            case .success(let project):
                DiagnosticOutput.write([project.report], format: .text, redactor: project.redactor)
                return project
            case .failure(let invalid):
                DiagnosticOutput.write([invalid.report], format: .text)
                throw ExitStatus.usage
            }
        } catch let error as FileReading.Failure {
            Streams.error.write("error: \(error.message)\n")
            throw ExitStatus.usage
        }
    }

    /// The journal of the project; where there is none yet, nothing is made.
    func journal(of project: Project) throws -> any Journal {
        guard FileReading.exists(project.stateDirectory + "/journal.db") else {
            Streams.error.write(
                """
                error: no runs have been kept in \(project.directory)
                  = runs are kept beside the `runnel.yaml` of their pipeline; name that folder with --project

                """)
            throw ExitStatus.usage
        }
        return try JournalSetup.open(project)
    }
}

extension Journal {
    /// The run that a person means; prints what is wrong, and ends the command.
    func find(_ name: String) async throws -> RunRecord {
        if name == "last" {
            guard let newest = try await runs(RunFilter(limit: 1)).first, let run = try await run(newest.id) else {
                Streams.error.write("error: there are no runs\n")
                throw ExitStatus.usage
            }
            return run
        }
        let found = try await runs(idPrefix: name.lowercased(), limit: 2)
        guard let run = found.first else {
            Streams.error.write("error: there is no run \"\(name)\"\n  = `runnel runs list` shows them\n")
            throw ExitStatus.usage
        }
        guard found.count == 1 else {
            Streams.error.write("error: more than one run begins with \"\(name)\"\n  = give more of the id\n")
            throw ExitStatus.usage
        }
        return run
    }
}

/// `RunState` on the command line.
struct RunStateArgument: ExpressibleByArgument {
    let state: RunState

    init?(argument: String) {
        guard let state = RunState(rawValue: argument) else { return nil }
        self.state = state
    }

    static var allValueStrings: [String] { RunState.allCases.map(\.rawValue) }
}

/// A length of time on the command line: `90s`, `2h`, `30d`.
struct DurationArgument: ExpressibleByArgument {
    let duration: Duration

    init?(argument: String) {
        guard let duration = try? Duration(field: .string(argument)) else { return nil }
        self.duration = duration
    }
}
