public import RunnelHTTP
public import RunnelKit

/// Sends HTTP requests, and says how all requests leave this machine.
public struct HTTPPlugin: ConfigurablePlugin {
    /// The plugin's name.
    public let name = "http"
    /// The step `http.fetch`.
    public var steps: [StepDefinition] { [StepDefinition(HTTPFetch.self)] }
    /// The codes of its errors.
    public var errorCodes: [any ErrorCode.Type] { [HTTPErrorCode.self] }
    private var settings = NetworkSettings()

    /// The plugin without settings.
    public init() {}

    /// `http:`
    public static let section: SettingsSection? = SettingsSection(
        "http", "Outgoing requests: proxies, certificates and addresses, for steps, the Marketplace and MCP servers.")

    /// The plugin with these settings.
    public func configured(_ settings: NetworkSettings) -> HTTPPlugin {
        var copy = self
        copy.settings = settings
        return copy
    }

    /// Says how requests leave this machine.
    public func registerServices(in services: Services) async {
        await Network.register(Network(settings), in: services)
    }

    /// Says which proxy is used, and what is wrong with certificates.
    public func diagnose(_ context: DiagnosisContext) async -> [HealthFinding] { Network(settings).findings }
}
