public import RunnelKit
internal import RunnelSupport
internal import Synchronization

/// Runs programs for steps, as children that the ``ProcessSupervisor`` knows.
package struct SubprocessService: Subprocesses {
    package let environment: [String: String]
    private let supervisor: ProcessSupervisor

    /// The variables of Runnel's own environment that every child sees.
    private static let inherited = ["PATH", "HOME", "LANG", "TMPDIR"]
    private static let defaultPath = "/usr/local/bin:/usr/bin:/bin"

    /// Registers the service.
    ///
    /// - Parameter variables: The environment of Runnel. A child sees only what it needs of it.
    package static func register(in services: Services, variables: [String: String]) async {
        await ProcessSupervisorKey.register(in: services)
        await services.register(SubprocessesKey.self) { services in
            SubprocessService(variables: variables, supervisor: try services.get(ProcessSupervisorKey.self))
        }
    }

    init(variables: [String: String], supervisor: ProcessSupervisor) {
        var environment = variables.filter { Self.inherited.contains($0.key) }
        environment["PATH"] = environment["PATH"] ?? Self.defaultPath
        self.environment = environment
        self.supervisor = supervisor
    }

    package func run(
        _ program: Subprocess, output: @escaping @Sendable (Subprocess.Output) async throws -> Void
    ) async throws -> Subprocess.Exit {
        try Task.checkCancellation()
        let channel = OutputChannel()
        let sinks = PluginProcess.Sinks(
            output: { channel.append(.standardOutput(Array($0))) },
            error: { _ = channel.append(.standardError(Array($0))) }, end: { _ in channel.finish() })
        let process = try await start(program, sinks)
        channel.onResume { process.resumeOutput() }
        process.write(program.input)
        process.closeInput()
        let limit = program.timeLimit
        return try await supervisor.withChild(process) {
            try await withTaskCancellationHandler {
                let isLate = try await withThrowingTaskGroup(of: Bool.self) { group in
                    if let limit {
                        group.addTask {
                            try await ContinuousClock().sleep(for: limit)
                            process.stop(.prompt)
                            return true
                        }
                    }
                    group.addTask {
                        do {
                            while let pieces = await channel.next() {
                                for piece in pieces { try await output(piece) }
                            }
                        } catch {
                            process.stop(.prompt)
                            channel.drop()
                            throw error
                        }
                        return false
                    }
                    defer { group.cancelAll() }
                    var isLate = false
                    while let result = try await group.next() {
                        if !result { break }
                        isLate = true
                    }
                    return isLate
                }
                try Task.checkCancellation()
                let exit = await process.waitForExit()
                if isLate { return .timedOut }
                switch exit {
                case .status(let status): return .status(status)
                case .signal(let number): return .signal(number)
                case .unknown: return .signal(9)
                }
            } onCancel: {
                process.stop(.prompt)
                channel.drop()
            }
        }
    }

    private func start(_ program: Subprocess, _ sinks: PluginProcess.Sinks) async throws -> PluginProcess {
        let search = ProgramSearch(
            folder: program.directory, path: program.environment["PATH"] ?? Self.defaultPath)
        let path: String
        do throws(ProgramSearch.Problem) {
            path = try search.find(program.program)
        } catch {
            throw StepError("program-not-found", error.message, hint: "install it, or write its path")
        }
        do {
            return try await PluginProcess.start(
                ChildLaunch(
                    program: path, arguments: program.arguments, environment: program.environment,
                    directory: program.directory), sinks: sinks)
        } catch let error as ChildStartError {
            let what = error.stage == .directory ? "in \"\(program.directory)\"" : "\"\(path)\""
            throw StepError(
                "program-start-failed", "cannot start \(what): \(error.reason)", isTransient: error.isShortage)
        }
    }
}

/// Provides ``Subprocesses`` to the steps of all plugins.
public struct ProgramsPlugin: Plugin {
    public let name = "programs"
    private let variables: [String: String]

    /// - Parameter variables: The environment of Runnel.
    public init(variables: [String: String]) {
        self.variables = variables
    }

    public func registerServices(in services: Services) async {
        await SubprocessService.register(in: services, variables: variables)
    }
}

/// A bounded queue of output from a child's thread to the task that reads it.
private final class OutputChannel: Sendable {
    private struct State {
        var pieces: [Subprocess.Output] = []
        var bytes = 0
        var isOver = false
        var isDropping = false
        var reader: CheckedContinuation<Void, Never>?
        var resume: (@Sendable () -> Void)?
    }

    private static let limit = 256 << 10
    private let state = Mutex(State())

    /// Appends a piece. False if the reader is behind: no more standard output until `resume` is called. Pieces of
    /// standard error are left out then, because it cannot be paused.
    func append(_ piece: Subprocess.Output) -> Bool {
        let (goesOn, reader) = state.withLock { state -> (Bool, CheckedContinuation<Void, Never>?) in
            if state.isDropping { return (true, nil) }
            switch piece {
            case .standardOutput(let bytes): state.bytes += bytes.count
            case .standardError(let bytes):
                guard state.bytes <= Self.limit else { return (false, nil) }
                state.bytes += bytes.count
            }
            state.pieces.append(piece)
            defer { state.reader = nil }
            return (state.bytes <= Self.limit, state.reader)
        }
        reader?.resume()
        return goesOn
    }

    /// Sets the callback that resumes reading.
    func onResume(_ resume: @escaping @Sendable () -> Void) {
        state.withLock { $0.resume = resume }
    }

    /// From now on output is read and forgotten, and the reader sees the end.
    func drop() {
        let (resume, reader) = state.withLock { state in
            state.isDropping = true
            state.isOver = true
            state.pieces = []
            defer { state.reader = nil }
            return (state.resume, state.reader)
        }
        reader?.resume()
        resume?()
    }

    func finish() {
        let reader = state.withLock { state in
            state.isOver = true
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume()
    }

    /// The next pieces; nil at the end. For a single reader.
    func next() async -> [Subprocess.Output]? {
        while true {
            let (pieces, isOver, resume) = state.withLock { state in
                defer { (state.pieces, state.bytes) = ([], 0) }
                return (state.pieces, state.isOver, state.resume)
            }
            resume?()
            if !pieces.isEmpty { return pieces }
            if isOver { return nil }
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if !state.pieces.isEmpty || state.isOver { return true }
                    state.reader = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }
}
