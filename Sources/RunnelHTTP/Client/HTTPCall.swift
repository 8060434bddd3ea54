internal import AsyncHTTPClient
internal import HTTPCalling
internal import NIOCore
public import NIOHTTP1
internal import NIOSSL
public import RunnelKit
internal import RunnelSupport

/// One request and what may come back.
public struct HTTPCall: Sendable {
    /// What happens to an answer that is too large.
    @nonexhaustive public enum BodyLimit: Sendable, Hashable {
        /// The call fails with ``TransportProblem/tooLarge(limit:)``. Where the body need not be whole, the rest is not read.
        case fail(bytes: Int)
        /// The rest is not read.
        case cut(bytes: Int)
    }

    /// What the body of an answer is to a call.
    @nonexhaustive public enum BodyUse: Sendable, Hashable {
        /// The call fails if the body is too large, cut off, or not what its `Content-Encoding` names.
        case whole
        /// The status decides alone, even if the body is missing. What can be read of it is kept; see
        /// ``HTTPReply/bodyProblem``.
        case partial
        /// The body is not kept. The call does not wait for it for more than a moment.
        case ignored
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

    /// What the body of an answer is to this call, by the status and the header fields of the answer. By default, only
    /// a status from 200 to 299 needs a whole body.
    public var bodyUse: @Sendable (HTTPReply) -> BodyUse = { (200...299).contains($0.status) ? .whole : .partial }

    /// Who chose the host of a URL. By it the address policy of `http:` in `runnel.yaml` refuses addresses.
    @nonexhaustive public enum HostSource: Sendable, Hashable {
        /// The author of the pipeline wrote it, or the configuration.
        case author
        /// Data that a step or an input brought: metadata addresses of clouds are refused.
        case data
        /// Data in a run of a trigger that brings data from outside: private addresses are refused.
        case outside
    }

    /// Who chose the host.
    public var hostSource = HostSource.author

    /// Takes bodies piece by piece, for those that are too large for the memory; nil collects them in
    /// ``HTTPReply/body``.
    public var sink: HTTPBodySink?

    /// Asked when the connection takes the body, or before anything is sent of a call without one. When it throws, the
    /// server gets no whole request, and the call fails with that error.
    public var willSend: (@Sendable () throws -> Void)?

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
        fields.addDefault(name: "accept-encoding", value: HTTPHeaders.acceptEncoding)
        fields.addDefault(name: "user-agent", value: HTTPHeaders.userAgent)
        self.init(method: method, url: url, headers: fields, body: body?.bytes, bodyLimit: .fail(bytes: limit.bytes))
    }

    /// Adds the header fields `traceparent` and `tracestate`, so that what the server does joins the trace. A call that has
    /// a `traceparent` of its own keeps it.
    public mutating func carry(_ trace: TraceContext?) {
        guard let trace, !headers.contains(name: TraceContext.fields.parent) else { return }
        for (name, value) in trace.headers { headers.replaceOrAdd(name: name, value: value) }
    }

    /// The first value of a header field.
    public func header(_ name: String) -> String? { headers.first(name: name) }

    /// Method and URL for messages; see ``HTTPURL/shown``.
    public var shown: String { "\(method) \(url.shown)" }

    /// See ``HTTPSender/send(_:)``. When it throws, the connection does not go on.
    ///
    /// - Parameters:
    ///   - tls: Trust and identity; nil for those of the client.
    ///   - proxy: The proxy that gets the request, with the whole URL as its target.
    ///   - tunnel: The proxy that the client connects through.
    func send(
        with client: HTTPClient, tls: TLSConfiguration? = nil, through proxy: Proxy? = nil, tunnel: Proxy? = nil
    ) async throws -> HTTPReply {
        var request = HTTPClientRequest(url: url.text)
        request.method = HTTPMethod(rawValue: method)
        request.headers = headers
        request.tlsConfiguration = tls
        if let proxy {
            let host = proxy.host.contains(":") ? "[\(proxy.host)]" : proxy.host
            request.url = "http://\(host):\(proxy.port)/"
            request.headers.addDefault(name: "host", value: String(url.origin.dropFirst("http://".count)))
            request.headers.replaceOrAdd(name: ForwardProxyHandler.targetField, value: url.text)
            if let credentials = proxy.credentials {
                let pair = Base64.encode(Array("\(credentials.user):\(credentials.password)".utf8))
                request.headers.replaceOrAdd(name: "proxy-authorization", value: "Basic \(pair)")
            }
        }
        if let body {
            let buffer = ByteBuffer(bytes: body)
            request.body =
                willSend.map { .stream(CheckedBody(buffer: buffer, check: $0), length: .known(Int64(body.count))) }
                ?? .bytes(buffer)
        } else {
            try willSend?()
        }
        do {
            let response = try await execute(request, with: client)
            let decoder = decoder(for: response)
            var headers = response.headers
            if decoder != nil {
                // They describe the compressed body.
                headers.remove(name: "content-encoding")
                headers.remove(name: "content-length")
            }
            var reply = HTTPReply(status: Int(response.status.code), headers: headers)
            let use = bodyUse(reply)
            if use == .ignored {
                await Self.drain(response.body)
                try Task.checkCancellation()
                return reply
            }
            let sink = sink.flatMap { $0.takes(reply) ? $0 : nil }
            do {
                reply.isBodyCut = try await read(response, decoder, sink, use, into: &reply.body)
                try Task.checkCancellation()
            } catch let error where use == .partial && !(error is HTTPBodySink.Failure || error is CheckedBody.Refusal)
            {
                reply.isBodyCut = true
                if !Task.isCancelled {
                    reply.bodyProblem = TransportProblem(error, host: url.host, proxy: proxy ?? tunnel)
                }
            }
            return reply
        } catch let error as HTTPBodySink.Failure {
            throw error.reason
        } catch let error as CheckedBody.Refusal {
            throw error.reason
        } catch {
            try Task.checkCancellation()
            throw TransportProblem(error, host: url.host, proxy: proxy ?? tunnel)
        }
    }

