/// What a hook answers.
public struct WebhookResponse: Sendable {
    public enum Body: Sendable {
        case bytes([UInt8])
        /// A body that is written while it comes about. The closure returns at its end, and throws when it cannot be
        /// finished: the connection is to be closed then, so that the caller sees that something is missing.
        case stream(@Sendable (inout any WebhookBodyWriter) async throws -> Void)
    }

    public var status: Int
    public var headers: HeaderList
    public var body: Body

    public init(status: Int, headers: HeaderList = [:], body: Body = .bytes([])) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// Where the pieces of a streamed body go.
public protocol WebhookBodyWriter {
    /// Sends the bytes now, also when the task is cancelled. Waits while the caller is slow to read, and throws when the
    /// caller is gone.
    mutating func write(_ bytes: [UInt8]) async throws
}
