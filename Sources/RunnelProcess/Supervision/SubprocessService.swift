public import RunnelKit
internal import RunnelSupport

/// Runs programs for steps, as children that the ``ProcessSupervisor`` knows.
package struct SubprocessService: Subprocesses {
    package let environment: [String: String]
    private let supervisor: ProcessSupervisor

    /// How much output may wait for the step.
    private static let bufferLimit = 256 << 10

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
        var environment = variables.filter { EnvironmentList.always.contains($0.key) }
        environment["PATH"] = environment["PATH"] ?? ProgramSearch.defaultPath
        self.environment = environment
        self.supervisor = supervisor
    }

    package func run(
        _ program: Subprocess, output: @escaping @Sendable (Subprocess.Output) async throws -> Void
    ) async throws -> Subprocess.Exit {
        try Task.checkCancellation()
        let channel = AsyncBuffer<Subprocess.Output, Never>(limit: Self.bufferLimit) { $0.bytes.count }
        // Standard error cannot be paused, so what comes while the step is behind is left out.
        let sinks = PluginProcess.Sinks(
            output: { channel.append([.standardOutput(Array($0))]) },
            error: { _ = channel.append([.standardError(Array($0))], onlyIfRoom: true) },
            end: { _ in channel.finish() })
        let process = try await start(program, sinks)
        channel.onDrain { process.resumeOutput() }
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
                            while true {
                                let pieces = await channel.next()
                                if pieces.isEmpty { break }
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
        let search = ProgramSearch(folder: program.directory, path: program.environment["PATH"])
        let path: String
        do throws(ProgramSearch.Problem) {
            path = try search.find(program.program)
        } catch {
            throw StepError(PluginErrorCode.programNotFound, error.message, hint: "install it, or write its path")
        }
        do {
            return try await PluginProcess.start(
                ChildLaunch(
                    program: path, arguments: program.arguments, environment: program.environment,
                    directory: program.directory), sinks: sinks)
        } catch let error as ChildStartError {
            let what = error.stage == .directory ? "in \"\(program.directory)\"" : "\"\(path)\""
            throw StepError(
                PluginErrorCode.programStartFailed, "cannot start \(what): \(error.reason)",
                isTransient: error.isShortage)
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

extension Subprocess.Output {
    fileprivate var bytes: [UInt8] {
        switch self {
        case .standardOutput(let bytes), .standardError(let bytes): bytes
        }
    }
}
