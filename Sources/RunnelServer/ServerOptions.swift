/// Where the server listens and who may use it.
public struct ServerOptions: Sendable {
    public var host: String
    /// 0 takes any free one.
    public var port: Int
    /// What callers of the API have to show; nil: nothing, which is for loopback alone.
    public var token: String?
    /// A request that has not come whole after this time is given up.
    public var readTimeout: Duration
    /// Connections beyond these wait.
    public var maximumConnections: Int

    public init(
        host: String = "127.0.0.1", port: Int = 8790, token: String? = nil, readTimeout: Duration = .seconds(30),
        maximumConnections: Int = 12_000
    ) {
        self.host = host
        self.port = port
        self.token = token
        self.readTimeout = readTimeout
        self.maximumConnections = maximumConnections
    }

    /// Whether only programs on this machine can reach the server.
    public var isLoopback: Bool {
        host == "localhost" || host == "::1" || host.hasPrefix("127.")
    }
}
