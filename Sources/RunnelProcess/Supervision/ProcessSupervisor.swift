public import RunnelKit
package import RunnelSupport
internal import Synchronization

/// The service key of the ``ProcessSupervisor``.
public struct ProcessSupervisorKey: ServiceKey {
    public static let name = "the supervisor of plugin processes"
    public typealias Service = ProcessSupervisor

    /// Registers the service. Called by each process plugin; all share it.
    package static func register(in services: Services) async {
        await services.register(Self.self, shutDown: { await $0.shutDown() }) { _ in ProcessSupervisor() }
    }
}

/// A server that is kept from one call to the next, such as an MCP server.
package protocol SupervisedServer: Sendable {
    /// The number of connections.
    var connectionCount: Int { get async }
    /// Ends all of them, and waits until that is done.
    func shutDown() async
}

/// Starts, tracks and stops the children of process plugins.
public final class ProcessSupervisor: Sendable {
    private struct State {
        var gates: [String: Semaphore] = [:]
        var servers: [String: any SupervisedServer] = [:]
        var calls: [ObjectIdentifier: PluginProcess] = [:]
        var isShutDown = false
    }

    private let state = Mutex(State())

    /// Creates a supervisor without children.
    public init() {}

    /// The number of running children, including HTTP connections to servers.
    public var childCount: Int {
        get async {
            var (count, servers) = state.withLock { ($0.calls.count, Array($0.servers.values)) }
            for server in servers { count += await server.connectionCount }
            return count
        }
    }

    /// Stops all children and waits until they have ended. Afterwards none can be started.
    public func shutDown() async {
        let (calls, servers) = state.withLock { state in
            state.isShutDown = true
            return (Array(state.calls.values), Array(state.servers.values))
        }
        await withTaskGroup(of: Void.self) { group in
            for call in calls {
                group.addTask {
                    call.stop(.prompt)
                    _ = await call.waitForExit()
                }
            }
            for server in servers { group.addTask { await server.shutDown() } }
        }
    }

    /// The semaphore for concurrent calls of a plugin.
    package func gate(_ manifest: PluginManifest) -> Semaphore {
        state.withLock { state in
            if let gate = state.gates[manifest.name.text] { return gate }
            let gate = Semaphore(limit: manifest.concurrency)
            state.gates[manifest.name.text] = gate
            return gate
        }
    }

    /// What is kept of a plugin, whether it runs or not.
    package func server<Server: SupervisedServer>(_ name: String, make: () -> Server) throws -> Server {
        try state.withLock { state in
            if state.isShutDown { throw Self.isShuttingDown }
            if let server = state.servers[name] as? Server { return server }
            let server = make()
            state.servers[name] = server
            return server
        }
    }

    /// Runs `body` with a child that is guaranteed to have ended afterwards.
    func withChild<Result: Sendable>(
        _ process: PluginProcess, _ body: () async throws -> Result
    ) async throws -> Result {
        let isShutDown = state.withLock { state in
            state.calls[ObjectIdentifier(process)] = process
            return state.isShutDown
        }
        if isShutDown { process.stop(.immediate) }
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body())
        } catch {
            result = .failure(error)
            process.stop(.prompt)
        }
        _ = await process.waitForExit()
        state.withLock { $0.calls[ObjectIdentifier(process)] = nil }
        return try result.get()
    }

    private static var isShuttingDown: StepError {
        StepError(PluginErrorCode.shuttingDown, "no plugin can be started any more: Runnel is shutting down")
    }
}

/// The restart policy for children that died. Pure; times are relative to any fixed moment.
///
/// A child that did some work before it died is restarted at once; otherwise after a pause with exponential backoff.
package struct RestartPolicy: Sendable, Hashable {
    private let backoff: Backoff
    private(set) var failures = 0
    private var notBefore: Duration = .zero

    package init(initial: Duration = .milliseconds(250), maximum: Duration = .seconds(30)) {
        backoff = Backoff(initial: initial, maximum: maximum)
    }

    /// Records that the child died, or could not be started.
    package mutating func died(at time: Duration, hadWorked: Bool) {
        guard !hadWorked else {
            failures = 0
            notBefore = .zero
            return
        }
        failures += 1
        notBefore = time + backoff.delay(afterAttempt: failures)
    }

    /// The pause before the next start.
    package func pause(at time: Duration) -> Duration {
        max(.zero, notBefore - time)
    }
}

/// ``withDeadline``, for callers who have nothing to do any more when their own task is cancelled.
///
/// - Throws: `CancellationError` if the caller's task was cancelled.
package func withCheckedDeadline<Success: Sendable>(
    _ limit: Duration, clock: any Clock<Duration>, _ body: @escaping @Sendable () async throws -> Success
) async throws -> (Result<Success, any Error>, isLate: Bool) {
    let (result, isLate) = await withDeadline(limit, clock: clock, body)
    try Task.checkCancellation()
    return (result, isLate)
}
