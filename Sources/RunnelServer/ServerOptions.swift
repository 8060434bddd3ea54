/// Where the server listens, who may use it, and how much it bears.
public struct ServerOptions: Sendable {
    /// The name or address to listen on.
    public var host: String
    /// 0 takes any free one.
    public var port: Int
    /// What callers of the API have to show; nil: nothing, which is for loopback alone.
    public var token: String?
    /// How long each part of a connection may take.
    public var timeouts: ConnectionTimeouts
    /// Connections beyond these wait until others end. Fewer where the process may not open as many files.
    public var maximumConnections: Int
    /// Bytes of request bodies that are held at once, of all callers together. Beyond, callers are told to come again.
    public var maximumBodyMemory: Int

    /// Options that bind to this machine alone, with limits for some ten thousand callers.
    public init(
        host: String = "127.0.0.1", port: Int = 8790, token: String? = nil,
        timeouts: ConnectionTimeouts = ConnectionTimeouts(), maximumConnections: Int = 12_000,
        maximumBodyMemory: Int = 256 << 20
    ) {
        self.host = host
        self.port = port
        self.token = token
        self.timeouts = timeouts
        self.maximumConnections = maximumConnections
        self.maximumBodyMemory = maximumBodyMemory
    }

    /// Whether only programs on this machine can reach the server.
    public var isLoopback: Bool { LoopbackName.matches(host) }
}

/// How long a connection may take over each of its parts.
public struct ConnectionTimeouts: Sendable, Hashable {
    /// From the first byte of a request to the last of its header. Then the connection is closed.
    public var header: Duration
    /// For the whole body. Then the answer is 408.
    public var body: Duration
    /// Without a request, after opening and between two requests. Then the connection is closed.
    public var idle: Duration
    /// For a caller who does not read what it is sent. Then the connection is closed.
    public var write: Duration
    /// For a caller who was told that the connection ends to take note of it.
    public var farewell: Duration

    /// Limits that honest callers do not meet.
    public init(
        header: Duration = .seconds(10), body: Duration = .seconds(30), idle: Duration = .seconds(60),
        write: Duration = .seconds(60), farewell: Duration = .seconds(2)
    ) {
        self.header = header
        self.body = body
        self.idle = idle
        self.write = write
        self.farewell = farewell
    }
}
