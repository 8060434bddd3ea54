/// The names of the loopback interface.
enum LoopbackName {
    /// - Parameter host: A host without port; an IPv6 address with or without brackets.
    static func matches(_ host: String) -> Bool {
        let host = host.lowercased()
        return ["localhost", "::1", "[::1]"].contains(host) || isLoopbackAddress(host)
    }

    /// A complete address in 127.0.0.0/8; `127.example.org` is a host name.
    private static func isLoopbackAddress(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127"
            && parts.allSatisfy { part in
                (1...3).contains(part.utf8.count) && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
                    && UInt8(part) != nil
            }
    }
}
