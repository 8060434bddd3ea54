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

    /// Addresses that are refused to a request.
    enum Refusal: Hashable {
        /// Of metadata services of clouds.
        case metadata
        /// All private ones.
        case privateAddresses
    }

    /// Which addresses are refused to a request; nil for none.
    /// - Parameter source: Who chose the host of its URL.
    func refusal(for url: HTTPURL, from source: HTTPCall.HostSource) -> Refusal? {
        guard setting != .allow, !allowed.contains(host: url.host, port: url.port) else { return nil }
        if setting == .deny { return .privateAddresses }
        return switch source {
        case .author: nil
        case .data: .metadata
        case .outside: .privateAddresses
        }
    }

    func permits(_ address: IPAddress, under refusal: Refusal) -> Bool {
        let isRefused =
            switch refusal {
            case .metadata: address.isMetadata
            case .privateAddresses: address.isPrivate
            }
        return !isRefused || allowed.contains(address)
    }

    /// Resolves the host and refuses it if it has such an address. A host that does not resolve is left to the
    /// connection, or to the proxy.
    func check(_ url: HTTPURL, _ refusal: Refusal) async throws {
        if let address = IPAddress(url.host) {
            guard permits(address, under: refusal) else { throw TransportProblem.addressDenied(url.host) }
            return
        }
        let host = url.host
        let addresses = try await NIOThreadPool.singleton.runIfActive { Self.addresses(of: host) }
        guard addresses.allSatisfy({ permits($0, under: refusal) }) else { throw TransportProblem.addressDenied(host) }
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
                let address = IPAddress(String(upToNUL: text))
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

extension IPAddress {
    /// The IPv4 address that an IPv6 address leads to (IPv4-compatible, NAT64 `64:ff9b::/96`, 6to4); else itself.
    private var destination: IPAddress {
        guard bytes.count == 16 else { return self }
        let head = bytes.prefix(12)
        let isCompatible = head.allSatisfy { $0 == 0 } && !(bytes[12...14].allSatisfy { $0 == 0 } && bytes[15] <= 1)
        let isNAT64 = head.elementsEqual([0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0])
        if isCompatible || isNAT64 { return IPAddress(bytes: Array(bytes.suffix(4))) ?? self }
        if bytes[0] == 0x20, bytes[1] == 0x02 { return IPAddress(bytes: Array(bytes[2..<6])) ?? self }
        return self
    }

    /// Whether it is not an address of the public internet (IANA special-purpose registries, RFC 6890).
    var isPrivate: Bool { Self.privateRanges.contains { $0.contains(destination) } }

    private static let privateRanges = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/3", "::/127", "100::/64", "2001::/23", "2001:db8::/32", "fc00::/7", "fe80::/10", "fec0::/10",
        "ff00::/8",
    ].compactMap { AddressRange($0) }

    /// Whether metadata services of clouds, which give credentials to everybody on the machine, may have it: it is
    /// link-local, or that of AWS (IPv6) or Alibaba.
    var isMetadata: Bool { isIn(Self.metadataRanges) }

    private static let metadataRanges = ["169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "100.100.100.200/32"]
        .compactMap { AddressRange($0) }

    /// Whether it is this machine's own.
    var isLoopback: Bool {
        let bytes = destination.bytes
        return bytes.count == 4 ? bytes[0] == 127 : bytes.dropLast().allSatisfy { $0 == 0 } && bytes[15] == 1
    }

    /// Whether the ranges hold it, or the address that it leads to.
    func isIn(_ ranges: [AddressRange]) -> Bool {
        ranges.contains { $0.contains(self) || $0.contains(destination) }
    }
}

/// Hosts by name, address or network, as `NO_PROXY` and `http.allow` list them.
struct HostList: Sendable {
    private var isEverything = false
    private var names: [(name: String, port: Int?)] = []
    private var ranges: [AddressRange] = []

    /// A name stands for itself and all names below it, also with a dot or `*.` before it. A port may follow.
    init(_ entries: some Sequence<some StringProtocol>) {
        for entry in entries {
            let text = String(entry.trimmed).lowercased()
            if text == "*" {
                isEverything = true
            } else if let range = AddressRange(text) {
                ranges.append(range)
            } else if !text.isEmpty {
                let authority = URLAuthority(text[...])
                let host = authority.host
                let name = host.hasPrefix("*.") ? host.dropFirst(2) : host.drop { $0 == "." }
                names.append((String(name), authority.port.flatMap { Int($0) }))
            }
        }
    }

    /// - Parameter host: As in a URL.
    func contains(host: String, port: Int) -> Bool {
        if isEverything { return true }
        let host = host.hasSuffix(".") ? String(host.dropLast()) : host
        if let address = IPAddress(host), contains(address) { return true }
        return names.contains { name, wanted in
            (wanted == nil || wanted == port) && (host == name || host.hasSuffix("." + name))
        }
    }

    func contains(_ address: IPAddress) -> Bool { isEverything || address.isIn(ranges) }
}
