public import AsyncHTTPClient
internal import HTTPCalling
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import RunnelKit
internal import RunnelSupport
internal import Synchronization

/// Sends over the network, with one client for each way out: direct, guarded by the address policy, or through a proxy.
public final class NetworkSender: HTTPSender {
    /// A way out of this machine.
    private enum Route: Hashable {
        case direct(AddressPolicy.Refusal?)
        /// By `CONNECT`, or SOCKS.
        case tunnel(Proxy)
        /// Plain HTTP with the whole URL as request target.
        case forward(Proxy)
    }

    private struct State {
        var clients: [Route: HTTPClient] = [:]
        var isShutDown = false
    }

    private let network: Network
    private let configuration: HTTPClient.Configuration
    private let state = Mutex(State())

    /// - Parameters:
    ///   - network: Proxies, certificates and addresses.
    ///   - configuration: For all clients.
    public init(network: Network, configuration: HTTPClient.Configuration) {
        self.network = network
        self.configuration = configuration
    }

    /// Sends the request over the network.
    public func send(_ call: HTTPCall) async throws -> HTTPReply {
        let refusal = network.policy.refusal(for: call.url, from: call.hostSource)
        if let refusal { try await network.policy.check(call.url, refusal) }
        let tls = try call.url.isSecure ? network.tls() : nil
        guard let proxy = try network.proxy(for: call.url) else {
            return try await call.send(with: client(.direct(refusal)), tls: tls)
        }
        guard proxy.kind == .http, !call.url.isSecure else {
            return try await call.send(with: client(.tunnel(proxy)), tls: tls, tunnel: proxy)
        }
        return try await call.send(with: client(.forward(proxy)), through: proxy)
    }

    /// Closes all connections.
    public func shutDown() async {
        let clients = state.withLock { state in
            state.isShutDown = true
            return state.clients.values.map(\.self)
        }
        for client in clients { try? await client.shutdown() }
    }

    /// For tests: the client whose connections are checked.
    func guardedClient() throws -> HTTPClient { try client(.direct(.privateAddresses)) }

    private func client(_ route: Route) throws -> HTTPClient {
        try state.withLock { state in
            if let client = state.clients[route] { return client }
            guard !state.isShutDown else { throw TransportProblem.other("the HTTP client is shut down") }
            var configuration = configuration
            configuration.rejectInvalidResponses()
            configuration.reportStaleConnections()
            switch route {
            case .direct(nil): break
            case .direct(let refusal?):
                configuration.onConnection { [policy = network.policy] channel in
                    try Self.admit(channel, policy, refusal)
                }
            case .tunnel(let proxy): configuration.proxy = proxy.forClient
            case .forward:
                configuration.onConnection { channel in try Self.insert(ForwardProxyHandler(), channel) }
            }
            let client = HTTPClient(
                eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
            state.clients[route] = client
            return client
        }
    }

    private static func admit(
        _ channel: any Channel, _ policy: AddressPolicy, _ refusal: AddressPolicy.Refusal
    ) throws {
        let shown = channel.remoteAddress?.ipAddress
        if let address = shown.flatMap({ IPAddress($0) }), policy.permits(address, under: refusal) { return }
        try insert(DeniedAddressHandler(.addressDenied(shown ?? "of the connection")), channel)
    }

    /// Between the client's handler and the encoder of requests.
    private static func insert(_ handler: some ChannelOutboundHandler, _ channel: any Channel) throws {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(handler, position: .after(pipeline.handler(type: HTTPRequestEncoder.self)))
    }
}
