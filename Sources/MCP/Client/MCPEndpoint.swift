internal import RunnelKit
internal import RunnelProcess

/// The endpoint of an MCP server; creates clients for it.
struct MCPEndpoint: Sendable {
    let program: PluginProgram
    /// Gives the client for servers on HTTP.
    let http: MCPHTTPAccess

    var name: String { program.name }
    var manifest: PluginManifest { program.manifest }

    /// Creates an unconnected client.
    func client(_ context: StepContext) async throws -> MCPClient {
        let log = PluginLog(plugin: name, logger: context.logger, redactor: context.redactor, isShared: true)
        let transport: any MCPTransport
        switch manifest.transport {
        case .stdio: transport = StdioTransport(program: program, log: log)
        case .http: transport = try await httpTransport(context.services)
        }
        return MCPClient(plugin: name, transport: transport, log: log)
    }

    private func httpTransport(_ services: Services) async throws -> StreamableHTTPTransport {
        guard let url = manifest.url else {
            throw StepError("plugin-start-failed", "the plugin \"\(name)\" cannot be reached: it has no url")
        }
        var headers: [String: String] = [:]
        for (key, text) in manifest.headers {
            do {
                headers[key.lowercased()] = try text.resolve(in: program.host)
            } catch {
                let wrong = StepError(badConfiguration: error.under(.key(key)).under(.key("headers")))
                throw StepError(
                    "plugin-environment", "the plugin \"\(name)\" cannot be reached: \(wrong.message)",
                    hint: wrong.hint)
            }
        }
        return StreamableHTTPTransport(
            url: url, headers: headers, client: try await http(services), eventLimit: manifest.maxLine.bytes)
    }
}
