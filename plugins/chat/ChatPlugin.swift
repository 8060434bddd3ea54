internal import AsyncHTTPClient
internal import Marketplace
internal import RunnelHTTP
public import RunnelKit

/// Talks to agents through the Marketplace API.
public struct ChatPlugin: CredentialPlugin, AgentPlugin, MonitoringPlugin, BudgetingPlugin {
    /// The plugin's name.
    public let name = "chat"
    /// The step `chat`.
    public var steps: [StepDefinition] {
        [
            StepDefinition(Chat.self) { [self] chat throws(FieldError) in
                try checkSetup(agentID: chat.body["agentId"]?.asString ?? chat.agentID)
            }
        ]
    }
    /// The codes of its errors.
    public var errorCodes: [any ErrorCode.Type] { [ChatErrorCode.self] }
    private var settings = MarketplaceSettings()
    /// Whether the settings are those of a project. Before that, nothing is said about them.
    private var isConfigured = false
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
        copy.isConfigured = true
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
        let (setup, settings, standIn) = (setup, settings, standIn)
        let (clock, isStandIn) = (standIn?.pacing?.clock, standIn != nil)
        await MarketplaceService.register(in: services) { services in
            let configuration = try setup.configuration()
            // The stand-in is a part of this process.
            let network = try isStandIn ? Network(environment: { _ in nil }) : Network.registered(in: services)
            let httpClient = try network.client(
                for: configuration.baseURL, from: configuration.httpClientConfiguration)
            return MarketplaceService.Service(
                client: MarketplaceClient(
                    configuration: configuration, httpClient: httpClient,
                    prepare: { network.withCertificates($0) }, clock: clock ?? ContinuousClock()),
                httpClient: httpClient, settings: isStandIn ? settings.forStandIn : settings, isSimulated: isStandIn)
        }
    }

    /// The keys of the credentials.
    public static let credentials = ["client_id", "client_secret", "token"]

    /// Passes the current credentials to the Marketplace client. A stand-in keeps its own.
    public func renewCredentials(in services: Services) async throws {
        guard standIn == nil else { return }
        let authentication = try setup.configuration().authentication
        try await services.get(MarketplaceService.self).client.setAuthentication(authentication)
    }

    /// Budgets.
    public let monitoredKinds: [HealthBoard.Kind] = [.budget]

    /// The budgets that are nearly or wholly used up.
    public func problems(_ context: MonitoringContext) async throws -> [HealthBoard.Problem] {
        try await Budgets(settings: settings).problems(context)
    }

    /// `marketplace.budget` and `marketplace.pipeline_budgets`.
    public func budgets(_ context: MonitoringContext) async throws -> [BudgetStatus] {
        try await Budgets(settings: settings).statuses(context)
    }

    /// Checks whether the Marketplace is reachable and accepts the credentials, and whether budgets are those of pipelines.
    public func diagnose(_ context: DiagnosisContext) async -> [HealthFinding] {
        let strangers = context.pipelines.map { warnings(pipelines: $0) } ?? []
        return await connection(context) + strangers.map { HealthFinding.warning("marketplace", $0.message, $0.hint) }
    }

    /// Budgets of pipelines that are not there.
    public func warnings(pipelines: [String]) -> [FieldError] {
        Budgets(settings: settings).strangers(among: pipelines)
    }

    private func connection(_ context: DiagnosisContext) async -> [HealthFinding] {
        let configuration: MarketplaceConfiguration
        do {
            configuration = try MarketplaceSetup(settings: settings, standIn: standIn, isProbe: true).configuration()
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
        let client = MarketplaceClient(configuration: configuration, httpClient: httpClient)
        do throws(MarketplaceError) {
            switch standIn == nil ? settings.auth : .clientCredentials {
            case .clientCredentials:
                try await client.authenticate()
                finding = .good("marketplace", "\(shown) takes the credentials")
            case .bearer:
                try await client.connect()
                finding = .good("marketplace", "\(shown) answers; the first chat uses the token")
            case .none:
                try await client.connect()
                finding = .good("marketplace", "\(shown) answers; it gets no token (`auth: none`)")
            }
        } catch {
            finding = .problem("marketplace", error.message, error.advice)
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

    /// - Throws: What is missing for a chat, with the code `marketplace-unconfigured`.
    private func checkSetup(agentID: String?) throws(FieldError) {
        guard isConfigured, standIn == nil else { return }
        do {
            _ = try setup.configuration()
        } catch let error as StepError {
            throw FieldError(error.message, hint: error.hint, code: ChatErrorCode.unconfigured)
        } catch {
            throw FieldError("\(error)", code: ChatErrorCode.unconfigured)
        }
        // Other servers have no agents.
        guard settings.auth == .clientCredentials, namesNoAgent(agentID) else { return }
        throw FieldError(
            "no agent is named", hint: "set `marketplace.agent_id` in runnel.yaml, or `agent_id` of the step",
            code: ChatErrorCode.unconfigured)
    }

    /// - Parameter agentID: That of the step.
    private func namesNoAgent(_ agentID: String?) -> Bool {
        (settings.body["agentId"]?.asString ?? agentID ?? settings.agentID)?.isEmpty ?? true
    }
}
