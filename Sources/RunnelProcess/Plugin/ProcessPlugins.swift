public import RunnelKit

/// Makes plugins of manifests, whichever protocol they speak.
public enum ProcessPlugins {
    /// The plugin that a manifest describes.
    ///
    /// An `mcp` plugin whose tools are not known yet is started for a moment, so as to ask for them.
    /// - Parameters:
    ///   - manifest: What `plugin.yaml` says.
    ///   - settings: What `runnel.yaml` says for the plugin; nil where it says nothing.
    ///   - folder: The plugin's folder, absolute.
    ///   - cacheFile: Where the tools of a server are kept, such as `.runnel/plugins/<name>.json`.
    ///   - host: What the agent brings.
    ///   - refresh: Whether a server is asked for its tools in any case.
    ///   - context: For its log, clock, redactor and services, while a server is asked.
    /// - Throws: `FieldError` for a mistake in the manifest, ``StepError`` for a server that does not answer.
    public static func load(
        _ manifest: PluginManifest, settings: Value? = nil, folder: String, cacheFile: String, host: ProcessHost,
        refresh: Bool = false,
        context: StepContext
    ) async throws -> any Plugin {
        var host = host
        host.settings = try PluginSetup(manifest, settings).json
        return switch manifest.interface {
        case .exec: try ExecPlugin(manifest, folder: folder, host: host)
        case .mcp:
            try await MCPPlugin.discover(
                manifest, folder: folder, cacheFile: cacheFile, host: host, refresh: refresh, context: context)
        }
    }
}
