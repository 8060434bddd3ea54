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

        /// - Parameter responseFormat: As `marketplace.response_format` says it.
        public init(
            client: MarketplaceClient, httpClient: HTTPClient,
            responseFormat: MarketplaceSettings.ResponseFormat = .auto
        ) {
            self.client = client
            self.httpClient = httpClient
            formats = ResponseFormats(setting: responseFormat)
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
