public import ArgumentParser
public import RunnelKit

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The command `runnel`.
public struct RunnelCommand: AsyncParsableCommand {
    public static let version = "0.1.0"

    public static let configuration = CommandConfiguration(
        commandName: "runnel",
        abstract: "Runs pipelines written in YAML: fetch, prompt, stream an agent's answer, transform, emit.",
        version: "runnel \(version)",
        subcommands: [
            InitCommand.self, NewCommand.self, RunCommand.self, RunsCommand.self, ServeCommand.self, StatusCommand.self,
            TriggerCommand.self,
            ScheduleCommand.self, ValidateCommand.self, TestCommand.self, ExplainCommand.self, StepsCommand.self,
            PluginsCommand.self, TrustCommand.self, SchemaCommand.self, MCPCommand.self, DoctorCommand.self,
            SimulateCommand.self,
            ReceiveCommand.self,
            DocsCommand.self,
        ])

    /// What this `runnel` is made of; set once by ``main(plugins:)``.
    @TaskLocal static var plugins: [any Plugin] = []

    public init() {}

    /// Runs the command line with these plugins, and ends the process.
    public static func main(plugins: [any Plugin]) async {
        // A reader that went away is an error to be reported where it is written to, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        let code = await $plugins.withValue(plugins) { await status() }
        endProcess(code)
    }

    /// The exit status: 0 well, 1 the run failed, 2 usage or an invalid pipeline, 130 interrupted.
    private static func status() async -> Int32 {
        do {
            var command = try await asyncParseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return 0
        } catch let status as ExitStatus {
            return status.rawValue
        } catch {
            let code = exitCode(for: error)
            let message = fullMessage(for: error)
            if code.isSuccess {
                Streams.output.write(message + "\n")
            } else if !message.isEmpty {
                Streams.error.write(message + "\n")
            }
            return code == .validationFailure ? ExitStatus.usage.rawValue : code.rawValue
        }
    }
}

/// `exit`, which inside a command would be the command's own.
private func endProcess(_ code: Int32) -> Never {
    exit(code)
}

/// How the process ends when it does not end well. What there was to say has been said.
enum ExitStatus: Int32, Error {
    case runFailed = 1
    case usage = 2
    case interrupted = 130
}
