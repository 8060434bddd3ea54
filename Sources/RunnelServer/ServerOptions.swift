package import RunnelEngine
package import RunnelKit

/// The server's address, access token and limits.
public struct ServerOptions: Sendable {
    /// The name or address to listen on.
    public var host: String
    /// The port; 0 selects a free one.
    public var port: Int
    /// A listening socket that was passed to this process, instead of one at the host and port. They name its address.
    package var socket: CInt?
    /// The bearer token of the API; nil for none, which is for loopback only.
    public var token: String?
    /// Further tokens of the API, with what they allow.
    package var tokens: [APIToken] = []
    /// Where callers reach the server, if they call another URL than the one it listens on.
    public var publicURL: PublicURL?
    /// The proxies whose forwarding header fields name the caller.
    public var trustedProxies = TrustedProxies()
    /// How people are signed in to the dashboard whom a trusted proxy has signed in; nil if they are not.
    package var signIn: ProxySignIn?
    /// The certificate for HTTPS; nil for HTTP.
    public var tls: ServerCertificate?
    /// The time limits of a connection.
    public var timeouts: ConnectionTimeouts
    /// The maximum number of connections; further ones wait. Fewer if the limit of open files is lower.
    public var maximumConnections: Int
    /// The maximum bytes of all request bodies in memory. Beyond it clients get 503 with Retry-After.
    public var maximumBodyMemory: Int
    /// What calls of agents and models cost.
    package var prices = PriceTable()
    /// Whether deliveries to hooks are recorded.
    package var recordsDeliveries = true
    /// The configuration at startup, for the dashboard.
    package var settings: [EffectiveSetting] = []

    /// Options for loopback, with limits for some ten thousand clients.
    public init(
        host: String = "127.0.0.1", port: Int = 8790, token: String? = nil,
        timeouts: ConnectionTimeouts = ConnectionTimeouts(), maximumConnections: Int = 12_000,
        maximumBodyMemory: Int = 256 << 20
    ) {
        self.host = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        self.port = port
        self.token = token
        self.timeouts = timeouts
        self.maximumConnections = maximumConnections
        self.maximumBodyMemory = maximumBodyMemory
    }

    /// All tokens of the API; without any, all programs on this machine are admitted.
    package var allTokens: [APIToken] {
        (token.map { [APIToken(name: APIToken.unnamed, value: $0, scope: .admin)] } ?? []) + tokens
    }

    /// The URL of the server's root without a slash behind it, for people and for links.
    ///
    /// - Parameter port: The port that it listens on.
    public func url(port: Int) -> String {
        let name = host.contains(":") ? "[\(host)]" : host
        return "\(tls == nil ? "http" : "https")://\(name):\(port)"
    }

    /// Whether only programs on this machine can reach the server.
    public var isLoopback: Bool { LoopbackName.matches(host) }
}

/// Time limits of a connection.
public struct ConnectionTimeouts: Sendable, Hashable {
    /// From the first byte of a request to the end of its header. The connection is then closed.
    public var header: Duration
    /// For the whole body. The response is then 408.
    public var body: Duration
    /// Idle time after opening and between requests. The connection is then closed.
    public var idle: Duration
    /// For a client that does not read the response. The connection is then closed.
    public var write: Duration
    /// Lingering close: how long to keep reading after the last response.
    public var lingeringClose: Duration

    /// Defaults, well above what ordinary clients use.
    public init(
        header: Duration = .seconds(10), body: Duration = .seconds(30), idle: Duration = .seconds(60),
        write: Duration = .seconds(60), lingeringClose: Duration = .seconds(2)
    ) {
        self.header = header
        self.body = body
        self.idle = idle
        self.write = write
        self.lingeringClose = lingeringClose
    }
}
