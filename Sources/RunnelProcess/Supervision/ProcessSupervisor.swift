public import RunnelKit
internal import Synchronization

/// The children of all process plugins of a worker.
public struct ProcessSupervisorKey: ServiceKey {
    public static let name = "the supervisor of plugin processes"
    public typealias Service = ProcessSupervisor

    /// Registers the service; for each process plugin, since all share it.
    static func register(in services: Services) async {
        await services.register(Self.self, shutDown: { await $0.shutDown() }) { _ in ProcessSupervisor() }
    }
}

/// Starts, keeps and ends the children of process plugins.
public final class ProcessSupervisor: Sendable {
    private struct State {
        var gates: [String: CallGate] = [:]
        var servers: [String: MCPServer] = [:]
        var calls: [ObjectIdentifier: PluginProcess] = [:]
        var isShutDown = false
    }

    private let state = Mutex(State())

    /// A supervisor without children.
    public init() {}

    /// How many children run at this moment, connections to servers on HTTP included.
    public var childCount: Int {
        get async {
            var (count, servers) = state.withLock { ($0.calls.count, Array($0.servers.values)) }
            for server in servers { count += await server.connectionCount }
            return count
        }
    }

    /// Ends all children and waits until they are gone. Afterwards none can be started.
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

    /// Lets so many calls of one plugin run at once.
    func gate(_ manifest: PluginManifest) -> CallGate {
        state.withLock { state in
            if let gate = state.gates[manifest.name.text] { return gate }
            let gate = CallGate(limit: manifest.concurrency.count)
            state.gates[manifest.name.text] = gate
            return gate
        }
    }

    /// The server of an MCP plugin, whether it runs or not.
    func server(_ name: String, make: () -> MCPServer) throws -> MCPServer {
        try state.withLock { state in
            if state.isShutDown { throw Self.isShuttingDown }
            if let server = state.servers[name] { return server }
            let server = make()
            state.servers[name] = server
            return server
        }
    }

    /// Runs `body` with a child that is surely gone afterwards.
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
        StepError("shutting-down", "no plugin can be started any more: Runnel is shutting down")
    }
}
