internal import Logging
internal import RunnelKit
internal import RunnelProcess
internal import RunnelSupport
internal import Synchronization

/// The connection to an MCP server over time: made on demand, kept, and made anew when it is gone.
actor MCPConnection: SupervisedServer {
    private final class Link: Sendable {
        let client: MCPClient
        let calls = Mutex(0)

        init(_ client: MCPClient) {
            self.client = client
        }
    }

    private let plugin: MCPEndpoint
    private let cacheFile: String?
    /// Serialises connecting; waiters can be cancelled.
    private let starting = Semaphore(limit: 1)
    private let origin = ContinuousClock.now
    private var current: Link?
    /// Connections not used for new calls, closed after their last call.
    private var retired: [Link] = []
    private var restart = RestartPolicy()
    private var version: MCPRevision?
    private var isShutDown = false

    /// - Parameter cacheFile: The tool cache; rewritten when the server reports changed tools.
    init(_ plugin: MCPEndpoint, cacheFile: String? = nil) {
        self.plugin = plugin
        self.cacheFile = cacheFile
    }

    /// The number of connections.
    var connectionCount: Int {
        retired.count + (current.map { $0.client.closed == nil ? 1 : 0 } ?? 0)
    }

    /// Calls a tool.
    func call(_ tool: String, _ with: ValueObject, _ context: StepContext) async throws -> Value {
        let during = "it worked on \"\(tool)\""
        do {
            return try await attempt(tool, with, context)
        } catch MCPFault.sessionExpired {
            // The server has not processed the call, so it is safe to send it again.
            do {
                return try await attempt(tool, with, context)
            } catch let fault as MCPFault {
                throw fault.stepError(plugin: plugin.name, during: during)
            }
        } catch let fault as MCPFault {
            throw fault.stepError(plugin: plugin.name, during: during)
        }
    }

    /// The tools of the server.
    func tools(_ context: StepContext) async throws -> (tools: [MCPTool], version: MCPRevision?) {
        do {
            let connection = try await ready(context)
            let (outcome, isLate) = try await withCheckedDeadline(plugin.manifest.startTimeout, clock: context.clock) {
                try await connection.client.tools()
            }
            if isLate {
                throw StepError(
                    PluginErrorCode.pluginTimeout,
                    "the plugin \"\(plugin.name)\" did not list its tools within "
                        + "\(DurationText.format(plugin.manifest.startTimeout)) (start_timeout)", isTransient: true)
            }
            return (try outcome.get(), version)
        } catch let fault as MCPFault {
            throw fault.stepError(plugin: plugin.name, during: "it listed its tools")
        }
    }

    /// Closes all connections.
    func shutDown() async {
        isShutDown = true
        let all = retired + (current.map { [$0] } ?? [])
        (retired, current) = ([], nil)
        await withTaskGroup(of: Void.self) { group in
            for connection in all { group.addTask { await connection.client.close(.patient) } }
        }
    }

    // MARK: - Calls

    private func attempt(_ tool: String, _ with: ValueObject, _ context: StepContext) async throws -> Value {
        let connection = try await ready(context)
        connection.calls.withLock { $0 += 1 }
        let result: Result<Value, any Error>
        do {
            result = .success(try await call(tool, with, connection.client, context))
        } catch {
            result = .failure(error)
        }
        let isLast = connection.calls.withLock { calls in
            calls -= 1
            return calls == 0
        }
        if case .failure(let error) = result, Self.spoils(error) { retire(connection) }
        if connection.client.closed == nil, connection.client.takeToolsChanged() {
            await keepTools(of: connection.client, context)
        }
        if isLast, retired.contains(where: { $0 === connection }) {
            // Kept in the list until closed, so that it is counted.
            await connection.client.close(.prompt)
            retired.removeAll { $0 === connection }
        }
        return try result.get()
    }

    private nonisolated func call(
        _ tool: String, _ with: ValueObject, _ client: MCPClient, _ context: StepContext
    ) async throws -> Value {
        try context.checkOwnership()
        let limit = plugin.manifest.timeout
        let (notes, sink) = AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingNewest(64))
        async let reporting: Void = {
            for await note in notes { await context.report(.note(note)) }
        }()
        let answer: (Result<Value, any Error>, isLate: Bool)
        var parameters: ValueObject = ["name": .string(tool), "arguments": .object(with)]
        // A long-lived server gets no variables for a call; `_meta` carries the trace instead.
        if let trace = context.trace.context { parameters["_meta"] = .object(trace.payload) }
        do {
            answer = try await withCheckedDeadline(limit, clock: context.clock) {
                [parameters] in
                try await client.request("tools/call", parameters, progress: { sink.yield($0) })
            }
        } catch {
            sink.finish()
            await reporting
            throw error
        }
        sink.finish()
        await reporting
        if answer.isLate, case .failure = answer.0 { throw late(tool, client.lastUnreadable) }
        return try MCPToolResult.output(answer.0.get(), plugin: plugin.name, tool: tool)
    }

    private nonisolated func late(_ tool: String, _ unreadable: String?) -> StepError {
        StepError(
            PluginErrorCode.pluginTimeout,
            "the plugin \"\(plugin.name)\" did not answer \"\(tool)\" within "
                + "\(DurationText.format(plugin.manifest.timeout)) (timeout)"
                + (unreadable.map { "; the last line that it wrote and that could not be read \($0)" } ?? ""),
            hint: "raise timeout in plugin.yaml if it needs longer", isTransient: true)
    }

    /// Whether the connection must not be reused after the error.
    private static func spoils(_ error: any Error) -> Bool {
        switch error {
        case MCPFault.sessionExpired, MCPFault.closed: true
        case let error as StepError: error.has(PluginErrorCode.pluginTimeout)
        default: false
        }
    }

    /// Updates the cache after the tools have changed, for the next start of a worker.
    private func keepTools(of client: MCPClient, _ context: StepContext) async {
        guard let cacheFile else { return }
        do {
            let (outcome, _) = try await withCheckedDeadline(plugin.manifest.timeout, clock: context.clock) {
                try await client.tools()
            }
            let cache = ToolCache(
                manifest: plugin.manifest, protocol: version?.rawValue ?? "", tools: try outcome.get())
            try cache.write(cacheFile)
            context.logger.notice(
                "the tools of the plugin have changed; they are known when Runnel starts again",
                metadata: ["plugin": .string(plugin.name)])
        } catch {
            let fault = error as? MCPFault
            let problem = fault?.stepError(plugin: plugin.name, during: "it listed its tools").message ?? "\(error)"
            let words = context.redactor.redactPluginMessage(problem)
            context.logger.warning(
                "the tools of the plugin have changed, and could not be listed: \(words)",
                metadata: ["plugin": .string(plugin.name)])
        }
    }

    private func retire(_ connection: Link) {
        guard current === connection else { return }
        current = nil
        retired.append(connection)
        restart.died(at: now, hadWorked: connection.client.hasWorked)
    }

    private var now: Duration { origin.duration(to: .now) }

    // MARK: - Beginning

    /// A connection that can be used.
    private func ready(_ context: StepContext) async throws -> Link {
        if let current, current.client.closed == nil { return current }
        return try await starting.withPermit { try await connect(context) }
    }

    private func connect(_ context: StepContext) async throws -> Link {
        if let current {
            if current.client.closed == nil { return current }
            restart.died(at: now, hadWorked: current.client.hasWorked)
            self.current = nil
        }
        let pause = restart.pause(at: now)
        if pause > .zero { try await context.clock.sleep(for: pause) }
        guard !isShutDown else {
            throw StepError(
                PluginErrorCode.shuttingDown, "the plugin \"\(plugin.name)\" cannot start: Runnel is shutting down")
        }
        do {
            let client: MCPClient
            do {
                client = try await begin(remembered: version, context)
            } catch MCPFault.closed where version == nil {
                // Some old servers exit on unknown requests.
                client = try await begin(remembered: .handshake, context)
            }
            let connection = Link(client)
            guard !isShutDown else {
                await client.close(.prompt)
                throw CancellationError()
            }
            current = connection
            return connection
        } catch {
            if !(error is CancellationError) { restart.died(at: now, hadWorked: false) }
            guard let fault = error as? MCPFault else { throw error }
            throw startError(fault)
        }
    }

    private func begin(remembered: MCPRevision?, _ context: StepContext) async throws -> MCPClient {
        let client = try await plugin.client(context)
        let limit = plugin.manifest.startTimeout
        do {
            let (outcome, isLate) = try await withCheckedDeadline(limit, clock: context.clock) {
                try await client.open(remembered: remembered)
            }
            if isLate, case .failure = outcome {
                throw StepError(
                    PluginErrorCode.pluginTimeout,
                    "the plugin \"\(plugin.name)\" was not ready within \(DurationText.format(limit)) (start_timeout)",
                    hint: "raise start_timeout in plugin.yaml if it needs longer", isTransient: true)
            }
            version = try outcome.get()
            return client
        } catch {
            await client.close(.prompt)
            throw error
        }
    }

    private func startError(_ fault: MCPFault) -> StepError {
        switch fault {
        case .closed(let end):
            StepError(
                PluginErrorCode.pluginStartFailed,
                "the plugin \"\(plugin.name)\" \(end.words) before it was ready\(end.trace)",
                hint: "try to run it by hand; an MCP server waits for its input and writes nothing else than messages",
                isTransient: true)
        case .refused(let words, let isTransient, let retryAfter):
            StepError(
                PluginErrorCode.pluginStartFailed, "the plugin \"\(plugin.name)\" cannot be used: it \(words)",
                isTransient: isTransient, retryAfter: retryAfter)
        case .answer, .sessionExpired: fault.stepError(plugin: plugin.name, during: "it began")
        }
    }
}
