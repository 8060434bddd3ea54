internal import AsyncHTTPClient
internal import NIOCore
public import NIOHTTP1
public import RunnelKit

/// One request and what may come back.
public struct HTTPCall: Sendable {
    /// What happens to an answer that is too large.
    public enum BodyLimit: Sendable, Hashable {
        /// The call fails with ``TransportProblem/tooLarge(limit:)``.
        case fail(bytes: Int)
        /// The rest is not read.
        case cut(bytes: Int)
    }

    /// In upper case.
    public var method: String
    /// Where it goes.
    public var url: HTTPURL
    /// The header fields that are sent, beside those for host and length.
    public var headers: HTTPHeaders
    /// What is sent; nil for a request without a body.
    public var body: [UInt8]?
    /// How much of an answer is read.
    public var bodyLimit: BodyLimit

    /// A request with all that it needs.
    public init(method: String, url: HTTPURL, headers: HTTPHeaders, body: [UInt8]?, bodyLimit: BodyLimit) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.bodyLimit = bodyLimit
    }

    /// A request with what most requests need.
    ///
    /// - Parameters:
    ///   - method: In upper case.
    ///   - headers: Beside these go `content-type`, for a body, and `user-agent`.
    ///   - limit: A larger answer fails with ``TransportProblem/tooLarge(limit:)``.
    public init(
        _ method: String = "GET", _ url: HTTPURL, headers: KeyValuePairs<String, String> = [:],
        body: RequestBody? = nil, answerUpTo limit: ByteCount = .mebibytes(10)
    ) {
        var fields = HTTPHeaders(headers.map { ($0.key, $0.value) })
        if let body { fields.addDefault(name: "content-type", value: body.contentType) }
        fields.addDefault(name: "accept-encoding", value: "identity")
        fields.addDefault(name: "user-agent", value: HTTPHeaders.userAgent)
        self.init(method: method, url: url, headers: fields, body: body?.bytes, bodyLimit: .fail(bytes: limit.bytes))
    }

    /// The first value of a header field.
    public func header(_ name: String) -> String? { headers.first(name: name) }

    /// Method and URL for messages; see ``HTTPURL/shown``.
    public var shown: String { "\(method) \(url.shown)" }

    /// See ``HTTPSender/send(_:)``. When it throws, the connection does not go on.
    func send(with client: HTTPClient) async throws -> HTTPReply {
        var request = HTTPClientRequest(url: url.text)
        request.method = HTTPMethod(rawValue: method)
        request.headers = headers
        if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
        do {
            let response = try await client.execute(request, deadline: .distantFuture)
            let (bytes, isCut) = try await read(response)
            try Task.checkCancellation()
            return HTTPReply(
                status: Int(response.status.code), headers: response.headers, body: bytes, isBodyCut: isCut)
        } catch {
            try Task.checkCancellation()
            throw TransportProblem(error, host: url.host)
        }
    }

    private func read(_ response: HTTPClientResponse) async throws -> (bytes: [UInt8], isCut: Bool) {
        let limit =
            switch bodyLimit {
            case .fail(let bytes), .cut(let bytes): bytes
            }
        if case .fail = bodyLimit, method != "HEAD", let said = response.headers.first(name: "content-length"),
            let length = Int(said), length > limit
        {
            throw TransportProblem.tooLarge(limit: limit)
        }
        var bytes: [UInt8] = []
        for try await chunk in response.body {
            let room = limit - bytes.count
            if chunk.readableBytes > room {
                guard case .cut = bodyLimit else { throw TransportProblem.tooLarge(limit: limit) }
                bytes.append(contentsOf: chunk.readableBytesView.prefix(room))
                return (bytes, true)
            }
            bytes.append(contentsOf: chunk.readableBytesView)
        }
        return (bytes, false)
    }
}
