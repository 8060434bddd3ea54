import RunnelEngine

extension Project {
    /// Reads pipelines with all plugins of this project; prints what is wrong with those.
    func loader() async throws -> PipelineLoader {
        let plugins = try await ProjectPlugins.load(self)
        plugins.write(redactor: redactor)
        return try PipelineLoader(registry: plugins.registry, names: names)
    }
}
