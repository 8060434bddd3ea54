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

    /// The message for an address on which the process cannot listen; nil for an error of another kind.
    ///
    /// - Parameters:
    ///   - host: The address.
    ///   - port: The port.
    ///   - server: The `runnel serve` of this project that runs on this machine.
    static func text(_ error: any Error, host: String, port: Int, server: WorkerRecord? = nil) -> String? {
        if let error = error as? SocketAddressError.UnknownHost {
            return """
                error: there is no host "\(host)": \(error.errorDescription)
                  = listen on 127.0.0.1, or on 0.0.0.0 for all addresses, with --host

                """
        }
        guard let error = error as? IOError else { return nil }
        return text(error.errnoCode, host: host, port: port, server: server)
    }

    private static func text(_ code: Int32, host: String, port: Int, server: WorkerRecord?) -> String {
        switch code {
        case EADDRINUSE:
            """
            error: the port \(port) of \(host) is in use
            \(server.map(Self.sentence(on:)) ?? "")  = stop the program that listens on it, or choose another with --port

            """
        case EACCES, EPERM:
            """
            error: this user may not listen on the port \(port) of \(host)
              = choose a port from 1024 on with --port

            """
        case EADDRNOTAVAIL:
            """
            error: \(host) is no address of this machine
              = listen on 127.0.0.1, or on 0.0.0.0 for all addresses, with --host

            """
        default:
            "error: cannot listen on \(host):\(port): \(String(cString: strerror(code)))\n"
        }
    }

    private static func sentence(on server: WorkerRecord) -> String {
        "  = `runnel serve` of this project already runs: process \(server.processID), "
            + "since \(LocalTime.text(server.startedAt))\n"
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
        case .json: Streams.output.write(json: redactor.redact(DiagnosticPrinter.json(diagnostics)), isPretty: true)
        case .text:
            guard !diagnostics.isEmpty else { return }
            let printer = DiagnosticPrinter(sources: reports.flatMap(\.sources))
            Streams.error.write(redactor.redact(printer.text(diagnostics)) + "\n")
        }
    }
}