    /// Sends the request. If the server closed a connection that had been kept open just as it was used again, it is sent
    /// once more where that changes nothing (RFC 9112, section 9.3.1).
    private func execute(_ request: HTTPClientRequest, with client: HTTPClient) async throws -> HTTPClientResponse {
        do {
            return try await client.execute(request, deadline: .distantFuture)
        } catch  where Self.isStale(error) && Self.idempotentMethods.contains(method) {
            if body == nil { try willSend?() }
            return try await client.execute(request, deadline: .distantFuture)
        }
    }

    /// Also where the connection was closed right before the request could be written.
    private static func isStale(_ error: any Error) -> Bool {
        error is StaleConnection || error as? HTTPClientError == .remoteConnectionClosed
    }

    /// See RFC 9110, section 9.2.2.
    private static let idempotentMethods: Set = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]

    /// nil for a body that is not compressed, or that cannot be decompressed here.
    private func decoder(for response: HTTPClientResponse) -> ContentDecoder? {
        guard method != "HEAD", response.status != .notModified, response.status != .noContent else { return nil }
        return try? ContentDecoder(contentEncoding: response.headers["content-encoding"])
    }

    /// Reads a body up to the limit.
    /// - Returns: Whether there is more of it.
    private func read(
        _ response: HTTPClientResponse, _ decoder: ContentDecoder?, _ sink: HTTPBodySink?, _ use: BodyUse,
        into bytes: inout [UInt8]
    ) async throws -> Bool {
        let (limit, mustFit) =
            switch bodyLimit {
            case .fail(let bytes): (bytes, use == .whole)
            case .cut(let bytes): (bytes, false)
            }
        let length = method == "HEAD" ? nil : response.headers.first(name: "content-length").flatMap { Int($0) }
        if mustFit, let length, length > limit { throw TransportProblem.tooLarge(limit: limit) }
        // Otherwise the array grows by doubling, and both copies exist meanwhile.
        if let length, length > 0, decoder == nil, sink == nil { bytes.reserveCapacity(min(length, limit)) }
        var room = limit
        var isCut = false
        // False when the limit is reached.
        func append(_ piece: UnsafeRawBufferPointer) throws -> Bool {
            isCut = piece.count > room
            if isCut, mustFit { throw TransportProblem.tooLarge(limit: limit) }
            let piece = piece.prefix(room)
            room -= piece.count
            if let sink { try sink.take(Array(piece)) } else { bytes.append(contentsOf: piece) }
            return !isCut
        }
        for try await chunk in response.body {
            try chunk.withUnsafeReadableBytes { piece in
                if let decoder { try decoder.decode(piece, append) } else { _ = try append(piece) }
            }
            if isCut { return true }
        }
        try decoder?.finish()
        return false
    }

    /// Reads a body that is not kept, so that the connection can be used again. A long or late one is not worth it: the
    /// connection is closed.
    private static func drain(_ body: HTTPClientResponse.Body) async {
        _ = await withDeadline(.seconds(1), clock: ContinuousClock()) {
            var room = 64 << 10
            for try await chunk in body {
                room -= chunk.readableBytes
                if room < 0 { return }
            }
        }
    }
}

/// A body that is sent once the check passes.
private struct CheckedBody: AsyncSequence, Sendable {
    struct Refusal: Error {
        let reason: any Error
    }

    struct AsyncIterator: AsyncIteratorProtocol {
        var buffer: ByteBuffer?
        let check: @Sendable () throws -> Void

        mutating func next() async throws -> ByteBuffer? {
            guard let buffer = buffer.take() else { return nil }
            do { try check() } catch { throw Refusal(reason: error) }
            return buffer
        }
    }

    let buffer: ByteBuffer
    let check: @Sendable () throws -> Void

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(buffer: buffer, check: check) }
}

/// A request's body with the content type that says what it is.
public struct RequestBody: Sendable, Hashable {
    /// What is sent.
    public let bytes: [UInt8]
    /// What the header `content-type` says of it.
    public let contentType: String

    /// A body that holds JSON.
    public static func json(_ value: Value) -> RequestBody {
        RequestBody(bytes: value.jsonBytes(), contentType: "application/json")
    }

    /// A body as an HTML form sends it.
    public static func form(_ fields: FormFields) -> RequestBody {
        RequestBody(bytes: Array(fields.formText.utf8), contentType: "application/x-www-form-urlencoded")
    }

    /// A body that holds text, in UTF-8.
    public static func text(_ text: String) -> RequestBody {
        RequestBody(bytes: Array(text.utf8), contentType: "text/plain; charset=utf-8")
    }

    /// A body that holds any bytes.
    public static func bytes(_ bytes: [UInt8]) -> RequestBody {
        RequestBody(bytes: bytes, contentType: "application/octet-stream")
    }
}

extension HTTPHeaders {
    /// How Runnel introduces itself to servers.
    public static let userAgent = "Runnel"

    /// The value of `accept-encoding`: what ``HTTPCall`` decompresses on this machine.
    public static var acceptEncoding: String { ContentCoding.accepted }

    /// Adds the field unless it is there already.
    public mutating func addDefault(name: String, value: String) {
        if !contains(name: name) { add(name: name, value: value) }
    }
}
