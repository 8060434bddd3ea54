import MCP
import RunnelEngine

extension Project {
    /// A loader of pipelines with all plugins of this project; prints problems of plugins.
    ///
    /// - Parameter startsServers: Whether an MCP server with unknown tools is started to list them. Read-only commands
    ///   start nothing.
    func loader(startsServers: Bool = false) async throws -> PipelineLoader {
        let plugins = try await ProjectPlugins.load(self, discovery: startsServers ? .whenMissing : .cached)
        plugins.write(redactor: redactor)
        return try PipelineLoader(registry: plugins.registry, names: names, project: files())
    }
}
