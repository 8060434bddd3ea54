public import RunnelKit

/// When a server is started to ask it for its tools.
public enum ToolDiscovery: Sendable, Hashable {
    /// Never: its tools are those of the last time.
    case cached
    /// Where they are not known, or the plugin has changed since.
    case whenMissing
    /// In any case.
    case always
}

/// Makes plugins of manifests, whichever protocol they speak.
public enum ProcessPlugins {
    /// The plugin that a manifest describes.
    ///
    /// An `mcp` plugin may be started for a moment, so as to ask for its tools; an `exec` plugin never is.
    /// - Parameters:
    ///   - manifest: What `plugin.yaml` says.
    ///   - settings: What `runnel.yaml` says for the plugin; nil where it says nothing.
    ///   - folder: The plugin's folder, absolute.
    ///   - cacheFile: Where the tools of a server are kept, such as `.runnel/plugins/<name>.json`.
    ///   - host: What the worker brings.
    ///   - discovery: When a server is asked for its tools.
    ///   - context: For its log, clock, redactor and services, while a server is asked.
    /// - Throws: `FieldError` for a mistake in the manifest, ``StepError`` for a server that does not answer, or whose
    ///   tools are not known and may not be asked for.
    public static func load(
        _ manifest: PluginManifest, settings: Value? = nil, folder: String, cacheFile: String, host: ProcessHost,
        discovery: ToolDiscovery, context: StepContext
    ) async throws -> any Plugin {
        var host = host
        host.settings = try PluginSetup(manifest, settings).json
        return switch manifest.interface {
        case .exec: try ExecPlugin(manifest, folder: folder, host: host)
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
            "plugin-not-asked",
            "the plugin \"\(name)\" was not asked for its tools yet; `runnel plugins refresh \(name)` starts it and asks"
        )
    }
}
