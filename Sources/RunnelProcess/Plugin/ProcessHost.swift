package import RunnelKit

/// The worker's environment for process plugins.
public struct ProcessHost: Sendable {
    /// The worker's environment. A child sees only what its manifest lists.
    public var variables: [String: String]
    /// The project's secrets, for manifests that name them.
    public var secret: @Sendable (_ name: String) -> String?
    /// The project's folder, passed to children in `RUNNEL_PROJECT`.
    public var project: String
    /// The plugin's settings as JSON, passed to children in `RUNNEL_SETTINGS`.
    var settings: String?

    /// - Parameters:
    ///   - variables: The worker's environment.
    ///   - project: The project's folder, absolute.
    ///   - secret: The project's secrets.
    public init(
        variables: [String: String], project: String, secret: @escaping @Sendable (String) -> String? = { _ in nil }
    ) {
        self.variables = variables
        self.project = project
        self.secret = secret
    }

    /// Takes the settings of a plugin, checked against what its manifest allows.
    package mutating func set(_ settings: Value?, for manifest: PluginManifest) throws(FieldError) {
        self.settings = try PluginSetup(manifest, settings).json
    }
}
