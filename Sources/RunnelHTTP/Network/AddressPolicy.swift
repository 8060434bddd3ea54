internal import LibC
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import RunnelSupport

/// Which addresses a request may reach.
struct AddressPolicy: Sendable {
    private let setting: NetworkSettings.PrivateAddresses?
    private let allowed: HostList

    init(_ settings: NetworkSettings) {
        setting = settings.privateAddresses
        allowed = HostList(settings.allow)
    }

    /// Whether private addresses are refused to a request.
    /// - Parameter isUntrusted: Whether its URL comes from outside.
    func guards(_ url: HTTPURL, isUntrusted: Bool) -> Bool {
        switch setting {
        case .allow: false
        case .deny: !allowed.contains(host: url.host, port: url.port)
        case nil: isUntrusted && !allowed.contains(host: url.host, port: url.port)
        }
    }

    func permits(_ address: IPAddress) -> Bool { !address.isPrivate || allowed.contains(address) }

    /// Resolves the host and refuses it if it has a private address. A host that does not resolve is left to the
    /// connection, or to the proxy.
    func check(_ url: HTTPURL) async throws {
        if let address = IPAddress(url.host) {
            guard permits(address) else { throw TransportProblem.addressDenied(url.host) }
            return
        }
        let host = url.host
        let addresses = try await NIOThreadPool.singleton.runIfActive { Self.addresses(of: host) }
        guard addresses.allSatisfy(permits) else { throw TransportProblem.addressDenied(host) }
    }

    private static func addresses(of host: String) -> [IPAddress] {
        var hints = addrinfo()
        #if canImport(Glibc)
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        #else
        hints.ai_socktype = SOCK_STREAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var found: [IPAddress] = []
        var next = list
        while let entry = next {
            var text = [CChar](repeating: 0, count: 128)
            if getnameinfo(
                entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
                == 0,
                let address = IPAddress(
                    String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
            {
                found.append(address)
            }
            next = entry.pointee.ai_next
        }
        return found
    }
}

/// Fails every request on a connection to a denied address: a name may have resolved to another address than when it was
/// checked (DNS rebinding).
final class DeniedAddressHandler: ChannelOutboundHandler {
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

    private let problem: TransportProblem

    init(_ problem: TransportProblem) {
        self.problem = problem
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        promise?.fail(problem)
        context.fireErrorCaught(problem)
        context.close(promise: nil)
    }
}
