public import ArgumentParser
internal import LibC
public import RunnelKit

/// The command `runnel`.
public struct RunnelCommand: AsyncParsableCommand {
    /// The version of Runnel.
    public static let version = "0.1.0"

    /// What ArgumentParser reads.
    public static let configuration = CommandConfiguration(
        commandName: "runnel",
        abstract: "Runs pipelines written in YAML: fetch, prompt, stream an agent's answer, transform, emit.",
        discussion: GlobalOptions.help,
        version: "runnel \(version)",
        subcommands: [
            InitCommand.self, NewCommand.self, RunCommand.self, RunsCommand.self, LogsCommand.self, ServeCommand.self,
            StatusCommand.self, OpenCommand.self, AuditCommand.self, DeliveriesCommand.self, LedgerCommand.self,
            TokensCommand.self, JournalCommand.self, WorkersCommand.self, TriggerCommand.self, AskCommand.self,
            UsageCommand.self, ScheduleCommand.self,
            ValidateCommand.self,
            TestCommand.self, ExplainCommand.self, StepsCommand.self, TriggersCommand.self, PluginsCommand.self,
            TrustCommand.self,
            SchemaCommand.self, MCPCommand.self, ConfigCommand.self, DoctorCommand.self, SimulateCommand.self,
            ReceiveCommand.self, DocsCommand.self,
        ])

    /// The plugins of this `runnel`; set once by ``main(plugins:)``.
    @TaskLocal static var plugins: [any Plugin] = []

    /// For ArgumentParser, which sets the arguments afterwards.
    public init() {}

    /// Runs the command line with these plugins, and exits the process.
    public static func main(plugins: [any Plugin]) async {
        // Writing to a closed pipe is an error of that write, not a signal that ends the process.
        signal(SIGPIPE, SIG_IGN)
        let code = await $plugins.withValue(plugins) { await status() }
        if let reason = Streams.outputFailure {
            Streams.error.write("error: standard output cannot be written: \(reason)\n")
            LibC.exit(code == 0 ? ExitStatus.runFailed.rawValue : code)
        }
        LibC.exit(code)
    }

    /// The exit status: 0 success, 1 the run failed, 2 usage, an unknown name or an invalid pipeline, 130 interrupted.
    private static func status() async -> Int32 {
        if let index = firstInvalidArgument {
            Streams.error.write("error: the argument \(index) is not UTF-8\n")
            return ExitStatus.usage.rawValue
        }
        var arguments = Array(CommandLine.arguments.dropFirst())
        let options: GlobalOptions
        do throws(FileReading.Failure) {
            options = try GlobalOptions(taking: &arguments)
        } catch {
            Streams.error.write("error: \(error.message)\n")
            return ExitStatus.usage.rawValue
        }
        return await GlobalOptions.$current.withValue(options) { await status(arguments) }
    }

    /// The position, from 1, of the first argument that is not UTF-8. `CommandLine.arguments` replaces its bytes.
    private static var firstInvalidArgument: Int? {
        (0..<Int(CommandLine.argc)).dropFirst().first { index in
            CommandLine.unsafeArgv[index].map { String(validatingCString: $0) == nil } ?? false
        }
    }

    private static func status(_ arguments: [String]) async -> Int32 {
        if let problem = UnknownCommand.message(arguments, in: RunnelCommand.self) {
            Streams.error.write(problem)
            return ExitStatus.usage.rawValue
        }
        do {
            // The parser reads all commands first, which takes ten times as long.
            if arguments == ["--version"] {
                Streams.output.write("\(configuration.version)\n")
                return 0
            }
            var command = try await asyncParseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return 0
        } catch let status as ExitStatus {
            return status.rawValue
        } catch let error as ValidationError {
            // Found while the command ran.
            Streams.error.write("error: \(error.message)\n")
            return ExitStatus.usage.rawValue
        } catch {
            let message = fullMessage(for: error, columns: ParserMessage.width)
            // Help. `exitCode(for:)` would render it again, in the columns of the terminal.
            if !message.isEmpty, !message.hasPrefix("Error: ") {
                Streams.output.write(ParserMessage.help(message) + "\n")
                return 0
            }
            if !message.isEmpty { Streams.error.write(ParserMessage.text(message) + "\n") }
            let code = exitCode(for: error)
            return code == .validationFailure ? ExitStatus.usage.rawValue : code.rawValue
        }
    }
}

/// A first argument that is not a command.
enum UnknownCommand {
    static func message(_ arguments: some Collection<String>, in command: any ParsableCommand.Type) -> String? {
        let subcommands = command.configuration.subcommands
        guard !subcommands.isEmpty, let word = arguments.first, !word.hasPrefix("-") else { return nil }
        if word == "help" { return message(arguments.dropFirst(), in: command) }
        let names = subcommands.map { $0.configuration.commandName ?? "\($0)" }
        if let index = names.firstIndex(of: word) {
            return message(arguments.dropFirst(), in: subcommands[index])
        }
        let parent = command == RunnelCommand.self ? "runnel" : "runnel \(command.configuration.commandName ?? "")"
        let closest = Suggestion.closest(to: word, among: names)
        let hint =
            word == "version"
            ? "`runnel --version` shows the version"
            : closest.map { "did you mean `\(parent) \($0)`?" } ?? "`\(parent) --help` lists the commands"
        return "error: there is no command `\(parent) \(word)`\n  = \(hint)\n"
    }
}

/// The exit statuses other than success. The error is printed before the status is thrown.
enum ExitStatus: Int32, Error {
    case runFailed = 1
    case usage = 2
    case interrupted = 130

    /// The status of a command that the API refuses: ``usage`` unless the same command can work later.
    ///
    /// - Parameter status: The HTTP status of the answer.
    init(refusal status: Int) {
        self = (400..<500).contains(status) && ![408, 429].contains(status) ? .usage : .runFailed
    }

    /// Prints an error, with the hint on the next line.
    ///
    /// - Returns: The status to throw.
    func reporting(_ problem: String, hint: String? = nil) -> ExitStatus {
        Streams.error.write(problem: problem, hint: hint)
        return self
    }
}
