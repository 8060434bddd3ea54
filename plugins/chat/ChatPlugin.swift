internal import AsyncHTTPClient
internal import Marketplace
internal import RunnelHTTP
public import RunnelKit

/// Talks to agents through the Marketplace API.
public struct ChatPlugin: ConfigurablePlugin, AgentPlugin {
    /// The plugin's name.
    public let name = "chat"
    /// The step `chat`.
    public let steps = [StepDefinition(Chat.self)]
    private var settings = MarketplaceSettings()
    private var standIn: AgentStandIn?

    /// The plugin without settings: a chat fails until there are some.
    public init() {}

    /// `marketplace:`
    public static let section: SettingsSection? = SettingsSection(
        "marketplace", "The Marketplace API, or any OpenAI-compatible server.")

    /// The plugin with these settings.
    public func configured(_ settings: MarketplaceSettings) -> ChatPlugin {
        var copy = self
        copy.settings = settings
        return copy
    }

    /// The plugin with a client of the stand-in.
    public func talking(to standIn: AgentStandIn) -> ChatPlugin {
        var copy = self
        copy.standIn = standIn
        return copy
    }

    /// Says how the Marketplace client is made.
    public func registerServices(in services: Services) async {
        let (setup, clock, format, isStandIn) = (
            setup, standIn?.pacing?.clock, settings.responseFormat, standIn != nil
        )
        await MarketplaceService.register(in: services) { services in
            let configuration = try setup.configuration()
            // The stand-in is a part of this process.
            let network = try isStandIn ? Network(environment: { _ in nil }) : Network.registered(in: services)
            let httpClient = try network.client(
                for: configuration.baseURL, from: configuration.httpClientConfiguration)
            return MarketplaceService.Service(
                client: MarketplaceClient(
                    configuration: configuration, httpClient: httpClient, clock: clock ?? ContinuousClock()),
                httpClient: httpClient, responseFormat: format)
        }
    }

    /// Checks whether the Marketplace is reachable and accepts the credentials.
    public func diagnose(_ context: DiagnosisContext) async -> [HealthFinding] {
        let configuration: MarketplaceConfiguration
        do {
            configuration = try setup.configuration()
        } catch {
            let error = error as? StepError
            return [
                .warning(
                    "marketplace", error?.message ?? "it is not set up",
                    error?.hint ?? "`chat` steps need it; everything else works without")
            ]
        }
        let shown = configuration.baseURL
        guard !context.isOffline else { return [.good("marketplace", "\(shown) is configured; not contacted")] }
        let httpClient: HTTPClient
        do {
            httpClient = try await client(configuration, context.services)
        } catch {
            let error = error as? StepError
            return [.problem("marketplace", error?.message ?? "\(shown) cannot be reached", error?.hint)]
        }
        let finding: HealthFinding
        do throws(MarketplaceError) {
            try await MarketplaceClient(configuration: configuration, httpClient: httpClient).authenticate()
            finding =
                settings.auth == .clientCredentials || standIn != nil
                ? .good("marketplace", "\(shown) takes the credentials")
                : .good("marketplace", "\(shown) is configured; its fixed token is first used by a chat")
        } catch {
            finding = .problem("marketplace", error.message, error.hint)
        }
        try? await httpClient.shutdown()
        return [finding] + plainTextWarning(configuration)
    }

    private func client(
        _ configuration: MarketplaceConfiguration, _ services: isolated Services
    ) throws -> HTTPClient {
        let network = try standIn == nil ? Network.registered(in: services) : Network(environment: { _ in nil })
        return try network.client(for: configuration.baseURL, from: configuration.httpClientConfiguration)
    }

    private func plainTextWarning(_ configuration: MarketplaceConfiguration) -> [HealthFinding] {
        guard standIn == nil, settings.auth != .none, let url = try? HTTPURL(configuration.baseURL),
            url.exposesCredentials
        else { return [] }
        return [
            .warning(
                "marketplace", "credentials and prompts go to \(url.host) without encryption",
                "use https for `marketplace.base_url`")
        ]
    }

    private var setup: MarketplaceSetup { MarketplaceSetup(settings: settings, standIn: standIn) }
}
