import ArgumentParser
import RunnelEngine

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
