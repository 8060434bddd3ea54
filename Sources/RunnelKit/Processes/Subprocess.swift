/// A program that a step runs as a child process.
///
/// The child gets a process group of its own, which ends with the step: when the program has ended, when the task is
/// cancelled, and also when Runnel itself is killed. A process that leaves the group (`setsid`) is not followed.
public struct Subprocess: Sendable, Hashable {
    /// The program: a name that is looked up in `PATH`, or a path, relative to ``directory`` unless it is absolute.
    public var program: String
    /// The arguments without the program's name.
    public var arguments: [String]
    /// The complete environment of the child; see ``Subprocesses/environment``.
    public var environment: [String: String]
    /// The working directory. Absolute.
    public var directory: String
    /// What the child reads from standard input.
    public var input: [UInt8] = []
    /// How long it may run; nil for as long as the step.
    public var timeLimit: Duration?

    /// A program to run; see the properties.
    public init(_ program: String, _ arguments: [String] = [], environment: [String: String], directory: String) {
        self.program = program
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
    }

    /// A piece of what the child wrote, as it came.
    @nonexhaustive public enum Output: Sendable, Hashable {
        /// Bytes of standard output. A character may be split between two pieces.
        case standardOutput([UInt8])
        /// Bytes of standard error. A character may be split between two pieces.
        case standardError([UInt8])
    }

    /// How the child ended.
    @nonexhaustive public enum Exit: Sendable, Hashable {
        /// With an exit status.
        case status(Int32)
        /// By a signal that it did not handle.
        case signal(Int32)
        /// Its time was up, so it was ended.
        case timedOut
    }
}

/// Runs programs for steps; found by ``SubprocessesKey`` among the services.
public protocol Subprocesses: Sendable {
    /// What a child needs of the environment of Runnel: `PATH`, `HOME`, `LANG` and `TMPDIR`, as far as they are set.
    var environment: [String: String] { get }

    /// Runs the program to its end.
    ///
    /// - Parameters:
    ///   - program: What to run, and how.
    ///   - output: Receives the output in pieces. While it is busy, standard output is not read, so a child that writes
    ///     too fast waits (backpressure); of standard error that comes too fast, pieces are left out. If it throws, the
    ///     child is ended: SIGTERM, and half a second later SIGKILL, both to its whole process group.
    /// - Throws: A ``StepError`` with the code `program-not-found` or `program-start-failed`; what `output` throws;
    ///   `CancellationError`.
    func run(
        _ program: Subprocess, output: @escaping @Sendable (Subprocess.Output) async throws -> Void
    ) async throws -> Subprocess.Exit
}

/// The service that runs programs.
public enum SubprocessesKey: ServiceKey {
    /// What runs them.
    public typealias Service = any Subprocesses
    /// For errors.
    public static let name = "running programs"
}
