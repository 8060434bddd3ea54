import MCP
import RunnelEngine

extension Project {
    /// A loader of pipelines with all plugins of this project; prints problems of plugins.
    ///
    /// - Parameter startsServers: Whether an MCP server with unknown tools is started to list them. Read-only commands
    ///   start nothing.
    /// - Parameter simulates: Whether a simulator stands in for the agents, so that none has to be configured.
    func loader(startsServers: Bool = false, simulates: Bool = false) async throws -> PipelineLoader {
        let plugins = try await ProjectPlugins.load(
            self, discovery: startsServers ? .whenMissing : .cached, simulates: simulates)
        plugins.write(redactor: redactor)
        return try PipelineLoader(registry: plugins.registry, names: names, project: files())
    }
}
