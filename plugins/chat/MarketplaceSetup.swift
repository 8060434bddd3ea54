public import AsyncHTTPClient
public import Marketplace
public import RunnelKit

/// Creates the client's configuration from `marketplace:` in `runnel.yaml`.
struct MarketplaceSetup {
    let settings: MarketplaceSettings
    let standIn: AgentStandIn?
    /// Whether this is for an interactive check, which makes one attempt with a shorter time limit.
    var isProbe = false

    /// The maximum time limit for fetching an access token in a check.
    private static let probeLimit = Duration.seconds(10)

    func configuration() throws -> MarketplaceConfiguration {
        do {
            if let standIn {
                let authentication = MarketplaceConfiguration.Authentication.clientCredentials(
                    clientID: standIn.clientID, clientSecret: standIn.clientSecret)
                if let limit = standIn.pacing?.timeLimit {
                    return try MarketplaceConfiguration(
                        baseURL: standIn.baseURL, authentication: authentication, agentID: standIn.agentID,
                        dialect: try dialect(of: standIn),
                        timeouts: .init(connect: limit, idle: limit, total: limit, token: limit))
                }
                return try MarketplaceConfiguration(
                    baseURL: standIn.baseURL, authentication: authentication, agentID: standIn.agentID,
                    dialect: try dialect(of: standIn), timeouts: timeouts, limits: limits, retry: retry)
            }
            return try MarketplaceConfiguration(
                baseURL: try required(settings.baseURL, "base_url"), authentication: authentication(),
                agentID: settings.agentID, model: settings.model,
                tokenPath: settings.tokenPath ?? "/api/v1/auth/external-service-token", chatPath: settings.chatPath,
                streamEnd: settings.streamEnd.flatMap { .init(rawValue: $0.rawValue) }, dialect: try dialect(),
                timeouts: timeouts, limits: limits, retry: retry)
        } catch let error as MarketplaceError {
            throw StepError(reported: error.code.rawValue, error.message, hint: error.hint)
        }
    }

    private var timeouts: MarketplaceConfiguration.Timeouts {
        .init(
            connect: settings.timeouts.connect, idle: settings.timeouts.idle, total: settings.timeouts.total,
            token: isProbe ? min(settings.timeouts.token, Self.probeLimit) : settings.timeouts.token)
    }

    private var limits: MarketplaceConfiguration.Limits {
        .init(
            concurrentStreams: settings.limits.concurrentStreams,
            requestsPerMinute: settings.limits.requestsPerMinute, maxEvent: settings.limits.maxEvent.bytes,
            maxAnswer: settings.limits.maxAnswer.bytes)
    }

    private func dialect() throws(MarketplaceError) -> MarketplaceConfiguration.Dialect {
        MarketplaceConfiguration.Dialect(
            conversationKey: settings.bodyKeys.conversationID,
            usage: .init(rawValue: settings.usage.rawValue) ?? .auto,
            reconnect: try endpoint(settings.paths.reconnect, "GET"),
            cancel: try endpoint(settings.paths.cancel, "POST"),
            upload: try endpoint(settings.paths.upload, "POST"))
    }

    /// The stand-in has places of its own, in the place of those that are set.
    private func dialect(of standIn: AgentStandIn) throws(MarketplaceError) -> MarketplaceConfiguration.Dialect {
        MarketplaceConfiguration.Dialect(
            usage: .always,
            reconnect: try endpoint(settings.paths.reconnect.flatMap { _ in standIn.reconnectPath }, "GET"),
            cancel: try endpoint(settings.paths.cancel.flatMap { _ in standIn.cancelPath }, "POST"))
    }

    private func endpoint(
        _ text: String?, _ method: String
    ) throws(MarketplaceError) -> MarketplaceConfiguration.Endpoint? {
        guard let text else { return nil }
        return try MarketplaceConfiguration.Endpoint(text, method: method)
    }

    private var retry: RetryPolicy {
        var retry = RetryPolicy(maxRetryAfter: settings.limits.retryAfter)
        if isProbe { retry.attempts = 1 }
        return retry
    }

    private func authentication() throws -> MarketplaceConfiguration.Authentication {
        switch settings.auth {
        case .clientCredentials:
            .clientCredentials(
                clientID: try required(settings.clientID, "client_id"),
                clientSecret: try resolved(settings.clientSecret, "client_secret"))
        case .bearer: .bearer(try resolved(settings.token, "token"))
        case .none: .none
        }
    }

    private func required(_ value: String?, _ key: String) throws(StepError) -> String {
        guard let value, !value.isEmpty else { throw missing(key) }
        return value
    }

    private func resolved(_ secret: SensitiveValue?, _ key: String) throws(StepError) -> String {
        switch secret?.value {
        case nil: throw missing(key)
        case .success(let text)?: return text
        case .failure(let problem)?:
            throw StepError(ChatErrorCode.unconfigured, "`marketplace.\(key)` \(problem.predicate)")
        }
    }

    private func missing(_ key: String) -> StepError {
        StepError(
            ChatErrorCode.unconfigured, "`marketplace.\(key)` is not set",
            hint: "set it in runnel.yaml or as RUNNEL_MARKETPLACE_\(key.uppercased())"
                + "; with `--simulate`, `runnel run`, `ask` and `serve` do not need it")
    }
}

/// The one Marketplace client that all steps share, with its token and its limits.
public enum MarketplaceService: ServiceKey {
    /// A class, so that a chat holds only a reference to it while it streams.
    public final class Service: Sendable {
        /// The client.
        public let client: MarketplaceClient
        /// Belongs to the client alone, since the client decides about connecting and redirects by itself.
        public let httpClient: HTTPClient
        /// How the server is told of schemas.
        let formats: ResponseFormats
        /// What steps have to know of the settings beside the client's.
        public let settings: MarketplaceSettings
        /// Whether a stand-in answers, whose tokens cost nothing and are not counted.
        public let isSimulated: Bool

        /// A service; see the properties.
        public init(
            client: MarketplaceClient, httpClient: HTTPClient, settings: MarketplaceSettings = MarketplaceSettings(),
            isSimulated: Bool = false
        ) {
            self.client = client
            self.httpClient = httpClient
            formats = ResponseFormats(setting: settings.responseFormat)
            self.settings = settings
            self.isSimulated = isSimulated
        }
    }

    /// For errors.
    public static let name = "the Marketplace client"

    /// Says how the client is made; it is shut down with the other services.
    public static func register(
        in services: Services, make: @escaping @Sendable (isolated Services) throws -> Service
    ) async {
        await services.register(
            Self.self, shutDown: { try? await $0.httpClient.shutdown() }, make: make)
    }
}
