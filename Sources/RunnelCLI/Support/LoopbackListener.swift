import RunnelEngine
internal import RunnelSupport

/// Finds out which user a command would send the API token to.
///
/// Every user of a machine can listen on a port of loopback. Linux says whose socket it is; elsewhere, and for sockets of
/// another network namespace, such as those of a container, nothing is known.
enum LoopbackListener {
    /// A listening socket, from `/proc/net/tcp` or `/proc/net/tcp6`.
    struct Socket: Hashable {
        let address: IPAddress
        let port: Int
        let user: UInt32
    }

    /// The users who accept the connections to a port of a host: empty if the host is not loopback, or if that is not known.
    static func users(host: String, port: Int) -> Set<UInt32> {
        let targets = host.lowercased() == "localhost" ? ["127.0.0.1", "::1"] : [host]
        let loopback = targets.compactMap { IPAddress($0) }.filter { target in
            AddressRange.loopback.contains { $0.contains(target) }
        }
        guard !loopback.isEmpty else { return [] }
        let found = tables.flatMap { sockets(in: BoundedFile.contents(of: $0, limit: maximumTable) ?? []) }
        return loopback.reduce(into: []) { $0.formUnion(users(at: $1, port: port, among: found)) }
    }

    private static let tables = ["/proc/net/tcp", "/proc/net/tcp6"]
    /// Some 7,000 sockets. The listening ones come first.
    private static let maximumTable = 1 << 20
    /// `TCP_LISTEN`.
    private static let listening = "0A"
    private static let wildcards = [IPAddress("0.0.0.0"), IPAddress("::")]

    /// The users of the sockets that get the connections: those at the address itself, or else those at all addresses.
    static func users(at address: IPAddress, port: Int, among sockets: [Socket]) -> Set<UInt32> {
        for place in [address] + wildcards.compactMap(\.self) where place.bytes.count >= address.bytes.count {
            let users = sockets.filter { $0.address == place && $0.port == port }.map(\.user)
            if !users.isEmpty { return Set(users) }
        }
        return []
    }

    /// The listening sockets of a table (proc_net_tcp(5)). Lines of another form are skipped.
    static func sockets(in table: [UInt8]) -> [Socket] {
        table.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let words = String(decoding: line, as: UTF8.self).split(separator: " ")
            guard words.count > 7, words[3] == listening, let user = UInt32(words[7]) else { return nil }
            let parts = words[1].split(separator: ":")
            guard parts.count == 2, let address = address(parts[0]), let port = Int(parts[1], radix: 16) else {
                return nil
            }
            return Socket(address: address, port: port, user: user)
        }
    }

    /// The kernel writes the address as numbers of 32 bits in the byte order of the machine.
    private static func address(_ digits: Substring) -> IPAddress? {
        guard digits.utf8.count.isMultiple(of: 8) else { return nil }
        var bytes: [UInt8] = []
        var rest = digits
        while !rest.isEmpty {
            guard let number = UInt32(rest.prefix(8), radix: 16) else { return nil }
            bytes += withUnsafeBytes(of: number) { Array($0) }
            rest = rest.dropFirst(8)
        }
        return IPAddress(bytes: bytes)
    }
}
