/// Host and port of a URL, without user info (RFC 3986, section 3.2).
package struct URLAuthority: Sendable {
    /// As it is written; an IPv6 address in brackets.
    package let host: Substring
    /// Empty where a colon is followed by nothing; nil without a colon.
    package let port: Substring?

    /// Splits what stands between the scheme and the path.
    package init(_ address: Substring) {
        let search = address.lastIndex(of: "]") ?? address.startIndex
        guard let colon = address[search...].firstIndex(of: ":") else {
            (host, port) = (address, nil)
            return
        }
        (host, port) = (address[..<colon], address[colon...].dropFirst())
    }

    /// Whether the host begins as an address in brackets and does not end as one.
    package var isCutAddress: Bool { host.hasPrefix("[") && !host.hasSuffix("]") }

    /// Whether the host has only characters that hosts can have: ASCII, so that other names are written as `xn--…`.
    package var isHost: Bool {
        if host.hasPrefix("[") {
            return host.hasSuffix("]") && host.count >= 4
                && host.dropFirst().dropLast().allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." }
        }
        return host.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-._".contains($0)) }
    }

    /// The port, 1 to 65535; nil where none is written or what is written is none.
    package var portNumber: Int? {
        guard let port, port.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(port) else { return nil }
        return (1...65_535).contains(number) ? number : nil
    }
}
