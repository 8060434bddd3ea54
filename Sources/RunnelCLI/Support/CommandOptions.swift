import ArgumentParser
import LibC
import NIOCore
import RunnelEngine
import RunnelKit
internal import RunnelSupport

/// The option `--port` of the commands that listen.
enum PortOption {
    static func check(_ port: Int?) throws {
        guard let port, !(0...65_535).contains(port) else { return }
        throw ValidationError("--port \(port): expected a port from 0 to 65535")
    }

    /// Whether another program listens at the address.
    static func isInUse(_ error: any Error) -> Bool { (error as? IOError)?.errnoCode == EADDRINUSE }

    /// Prints why the process cannot listen on an address.
    ///
    /// - Parameters:
    ///   - error: The error of listening.
    ///   - host: The address.
    ///   - port: The port.
    ///   - server: The `runnel serve` of this project that runs on this machine.
    /// - Returns: The error to throw: an exit status, or `error` if it is of another kind.
    static func reported(_ error: any Error, host: String, port: Int, server: WorkerRecord? = nil) -> any Error {
        let otherAddress = "\(HostOption.advice), with --host"
        if let error = error as? SocketAddressError.UnknownHost {
            return ExitStatus.usage.reporting(
                "there is no host \"\(host)\": \(error.errorDescription)", hint: otherAddress)
        }
        guard let code = (error as? IOError)?.errnoCode else { return error }
        switch code {
        case EADDRINUSE:
            let running = server.map {
                "`runnel serve` of this project already runs: process \($0.processID), "
                    + "since \(LocalTime.text($0.startedAt))\n  = "
            }
            return ExitStatus.usage.reporting(
                "the port \(port) of \(host) is in use",
                hint: (running ?? "") + "stop the program that listens on it, or choose another with --port")
        case EACCES, EPERM:
            return ExitStatus.usage.reporting(
                "this user may not listen on the port \(port) of \(host)",
                hint: "choose a port from 1024 on with --port")
        case EADDRNOTAVAIL:
            return ExitStatus.usage.reporting("\(host) is no address of this machine", hint: otherAddress)
        default:
            return ExitStatus.usage.reporting("cannot listen on \(host):\(port): \(String(cString: strerror(code)))")
        }
    }
}

/// The option `--host` of the commands that listen.
enum HostOption {
    static let advice = "listen on 127.0.0.1, or on 0.0.0.0 for all addresses"

    /// Throws for an empty host, such as an unset variable of a script.
    static func check(_ host: String?) throws {
        if host?.isEmpty ?? false { throw ValidationError("--host: the host is empty; \(advice)") }
    }
}

/// A folder on the command line.
enum FolderArgument {
    /// Throws for an empty name, such as an unset variable of a script: it would mean the root or the current folder.
    static func check(_ folder: String, of option: String? = nil) throws {
        guard folder.isEmpty else { return }
        throw ValidationError((option.map { "\($0): " } ?? "") + "the name of the folder is empty")
    }
}

/// `name=value` on the command line.
enum NamedValue {
    /// The name and the value; nil without a `=`.
    static func split(_ argument: String) -> (name: String, text: String)? {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
    }
}

/// `--priority` of commands that start a run.
struct PriorityOption: ParsableArguments {
    // Unconditional, because negative numbers begin like options.
    @Option(
        name: .customLong("priority"), parsing: .unconditional,
        help: ArgumentHelp(
            "The priority of the run among queued ones, instead of the pipeline's: \(RunPriority.levels.lowerBound) to \(RunPriority.levels.upperBound).",
            valueName: "number"))
    var text: String?

    /// nil for that of the pipeline.
    var level: Int? { text.flatMap { try? Self.read($0).level } }

    private static func read(_ text: String) throws(FieldError) -> RunPriority {
        try RunPriority(field: Int64(text).map { .int($0) } ?? .string(text))
    }

    func validate() throws {
        guard let text else { return }
        do throws(FieldError) {
            _ = try Self.read(text)
        } catch {
            throw ValidationError("--priority \(text): \(error.message)")
        }
    }
}

/// `--limit` and `--before` of commands that list numbered records, the newest first.
struct PagingOptions: ParsableArguments {
    @Option(name: [.customShort("n"), .long], parsing: .unconditional, help: "How many, the newest first.")
    var limit = 50
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Only those before this number: the last of a page before.", valueName: "number"))
    var before: Int?

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit \(limit): expected 1 or more") }
    }

    /// ``before`` in the journal's integer type.
    var last: Int64? { before.map { Int64($0) } }
}

/// How much a command that runs pipelines tells on standard error.
struct ProgressOptions: ParsableArguments {
    @Flag(name: .shortAndLong, help: "Also show the log, such as what the programs of plugins write.")
    var verbose = false
    @Flag(name: .shortAndLong, help: "Show errors only.") var quiet = false

    func validate() throws {
        if verbose, quiet { throw ValidationError("--verbose and --quiet are mutually exclusive") }
    }

    /// The level of the log where the configuration names none.
    var logLevel: LogSettings.Level { verbose ? .info : quiet ? .error : .warning }
}

/// The output format of diagnostics.
enum DiagnosticFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json
}

/// Prints the diagnostics of files.
enum DiagnosticOutput {
    /// Text goes to standard error, JSON to standard output.
    static func write(_ reports: [LoadReport], format: DiagnosticFormat, redactor: Redactor = Redactor()) {
        let diagnostics = reports.flatMap(\.diagnostics).sortedByPlace()
        switch format {
        case .json:
            let list = redactor.redactMessages(in: DiagnosticPrinter.json(diagnostics))
            Streams.output.write(json: list, isPretty: true)
        case .text:
            guard !diagnostics.isEmpty else { return }
            let printer = DiagnosticPrinter(sources: reports.flatMap(\.sources))
            // A message can quote a name that contains a line break.
            let lines = diagnostics.map { diagnostic in
                var diagnostic = diagnostic
                diagnostic.message = TerminalText.line(diagnostic.message)
                return diagnostic
            }
            Streams.error.write(redactor.redactMessage(printer.text(lines)) + "\n")
        }
    }
}
