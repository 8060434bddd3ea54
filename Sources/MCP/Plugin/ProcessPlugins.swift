public import RunnelKit
public import RunnelProcess

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
    /// - Throws: `FieldError` for an error in the manifest, ``StepError`` for a server that does not answer, or whose
    ///   tools are unknown and must not be listed.
    public static func load(
        _ manifest: PluginManifest, settings: Value? = nil, folder: String, cacheFile: String, host: ProcessHost,
        discovery: ToolDiscovery, context: StepContext
    ) async throws -> any Plugin {
        var host = host
        try host.set(settings, for: manifest)
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
