public import AsyncHTTPClient
public import Logging
internal import NIOCore
internal import NIOHTTP1
internal import RunnelSupport

/// Talks to the Marketplace API, or to an OpenAI-compatible server. One client is meant to be shared by all callers:
/// they share its token and its limits.
public final class MarketplaceClient: Sendable {
    /// How the client was set up.
    public let configuration: MarketplaceConfiguration

    let httpClient: HTTPClient
    let logger: Logger
    let time: TimeSource
    let tokens: TokenSource?
    let limiter: Limiter
    let wallClock: @Sendable () -> Int = { Int(WallClock.nanoseconds() / 1_000_000_000) }

    /// Makes a client.
    /// - Parameters:
    ///   - configuration: where the server is, who asks, and how long things may take.
    ///   - httpClient: owned by the caller, who shuts it down after the last call. Make it with
    ///     ``MarketplaceConfiguration/httpClientConfiguration``: others may wait longer for a connection or follow
    ///     redirects.
    ///   - logger: gets what a person may want to know when something is slow or tried again.
    ///   - clock: tells the time for tokens, delays and time-outs.
    public init(
        configuration: MarketplaceConfiguration, httpClient: HTTPClient,
        logger: Logger = Logger(label: "marketplace", factory: { _ in SwiftLogNoOpLogHandler() }),
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        let time = TimeSource(clock)
        self.configuration = configuration
        self.httpClient = httpClient
        self.logger = logger
        self.time = time
        limiter = Limiter(configuration.limits, time: time)
        switch configuration.authentication {
        case .clientCredentials(let id, let secret):
            tokens = TokenSource(
                fetcher: TokenFetcher(
                    clientID: id, clientSecret: secret, url: configuration.tokenURL, timeouts: configuration.timeouts,
                    retry: configuration.retry, httpClient: httpClient, logger: logger, time: time, wallClock: wallClock
                ))
        case .bearer, .none: tokens = nil
        }
    }

    /// Fetches a token unless there is a good one, and so finds out whether the server takes the client's credentials.
    /// With a fixed token, or none, there is nothing to find out.
    public func authenticate() async throws(MarketplaceError) {
        _ = try await tokens?.token()
    }

    /// Asks, and gives the answer as it comes. The request is sent when the first event is asked for; each iterator
    /// makes a request of its own.
    public func chat(_ request: ChatRequest) -> ChatStream {
        ChatStream(client: self, request: request)
    }
}

extension MarketplaceClient: CustomStringConvertible, CustomReflectable {
    /// The base URL and the kind of authentication.
    public var description: String { "MarketplaceClient(\(configuration.baseURL), \(configuration.authentication))" }
    /// Shows no more than ``description``: a client holds tokens.
    public var customMirror: Mirror { Mirror(self, children: [("configuration", configuration)]) }
}

extension MarketplaceConfiguration {
    /// Settings for an `HTTPClient` that the client works best with: the connect time-out of this configuration, no
    /// repeated connecting (the client decides about that), no redirects, as many connections as streams.
    public var httpClientConfiguration: HTTPClient.Configuration {
        var settings = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .nanoseconds(Int64(timeouts.connect.inSeconds * 1e9)), read: nil))
        settings.connectionPool.retryConnectionEstablishment = false
        settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = max(8, limits.concurrentStreams)
        return settings
    }
}
