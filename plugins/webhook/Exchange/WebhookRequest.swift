/// A call to a hook, whatever server took it.
public struct WebhookRequest: Sendable {
    /// In upper case.
    public var method: String
    /// As it was asked for, without the query: `/hooks/tickets`.
    public var path: String
    /// Encoded, without the question mark; empty where there is none.
    public var query: String
    public var headers: HeaderList
    /// The bytes that were sent, of which nothing has been decoded.
    public var body: [UInt8]
    /// Who called, for the log.
    public var remoteAddress: String

    public init(
        method: String, path: String, query: String = "", headers: HeaderList, body: [UInt8], remoteAddress: String
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.remoteAddress = remoteAddress
    }
}
