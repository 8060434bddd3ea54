internal import RunnelSupport
internal import Synchronization

/// An HTTP request to a route that a trigger serves.
///
/// While the route says ``IngressRoute/watchesCaller``, the task of the handler is cancelled when the caller closes the
/// connection. It is cancelled too when Runnel shuts down before the answer is complete: ``routeStatus`` tells the two
/// apart.
public struct IngressRequest: Sendable {
    /// In upper case.
    public var method: String
    /// As it was requested, percent-encoded and without the query: `/hooks/tickets`.
    public var path: String
    /// What stands in the places of the route's `{parameters}`, percent-decoded.
    public var parameters: [String: String]
    /// Encoded, without the question mark; empty where there is none.
    public var query: String
    /// As they were sent, with `host` added from the request target where HTTP has it there.
    public var headers: HeaderList
    /// The bytes that were sent, not decoded. Empty where the route streams the body, see ``bodyStream``, and after
    /// ``takeBody()``.
    public var body: [UInt8] {
        get { storage.bytes.withLock { $0 } }
        set { storage = BodyStorage(newValue) }
    }
    /// The body piece by piece as it arrives, for a route with ``IngressRoute/Body/streamed(upTo:)``. Any other route
    /// gets its whole ``body`` as one piece.
    public var bodyStream: IngressBody {
        get { stream ?? IngressBody(body) }
        set { stream = newValue }
    }
    /// The URL as the caller has it, with the query as it was sent. It begins with `server.public_url` if that is set;
    /// otherwise with what the request and trusted proxies say.
    public var url: String
    /// The IP address of the caller, for the log. Behind a proxy that `server.trusted_proxies` does not name, the proxy's.
    public var remoteAddress: String
    private var storage: BodyStorage
    private var stream: IngressBody?
    private var status: @Sendable () -> IngressRouteStatus = { .active }

    /// A request with a whole body, such as a test makes.
    ///
    /// - Parameters:
    ///   - body: The body as a whole.
    ///   - remoteAddress: The client's address.
    ///   - headers: The header fields.
    ///   - query: The part of the URL behind `?`.
    ///   - method: In upper case.
    ///   - path: With `/hooks/` in front of the route's path.
    ///   - url: The URL as the client has it; made of `host`, `path` and `query` unless given.
    public init(
        method: String, path: String, query: String = "", headers: HeaderList = [:], body: [UInt8] = [],
        remoteAddress: String = "127.0.0.1", url: String? = nil
    ) {
        self.method = method
        self.path = path
        parameters = [:]
        self.query = query
        self.headers = headers
        storage = BodyStorage(body)
        self.remoteAddress = remoteAddress
        self.url =
            url ?? "http://\(headers.first("host") ?? "localhost")\(path)\(query.isEmpty ? "" : "?\(query)")"
    }

    /// Hands the bytes of the body over. No copy of the request holds them any more, so that a large body does not stay
    /// in memory while the request is being answered.
    public func takeBody() -> [UInt8] {
        storage.bytes.withLock { bytes in
            defer { bytes = [] }
            return bytes
        }
    }

    /// A copy of the first bytes of the body, which stays when the body is handed over.
    package func beginning(upTo limit: Int) -> [UInt8] {
        storage.bytes.withLock { $0.count <= limit ? $0 : Array($0.prefix(limit)) }
    }

    /// The number of bytes of the body.
    package var bodySize: Int { storage.bytes.withLock { $0.count } }

    /// Whether the route is still served. A handler whose task is cancelled while this is
    /// ``IngressRouteStatus/active`` has lost its caller.
    public var routeStatus: IngressRouteStatus { status() }

    /// A request with these parameters of its route's path.
    package func with(parameters: [String: String]) -> IngressRequest {
        var copy = self
        copy.parameters = parameters
        return copy
    }

    package func serving(
        _ parameters: [String: String], _ status: @escaping @Sendable () -> IngressRouteStatus
    ) -> IngressRequest {
        var copy = self
        copy.parameters = parameters
        copy.status = status
        return copy
    }
}

/// The body that all copies of a request share.
private final class BodyStorage: Sendable {
    let bytes: Mutex<[UInt8]>

    init(_ bytes: [UInt8]) {
        self.bytes = Mutex(bytes)
    }
}

/// Whether a route is still served.
public struct IngressRouteStatus: Sendable, Hashable {
    private let name: String

    /// The pipeline that claimed the path still has it.
    public static let active = IngressRouteStatus(name: "active")
    /// The pipeline was removed, or has no such trigger any more.
    public static let released = IngressRouteStatus(name: "released")
    /// Runnel is shutting down: runs that have not ended go on after the next start.
    public static let shuttingDown = IngressRouteStatus(name: "shutting down")
}

/// The body of a request, piece by piece. It can be read once.
///
/// Reading throws an ``IngressError`` when the body is larger than the route takes (413), does not come in time (408),
/// does not come whole (400), or when too many bodies are held at once (503). A handler that lets the error through
/// answers with it.
public struct IngressBody: AsyncSequence, Sendable {
    /// Reads the pieces.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let read: () async throws -> [UInt8]?

        /// The next piece, which is never empty; nil at the end.
        public mutating func next() async throws -> [UInt8]? { try await read() }
    }

    private let makeRead: @Sendable () -> () async throws -> [UInt8]?

    /// A body that is there already.
    public init(_ bytes: [UInt8]) {
        makeRead = {
            var rest: [UInt8]? = bytes.isEmpty ? nil : bytes
            return {
                defer { rest = nil }
                return rest
            }
        }
    }

    /// - Parameter makeRead: Makes what reads the next piece; called for each iterator.
    package init(reading makeRead: @escaping @Sendable () -> () async throws -> [UInt8]?) {
        self.makeRead = makeRead
    }

    /// The same body, of which `note` sees every piece, and nil at its end.
    package func noting(_ note: @escaping @Sendable ([UInt8]?) -> Void) -> IngressBody {
        IngressBody(reading: { [makeRead] in
            let read = makeRead()
            return {
                let piece = try await read()
                note(piece)
                return piece
            }
        })
    }

    /// An iterator over the pieces.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(read: makeRead()) }
}

/// HTTP header fields in the order in which they came. Names are compared without regard to case, and may be repeated.
public struct HeaderList: Sendable {
    /// All fields, in order, with their names as they were written.
    public private(set) var fields: [(name: String, value: String)]

    /// A list of these names and values.
    public init(_ fields: some Sequence<(String, String)> = []) {
        self.fields = fields.map { (name: $0.0, value: $0.1) }
    }

    /// Appends a field; one of the same name stays beside it.
    public mutating func add(_ name: String, _ value: String) {
        fields.append((name, value))
    }

    /// All values of the name, in order.
    public subscript(name: String) -> [String] {
        fields.filter { Self.areEqual($0.name, name) }.map(\.value)
    }

    /// The first value of the name.
    public func first(_ name: String) -> String? {
        fields.first { Self.areEqual($0.name, name) }?.value
    }

    /// Names are ASCII. Most differ in length.
    private static func areEqual(_ name: String, _ other: String) -> Bool {
        guard name.utf8.count == other.utf8.count else { return false }
        var (name, other) = (name, other)
        return name.withUTF8 { name in
            other.withUTF8 { other in
                name.indices.allSatisfy { name[$0].lowercasedASCII == other[$0].lowercasedASCII }
            }
        }
    }
}

extension HeaderList: ExpressibleByDictionaryLiteral {
    /// A list of these names and values.
    public init(dictionaryLiteral elements: (String, String)...) {
        self.init(elements)
    }
}
