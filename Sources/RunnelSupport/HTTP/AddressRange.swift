internal import LibC

/// An IP address. An IPv4 address that IPv6 maps (`::ffff:a.b.c.d`; RFC 4291, section 2.5.5.2) is the IPv4 address.
package struct IPAddress: Sendable, Hashable {
    /// 4 or 16 bytes.
    package let bytes: [UInt8]

    package init?(bytes: [UInt8]) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        self.bytes = bytes.count == 16 && bytes.starts(with: Self.mapped) ? Array(bytes.suffix(4)) : bytes
    }

    private static let mapped: [UInt8] = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]

    /// nil for a text that is no address. A zone (`%eth0`) is left out; brackets are allowed.
    package init?(_ text: some StringProtocol) {
        var text = Substring(text)
        if text.hasPrefix("["), text.hasSuffix("]") { text = text.dropFirst().dropLast() }
        text = text.prefix { $0 != "%" }
        var v4 = in_addr()
        var v6 = in6_addr()
        if inet_pton(AF_INET, String(text), &v4) == 1 {
            self.init(bytes: withUnsafeBytes(of: &v4) { Array($0) })
        } else if inet_pton(AF_INET6, String(text), &v6) == 1 {
            self.init(bytes: withUnsafeBytes(of: &v6) { Array($0) })
        } else {
            return nil
        }
    }
}

/// A range of IP addresses: one (`10.0.0.7`, `::1`), or those that share their first bits (`10.0.0.0/8`, `fd00::/8`).
package struct AddressRange: Sendable, Hashable {
    private let start: IPAddress
    private let bits: Int

    /// nil for a text that is neither.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(first) else { return nil }
        start = address
        let width = address.bytes.count * 8
        guard parts.count == 2 else {
            bits = width
            return
        }
        guard parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let given = Int(parts[1]), given <= width
        else { return nil }
        bits = given
    }

    /// The addresses of the loopback interface.
    package static let loopback = ["127.0.0.0/8", "::1"].compactMap { AddressRange($0) }

    /// Whether the ranges have an address in common.
    package func overlaps(_ other: AddressRange) -> Bool { contains(other.start) || other.contains(start) }

    package func contains(_ address: IPAddress) -> Bool {
        guard address.bytes.count == start.bytes.count else { return false }
        let (whole, rest) = bits.quotientAndRemainder(dividingBy: 8)
        guard address.bytes.prefix(whole) == start.bytes.prefix(whole) else { return false }
        guard rest > 0 else { return true }
        let mask = ~UInt8(0) << UInt8(8 - rest)
        return address.bytes[whole] & mask == start.bytes[whole] & mask
    }
}
