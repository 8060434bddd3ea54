internal import JSONSchema
public import RunnelKit
public import RunnelProcess
internal import RunnelSupport

/// A plugin whose steps are the tools of an MCP server.
public struct MCPPlugin: Plugin {
    public let name: String
    public let steps: [StepDefinition]
    /// The tools of the server.
    public let tools: [MCPTool]
    /// Problems of single tools, for the author of the plugin. Such a tool is omitted, or its arguments are not
    /// validated.
    public let problems: [String]

    private init(_ endpoint: MCPEndpoint, tools: [MCPTool], cacheFile: String) {
        name = endpoint.name
        self.tools = tools
        var steps: [StepDefinition] = []
        var problems: [String] = []
        var seen: Set<String> = []
        for tool in tools {
            guard !tool.name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
                problems.append(
                    "the plugin \"\(endpoint.name)\" lists a tool whose name contains a control character: "
                        + Value.string(tool.name).quoted())
                continue
            }
            guard seen.insert(tool.name).inserted else {
                problems.append("the plugin \"\(endpoint.name)\" lists the tool \"\(tool.name)\" twice")
                continue
            }
            let input: StepInput?
            do {
                input = try StepInput(JSONSchema(tool.inputSchema))
            } catch {
                problems.append(
                    "the input schema of the tool \"\(tool.name)\" of the plugin \"\(endpoint.name)\" cannot be used, "
                        + "so with: is not checked: \(error)")
                input = nil
            }
            let call = MCPCall(endpoint: endpoint, tool: tool.name, cacheFile: cacheFile)
            var definition = StepDefinition(
                name: "\(endpoint.name).\(tool.name)", summary: tool.summary, documentation: tool.documentation,
                schema: input == nil ? ["type": "object"] : tool.inputSchema
            ) { with, context in
                try input?.check(with)
                return try await call.run(with, context)
            }
            definition.program = endpoint.program.manifest.command?.words ?? []
            steps.append(definition)
        }
        self.steps = steps
        self.problems = problems
    }

    /// The plugin with cached tools; nil if there are none, or the plugin has changed since.
    ///
    /// Starts no process.
    /// - Parameters:
    ///   - manifest: The manifest, with the protocol `mcp`.
    ///   - folder: The plugin's folder, absolute.
    ///   - cacheFile: The tool cache, such as `.runnel/plugins/<name>.json`.
    ///   - host: The environment of the worker.
    public static func cached(
        _ manifest: PluginManifest, folder: String, cacheFile: String, host: ProcessHost,
        http: @escaping MCPHTTPAccess = MCPOverHTTP.client
    ) -> MCPPlugin? {
        guard let cache = ToolCache.read(cacheFile), cache.isCurrent(for: manifest) else { return nil }
        return MCPPlugin(endpoint(manifest, folder, host, http), tools: cache.tools, cacheFile: cacheFile)
    }

    /// The plugin with tools from the cache if it is current, otherwise from the server, which is started and stopped
    /// for that.
    /// - Parameters:
    ///   - manifest: The manifest, with the protocol `mcp`.
    ///   - folder: The plugin's folder, absolute.
    ///   - cacheFile: The tool cache, such as `.runnel/plugins/<name>.json`.
    ///   - host: The environment of the worker.
    ///   - refresh: Whether to list the tools even if the cache is current.
    ///   - context: Provides log, clock, redactor and services.
    /// - Throws: ``StepError`` if the server does not start or does not answer.
    public static func discover(
        _ manifest: PluginManifest, folder: String, cacheFile: String, host: ProcessHost,
        http: @escaping MCPHTTPAccess = MCPOverHTTP.client, refresh: Bool = false, context: StepContext
    ) async throws -> MCPPlugin {
        if !refresh, let plugin = cached(manifest, folder: folder, cacheFile: cacheFile, host: host, http: http) {
            return plugin
        }
        let endpoint = endpoint(manifest, folder, host, http)
        let server = MCPConnection(endpoint)
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

    private static func endpoint(
        _ manifest: PluginManifest, _ folder: String, _ host: ProcessHost, _ http: @escaping MCPHTTPAccess
    ) -> MCPEndpoint {
        MCPEndpoint(program: PluginProgram(manifest: manifest, folder: folder, host: host), http: http)
    }

    public func registerServices(in services: Services) async {
        await ProcessSupervisorKey.register(in: services)
        await MCPOverHTTP.register(in: services)
    }
}

/// A call of a tool.
private struct MCPCall: Sendable {
    let endpoint: MCPEndpoint
    let tool: String
    let cacheFile: String

    func run(_ with: ValueObject, _ context: StepContext) async throws -> Value {
        let supervisor = try await context.services.get(ProcessSupervisorKey.self)
        return try await supervisor.gate(endpoint.manifest).withPermit {
            let server = try supervisor.server(endpoint.name) { MCPConnection(endpoint, cacheFile: cacheFile) }
            return try await server.call(tool, with, context)
        }
    }
}

/// When a server is started to list its tools.
public enum ToolDiscovery: Sendable, Hashable {
    /// Never: only cached tools are used.
    case cached
    /// If the tools are unknown, or the plugin has changed since.
    case whenMissing
    /// Always.
    case always
}

/// Creates plugins from manifests of either protocol.
public enum ProcessPlugins {
    /// The plugin that a manifest describes.
    ///
    /// An `mcp` plugin may be started briefly to list its tools; an `exec` plugin never is.
    /// - Parameters:
    ///   - manifest: The manifest.
    ///   - settings: The plugin's settings in `runnel.yaml`; nil if there are none.
    ///   - folder: The plugin's folder, absolute.
    ///   - cacheFile: The tool cache of a server, such as `.runnel/plugins/<name>.json`.
    ///   - host: The environment of the worker.
    ///   - discovery: When a server is started to list its tools.
    ///   - context: Provides log, clock, redactor and services while tools are listed.
    /// - Throws: `FieldError` for an error in the settings, ``StepError`` for a server that does not answer, or whose
    ///   tools are unknown and must not be listed.
    public static func load(
        _ manifest: PluginManifest, settings: Value? = nil, folder: String, cacheFile: String, host: ProcessHost,
        discovery: ToolDiscovery, context: StepContext
    ) async throws -> any Plugin {
        var host = host
        try host.set(settings, for: manifest)
        return switch manifest.interface {
        case .exec: ExecPlugin(manifest, folder: folder, host: host)
        case .mcp where discovery == .cached:
            try cached(manifest, folder: folder, cacheFile: cacheFile, host: host)
        case .mcp:
            try await MCPPlugin.discover(
                manifest, folder: folder, cacheFile: cacheFile, host: host, refresh: discovery == .always,
                context: context)
        }
    }

    private static func cached(
        _ manifest: PluginManifest, folder: String, cacheFile: String, host: ProcessHost
    ) throws(StepError) -> MCPPlugin {
        if let plugin = MCPPlugin.cached(manifest, folder: folder, cacheFile: cacheFile, host: host) { return plugin }
        let name = manifest.name.text
        throw StepError(
            PluginErrorCode.pluginNotAsked,
            "the plugin \"\(name)\" was not asked for its tools yet; `runnel plugins refresh \(name)` starts it and asks"
        )
    }
}
