internal import MCPProtocol
public import RunnelKit

/// A plugin whose steps are the tools of an MCP server.
public struct MCPPlugin: Plugin {
    public let name: String
    public let steps: [StepDefinition]
    /// What the server offers.
    public let tools: [MCPTool]
    /// What is wrong with single tools, in words for the author of the plugin. Such a tool is left out, or its
    /// arguments are not checked.
    public let problems: [String]

    private init(_ endpoint: MCPEndpoint, tools: [MCPTool], cacheFile: String) {
        name = endpoint.name
        self.tools = tools
        var steps: [StepDefinition] = []
        var problems: [String] = []
        var seen: Set<String> = []
        for tool in tools {
            guard seen.insert(tool.name).inserted else {
                problems.append("the plugin \"\(endpoint.name)\" lists the tool \"\(tool.name)\" twice")
                continue
            }
            let input: StepInput?
            do {
                input = try StepInput(tool.inputSchema)
            } catch {
                problems.append(
                    "the input schema of the tool \"\(tool.name)\" of the plugin \"\(endpoint.name)\" cannot be used, "
                        + "so with: is not checked: \(error)")
                input = nil
            }
            let call = MCPCall(endpoint: endpoint, tool: tool.name, cacheFile: cacheFile)
            steps.append(
                StepDefinition(
                    name: "\(endpoint.name).\(tool.name)", summary: tool.summary, documentation: tool.documentation,
                    schema: input == nil ? ["type": "object"] : tool.inputSchema
                ) { with, context in
                    try input?.check(with)
                    return try await call.run(with, context)
                })
        }
        self.steps = steps
        self.problems = problems
    }

    /// The plugin as it was when its server was last asked; nil when it was not, or the plugin has changed since.
    ///
    /// Nothing is started.
    /// - Parameters:
    ///   - manifest: What `plugin.yaml` says; its protocol is `mcp`.
    ///   - folder: The plugin's folder, absolute.
    ///   - cacheFile: Where the tools are kept, such as `.runnel/plugins/<name>.json`.
    ///   - host: What the worker brings.
    public static func cached(
        _ manifest: PluginManifest, folder: String, cacheFile: String, host: ProcessHost
    ) -> MCPPlugin? {
        guard let cache = ToolCache.read(cacheFile), cache.isCurrent(for: manifest) else { return nil }
        return MCPPlugin(endpoint(manifest, folder, host), tools: cache.tools, cacheFile: cacheFile)
    }

    /// The plugin, from the file where that is current, and otherwise from the server, which is started for the sake of
    /// it, and ended.
    /// - Parameters:
    ///   - manifest: What `plugin.yaml` says; its protocol is `mcp`.
    ///   - folder: The plugin's folder, absolute.
    ///   - cacheFile: Where the tools are kept, such as `.runnel/plugins/<name>.json`.
    ///   - host: What the worker brings.
    ///   - refresh: Whether the server is asked in any case.
    ///   - context: For its log, clock, redactor and services.
    /// - Throws: ``StepError`` when the server does not start or does not answer.
    public static func discover(
        _ manifest: PluginManifest, folder: String, cacheFile: String, host: ProcessHost, refresh: Bool = false,
        context: StepContext
    ) async throws -> MCPPlugin {
        if !refresh, let plugin = cached(manifest, folder: folder, cacheFile: cacheFile, host: host) { return plugin }
        let endpoint = endpoint(manifest, folder, host)
        let server = MCPServer(endpoint)
        let answer: Result<(tools: [MCPTool], version: MCPRevision?), any Error>
        do {
            answer = .success(try await server.tools(context))
        } catch {
            answer = .failure(error)
        }
        await server.shutDown()
        let (tools, version) = try answer.get()
        try ToolCache(manifest: manifest, protocol: version?.rawValue ?? "", tools: tools).write(cacheFile)
        return MCPPlugin(endpoint, tools: tools, cacheFile: cacheFile)
    }

    private static func endpoint(_ manifest: PluginManifest, _ folder: String, _ host: ProcessHost) -> MCPEndpoint {
        MCPEndpoint(program: PluginProgram(manifest: manifest, folder: folder, host: host))
    }

    public func registerServices(in services: Services) async {
        await ProcessSupervisorKey.register(in: services)
    }
}

/// One call of a tool.
private struct MCPCall: Sendable {
    let endpoint: MCPEndpoint
    let tool: String
    let cacheFile: String

    func run(_ with: ValueObject, _ context: StepContext) async throws -> Value {
        let supervisor = try await context.services.get(ProcessSupervisorKey.self)
        return try await supervisor.gate(endpoint.manifest).pass {
            let server = try supervisor.server(endpoint.name) { MCPServer(endpoint, cacheFile: cacheFile) }
            return try await server.call(tool, with, context)
        }
    }
}
