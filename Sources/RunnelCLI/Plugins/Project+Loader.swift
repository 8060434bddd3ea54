import RunnelEngine
import RunnelProcess

extension Project {
    /// Reads pipelines with all plugins of this project; prints what is wrong with those.
    ///
    /// - Parameter startsServers: Whether an MCP server whose tools are not known is started to ask it for them. Commands
    ///   that only look start nothing.
    func loader(startsServers: Bool = false) async throws -> PipelineLoader {
        let plugins = try await ProjectPlugins.load(self, discovery: startsServers ? .whenMissing : .cached)
        plugins.write(redactor: redactor)
        return try PipelineLoader(registry: plugins.registry, names: names, project: files())
    }
}
