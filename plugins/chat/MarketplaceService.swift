public import AsyncHTTPClient
public import Marketplace
public import RunnelKit

/// The one Marketplace client that all steps share, with its token and its limits.
public enum MarketplaceService: ServiceKey {
    public struct Service: Sendable {
        public let client: MarketplaceClient
        /// Belongs to the client alone, since the client decides about connecting and redirects by itself.
        public let httpClient: HTTPClient
        /// How the server is told of schemas.
        let formats: ResponseFormats
        /// What steps have to know of the settings beside the client's.
        public let settings: MarketplaceSettings
        /// Whether a stand-in answers, whose tokens cost nothing and are not counted.
        public let isSimulated: Bool

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

    public static let name = "the Marketplace client"

    /// Says how the client is made; it is shut down with the other services.
    public static func register(
        in services: Services, make: @escaping @Sendable (isolated Services) throws -> Service
    ) async {
        await services.register(
            Self.self, shutDown: { try? await $0.httpClient.shutdown() }, make: make)
    }
}
