public import AsyncHTTPClient
internal import HTTPCalling
public import Logging
internal import NIOCore
internal import NIOHTTP1
internal import RunnelSupport
internal import RunnelValue
internal import Synchronization

/// Talks to the Marketplace API, or to an OpenAI-compatible server. One client is meant to be shared by all callers:
/// they share its token and its limits.
public final class MarketplaceClient: Sendable {
    /// How the client was set up.
    public let configuration: MarketplaceConfiguration

    let httpClient: HTTPClient
    let prepare: @Sendable (HTTPClient.Request) -> HTTPClient.Request
    let logger: Logger
    let time: TimeSource
    private let current: Watched<MarketplaceConfiguration.Authentication>
    let tokens: TokenSource?
    let limiter: Limiter
    /// Which models are asked for the usage.
    let usageSupport = UsageSupport()
    let wallClock: @Sendable () -> Int = { Int(WallClock.nanoseconds() / 1_000_000_000) }

    /// Makes a client.
    /// - Parameters:
    ///   - configuration: where the server is, who asks, and how long things may take.
    ///   - httpClient: owned by the caller, who shuts it down after the last call. Make it with
    ///     ``MarketplaceConfiguration/httpClientConfiguration``: others may wait longer for a connection or follow
    ///     redirects.
    ///   - prepare: changes each request before it is sent, for example to set its certificates.
    ///   - logger: gets what a person may want to know when something is slow or tried again.
    ///   - clock: tells the time for tokens, delays and time-outs.
    public init(
        configuration: MarketplaceConfiguration, httpClient: HTTPClient,
        prepare: @escaping @Sendable (HTTPClient.Request) -> HTTPClient.Request = { $0 },
        logger: Logger = Logger(label: "marketplace", factory: { _ in SwiftLogNoOpLogHandler() }),
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        let time = TimeSource(clock)
        self.configuration = configuration
        self.httpClient = httpClient
        self.prepare = prepare
        self.logger = logger
        self.time = time
        limiter = Limiter(configuration.limits, time: time)
        current = Watched(configuration.authentication)
        switch configuration.authentication {
        case .clientCredentials:
            tokens = TokenSource(
                fetcher: TokenFetcher(
                    authentication: current, url: configuration.tokenURL, timeouts: configuration.timeouts,
                    retry: configuration.retry, httpClient: httpClient, logger: logger, time: time,
                    wallClock: wallClock, prepare: prepare))
        case .bearer, .none: tokens = nil
        }
    }

    /// The credentials in use.
    var authentication: MarketplaceConfiguration.Authentication { current.value }

    /// Uses new credentials, such as a rotated secret, from the next request on. A token that was fetched with the old ones
    /// stays in use until it expires or is refused. Ignores credentials of another kind than the configuration's.
    public func setAuthentication(_ new: MarketplaceConfiguration.Authentication) {
        switch (configuration.authentication, new) {
        case (.clientCredentials, .clientCredentials), (.bearer, .bearer): current.update { $0 = new }
        default: break
        }
    }

    /// Fetches a token unless there is a good one, and so finds out whether the server takes the client's credentials.
    /// With a fixed token, or none, there is nothing to find out.
    public func authenticate() async throws(MarketplaceError) {
        _ = try await tokens?.token()
    }

    /// Finds out whether the server can be reached. Any answer counts.
    public func connect() async throws(MarketplaceError) {
        var request = HTTPClientRequest(url: configuration.baseURL)
        request.method = .HEAD
        let limit = configuration.timeouts.connect
        let (result, isLate) = await withDeadline(limit, clock: time.clock) { [httpClient, request] in
            _ = try await httpClient.execute(request, deadline: .distantFuture)
        }
        if isLate { throw TransportFailure.connectTimeout(configuration.baseURL, limit) }
        do { try result.get() } catch {
            throw TransportFailure.error(
                error, url: configuration.baseURL, timeouts: configuration.timeouts, answered: false,
                redactor: ResponseRedactor(secrets: []))
        }
    }

    /// - Parameter model: That of the request.
    func asksForUsage(of model: String) -> Bool {
        switch configuration.dialect.usage {
        case .auto: usageSupport[model] != false
        case .always: true
        case .never: false
        }
    }

    /// Asks, and gives the answer as it comes. The request is sent when the first event is asked for; each iterator
    /// makes a request of its own.
    public func chat(_ request: ChatRequest) -> ChatStream {
        ChatStream(client: self, request: request)
    }
}

/// What is known of the models that are asked for the usage: a gateway may have servers of several kinds behind it.
final class UsageSupport: Sendable {
    private let models = Mutex<[String: Bool]>([:])

    /// More models than anybody names; beyond it nothing is remembered.
    private static let maximumModels = 256

    /// Whether requests of the model that ask for the usage are taken; nil if that is not known.
    subscript(model: String) -> Bool? {
        models.withLock { $0[model] }
    }

    func note(_ model: String, isTaken: Bool) {
        models.withLock { models in
            if models[model] != nil || models.count < Self.maximumModels { models[model] = isTaken }
        }
    }
}

extension MarketplaceClient {
    /// The time limit for a cancellation request, including the fetch of an access token.
    private static let cancelLimit = Duration.seconds(5)

    /// Tells the server that an answer is wanted no more. Also in a cancelled task.
    /// - Returns: Whether the server was told: it has a place for that, and took note.
    public func cancel(_ answer: MessageInfo) async -> Bool {
        guard let endpoint = configuration.dialect.cancel, let path = endpoint.path(answer) else { return false }
        // An unstructured task, awaited here: the caller is cancelled already, and the request must be made nevertheless.
        return await Task {
            let (result, _) = await withDeadline(Self.cancelLimit, clock: time.clock) {
                var headers: HTTPHeaders = ["Accept": "application/json"]
                let token = try await self.tokens?.token()
                if let value = self.authentication.header(token) { headers.add(name: "Authorization", value: value) }
                let url = self.configuration.baseURL + path
                let request = try self.prepare(
                    HTTPClient.Request(url: url, method: HTTPMethod(rawValue: endpoint.method), headers: headers))
                return try await self.httpClient.collect(request, from: url, upTo: 0).status
            }
            guard case .success(let status) = result else {
                logger.warning("the server could not be told that an answer is cancelled")
                return false
            }
            let isTold = (200..<300).contains(status.code)
            if !isTold { logger.warning("the server refused to cancel an answer: \(status.code)") }
            return isTold
        }.value
    }
}

extension MarketplaceClient: CustomStringConvertible, CustomReflectable {
    /// The base URL and the kind of authentication.
    public var description: String { "MarketplaceClient(\(configuration.baseURL), \(authentication))" }
    /// Shows no more than ``description``: a client holds tokens.
    public var customMirror: Mirror { Mirror(self, children: [("configuration", configuration)]) }
}

extension MarketplaceConfiguration {
    /// Settings for an `HTTPClient` that the client works best with: the connect time-out of this configuration, no
    /// repeated connecting (the client decides about that), no redirects, as many connections as streams. Chunks of an
    /// HTTP/1.1 response that arrive together are joined, so that reading a stream of small events costs less.
    public var httpClientConfiguration: HTTPClient.Configuration {
        var settings = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .nanoseconds(timeouts.connect.nanoseconds), read: nil))
        settings.connectionPool.retryConnectionEstablishment = false
        settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = max(8, limits.concurrentStreams)
        settings.rejectInvalidResponses()
        ChunkCoalescingHandler.install(in: &settings)
        return settings
    }
}
