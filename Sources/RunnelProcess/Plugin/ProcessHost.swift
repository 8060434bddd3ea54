public import RunnelKit

/// What process plugins need of the worker that they run in.
public struct ProcessHost: Sendable {
    /// The worker's environment. A child sees only what its manifest lists.
    public var variables: [String: String]
    /// The project's secrets, for manifests that name them.
    public var secret: @Sendable (_ name: String) -> String?
    /// The project's folder; a child finds it in `RUNNEL_PROJECT`.
    public var project: String
    /// The plugin's own settings as JSON, which a child finds in `RUNNEL_SETTINGS`.
    var settings: String?
    /// Gives the client for MCP servers on HTTP; nil where there is none.
    public var http: (@Sendable (Services) async throws -> any MCPHTTPClient)?

    /// - Parameters:
    ///   - variables: The worker's environment.
    ///   - project: The project's folder, absolute.
    ///   - secret: The project's secrets.
    ///   - http: The client for MCP servers on HTTP.
    public init(
        variables: [String: String], project: String, secret: @escaping @Sendable (String) -> String? = { _ in nil },
        http: (@Sendable (Services) async throws -> any MCPHTTPClient)? = nil
    ) {
        self.variables = variables
        self.project = project
        self.secret = secret
        self.http = http
    }
}
