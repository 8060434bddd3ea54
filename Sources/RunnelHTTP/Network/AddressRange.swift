internal import LibC
internal import RunnelSupport

/// An IP address as its bytes: 4 or 16. An IPv6 address that stands for an IPv4 address is the latter.
struct IPAddress: Hashable, Sendable {
    let bytes: [UInt8]

    /// nil for a text that is no address; brackets around an IPv6 address and a zone behind it do not matter.
    init?(_ text: some StringProtocol) {
        let plain = text.drop { $0 == "[" }.prefix { $0 != "]" && $0 != "%" }
        var v4 = in_addr()
        var v6 = in6_addr()
        if inet_pton(AF_INET, String(plain), &v4) == 1 {
            bytes = withUnsafeBytes(of: &v4) { Array($0) }
        } else if inet_pton(AF_INET6, String(plain), &v6) == 1 {
            bytes = Self.unwrapped(withUnsafeBytes(of: &v6) { Array($0) })
        } else {
            return nil
        }
    }

    /// IPv4-mapped (`::ffff:a.b.c.d`), IPv4-compatible, NAT64 (`64:ff9b::/96`) and 6to4 addresses lead to an IPv4
    /// address.
    private static func unwrapped(_ bytes: [UInt8]) -> [UInt8] {
        let head = bytes.prefix(12)
        let isMapped = head.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        let isCompatible = head.allSatisfy { $0 == 0 } && !(bytes[12...14].allSatisfy { $0 == 0 } && bytes[15] <= 1)
        let isNAT64 = head.elementsEqual([0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0])
        if isMapped || isCompatible || isNAT64 { return Array(bytes.suffix(4)) }
        if bytes[0] == 0x20, bytes[1] == 0x02 { return Array(bytes[2..<6]) }
        return bytes
    }

    /// Whether it is not an address of the public internet (IANA special-purpose registries, RFC 6890).
    var isPrivate: Bool { Self.privateRanges.contains { $0.contains(self) } }

    private static let privateRanges = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/3", "::/127", "100::/64", "2001::/23", "2001:db8::/32", "fc00::/7", "fe80::/10", "fec0::/10",
        "ff00::/8",
    ].compactMap { AddressRange($0[...]) }

    /// Whether it is this machine's own.
    var isLoopback: Bool {
        bytes.count == 4 ? bytes[0] == 127 : bytes.dropLast().allSatisfy { $0 == 0 } && bytes[15] == 1
    }
}

/// A network in CIDR notation, or a single address.
struct AddressRange: Hashable, Sendable {
    private let start: IPAddress
    private let bits: Int

    /// nil for a text that is neither.
    init?(_ text: Substring) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first.flatMap({ IPAddress($0) }) else { return nil }
        start = address
        let most = address.bytes.count * 8
        guard parts.count == 2 else {
            bits = most
            return
        }
        guard let count = Int(parts[1]), (0...most).contains(count) else { return nil }
        bits = count
    }

    func contains(_ address: IPAddress) -> Bool {
        guard address.bytes.count == start.bytes.count else { return false }
        let whole = bits / 8
        guard address.bytes.prefix(whole).elementsEqual(start.bytes.prefix(whole)) else { return false }
        guard bits % 8 > 0 else { return true }
        let mask = ~(UInt8.max >> (bits % 8))
        return address.bytes[whole] & mask == start.bytes[whole] & mask
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
            } else if let range = AddressRange(text[...]) {
                ranges.append(range)
            } else if !text.isEmpty {
                let (host, port) = URLParser.split(text[...])
                let name = host.hasPrefix("*.") ? host.dropFirst(2) : host.drop { $0 == "." }
                names.append((String(name), Int(port)))
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

    func contains(_ address: IPAddress) -> Bool { isEverything || ranges.contains { $0.contains(address) } }
}
