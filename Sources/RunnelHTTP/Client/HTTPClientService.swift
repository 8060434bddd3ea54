internal import AsyncHTTPClient
internal import NIOCore
public import RunnelKit

/// The one HTTP client that all steps share.
public enum HTTPClientService: ServiceKey {
    /// The network, or what stands in for it.
    public typealias Service = any HTTPSender

    /// For errors.
    public static let name = "the HTTP client"

    /// How long a connection may take to be made, the TLS handshake included.
    public static let connectTimeout: Duration = .seconds(10)

    /// Says how the client is made and shut down.
    public static func register(in services: Services) async {
        await services.register(HTTPClientService.self, shutDown: { await $0.shutDown() }) { services in
            NetworkSender(network: try Network.registered(in: services), configuration: configuration)
        }
    }

    /// Puts something else in the place of the network.
    public static func register(_ sender: any HTTPSender, in services: Services) async {
        await services.register(HTTPClientService.self, shutDown: { await $0.shutDown() }) { _ in sender }
    }

    static var configuration: HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            // Steps follow redirects themselves: they drop credentials and count.
            redirectConfiguration: .disallow,
            // The time a whole call may take is kept by the step, on its own clock.
            timeout: .init(connect: .nanoseconds(connectTimeout.components.seconds * 1_000_000_000)),
            // A call decompresses by itself, up to its limit.
            decompression: .disabled)
        // Trying again is the decision of whoever waits, who wants to see why it failed.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.idleTimeout = .seconds(15)
        return configuration
    }
}
