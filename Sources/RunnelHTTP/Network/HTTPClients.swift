public import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import RunnelKit
internal import Synchronization

/// HTTP clients for several servers: one for each proxy that leads to them, made when it is first needed.
public final class HTTPClients: Sendable {
    private struct State {
        var clients: [Proxy?: HTTPClient] = [:]
        var isShutDown = false
    }

    private let network: Network
    private let configuration: HTTPClient.Configuration
    private let state = Mutex(State())

    /// - Parameters:
    ///   - network: Proxies and certificates.
    ///   - configuration: For all clients.
    public init(network: Network, configuration: HTTPClient.Configuration) {
        self.network = network
        self.configuration = configuration
    }

    /// The client that leads to the URL's server.
    /// - Throws: A `StepError`; see ``Network/configuration(for:from:)``.
    public func client(for url: String) throws -> HTTPClient {
        let proxy: Proxy? = if let url = try? HTTPURL(url) { try network.proxy(for: url) } else { nil }
        return try state.withLock { state in
            if let client = state.clients[proxy] { return client }
            guard !state.isShutDown else {
                throw StepError(StepErrorCode.shuttingDown, "the HTTP clients are shut down")
            }
            let client = try network.client(for: url, from: configuration)
            state.clients[proxy] = client
            return client
        }
    }

    /// See ``Network/withCertificates(_:)``.
    package func withCertificates(_ request: HTTPClientRequest) -> HTTPClientRequest {
        network.withCertificates(request)
    }

    /// What a client's error says of a call to the URL's server.
    package func problem(_ cause: any Error, for url: String) -> any Error {
        if cause is StepError || cause is TransportProblem { return cause }
        if cause is CancellationError || Task.isCancelled { return CancellationError() }
        let server = try? HTTPURL(url)
        var proxy: Proxy?
        if let server { proxy = try? network.proxy(for: server) }
        return TransportProblem(cause, host: server?.host ?? "", proxy: proxy)
    }

    /// Closes all connections.
    public func shutDown() async {
        let clients = state.withLock { state in
            state.isShutDown = true
            return state.clients.values.map(\.self)
        }
        for client in clients { try? await client.shutdown() }
    }
}

/// Sends plain HTTP to a proxy as proxies expect it: with the whole URL as request target (RFC 9112, section 3.2.2).
/// `CONNECT`, which the HTTP client would use, is often allowed for port 443 alone.
final class ForwardProxyHandler: ChannelOutboundHandler {
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

    /// Carries the URL to this handler, and is not sent.
    static let targetField = "runnel-request-target"

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .head(var head) = unwrapOutboundIn(data), let target = head.headers.first(name: Self.targetField)
        else {
            return context.write(data, promise: promise)
        }
        head.headers.remove(name: Self.targetField)
        head.uri = target
        context.write(wrapOutboundOut(.head(head)), promise: promise)
    }
}
