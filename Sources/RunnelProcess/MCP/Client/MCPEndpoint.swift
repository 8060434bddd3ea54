internal import RunnelKit

/// Where an MCP server is and how a connection to it is made.
struct MCPEndpoint: Sendable {
    let program: PluginProgram

    var name: String { program.name }
    var manifest: PluginManifest { program.manifest }

    /// A client that is not connected yet.
    func client(_ context: StepContext) async throws -> MCPClient {
        let log = PluginLog(plugin: name, logger: context.logger, redactor: context.redactor, isShared: true)
        let transport: any MCPTransport
        switch manifest.transport {
        case .stdio: transport = StdioTransport(program: program, log: log)
        case .http: transport = try await http(context.services)
        }
        return MCPClient(plugin: name, transport: transport, log: log)
    }

    private func http(_ services: Services) async throws -> StreamableHTTPTransport {
        guard let url = manifest.url, let make = program.host.http else {
            throw StepError(
                "plugin-start-failed", "the plugin \"\(name)\" cannot be reached: there is no HTTP client here")
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
            url: url, headers: headers, client: try await make(services), eventLimit: manifest.maxLine.bytes)
    }
}
