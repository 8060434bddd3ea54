/// UUIDs (RFC 4122, section 3): groups of 8, 4, 4, 4 and 12 hexadecimal digits.
enum UUIDFormat {
    static func accepts(_ bytes: [UInt8]) -> Bool {
        let groups = bytes.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        return groups.map(\.count) == [8, 4, 4, 4, 12] && groups.allSatisfy { $0.allSatisfy(ASCII.isHexDigit) }
    }
}

/// Relative JSON pointers: a number, then a pointer or "#".
enum PointerFormat {
    static func isRelative(_ bytes: [UInt8]) -> Bool {
        let digits = bytes.prefix(while: ASCII.isDigit)
        guard !digits.isEmpty, digits.count == 1 || digits.first != 0x30 else { return false }
        let rest = String(decoding: bytes[digits.count...], as: UTF8.self)
        return rest == "#" || JSONPointer.tokens(rest) != nil
    }
}

/// URIs and references to them (RFC 3986).
enum URIFormat {
    static func accepts(_ text: String, isAbsolute: Bool) -> Bool {
        let uri = URIReference(text)
        if isAbsolute, uri.scheme == nil { return false }
        if uri.scheme == nil, uri.authority == nil, uri.path.prefix(while: { $0 != "/" }).contains(":") { return false }
        return isMadeOf(uri.path, ":@/") && isMadeOf(uri.query ?? "", ":@/?") && isMadeOf(uri.fragment ?? "", ":@/?")
            && (uri.authority.map(isAuthority) ?? true)
    }

    private static func isAuthority(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        if let at = rest.lastIndex(of: UInt8(ascii: "@")) {
            guard isMadeOf(String(decoding: rest[..<at], as: UTF8.self), ":") else { return false }
            rest = rest[(at + 1)...]
        }
        if rest.first == UInt8(ascii: "[") {
            guard let close = rest.firstIndex(of: UInt8(ascii: "]")) else { return false }
            let address = rest[(rest.startIndex + 1)..<close]
            guard AddressFormat.isIPv6(address) || isFutureAddress(address) else { return false }
            rest = rest[(close + 1)...]
            return rest.isEmpty || rest.first == UInt8(ascii: ":") && rest.dropFirst().allSatisfy(ASCII.isDigit)
        }
        if let colon = rest.lastIndex(of: UInt8(ascii: ":")) {
            guard rest[(colon + 1)...].allSatisfy(ASCII.isDigit) else { return false }
            rest = rest[..<colon]
        }
        return isMadeOf(String(decoding: rest, as: UTF8.self), "")
    }

    private static func isFutureAddress(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let version = bytes.first, version | 0x20 == UInt8(ascii: "v"), let dot = bytes.firstIndex(of: 0x2E)
        else {
            return false
        }
        let digits = bytes[(bytes.startIndex + 1)..<dot]
        let rest = bytes[(dot + 1)...]
        return !digits.isEmpty && digits.allSatisfy(ASCII.isHexDigit) && !rest.isEmpty
            && isMadeOf(String(decoding: rest, as: UTF8.self), ":")
    }

    /// Whether `text` has unreserved characters, sub-delimiters, escapes and `more` only.
    private static func isMadeOf(_ text: String, _ more: String) -> Bool {
        let allowed = Array("-._~!$&'()*+,;=".utf8) + Array(more.utf8)
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%") {
                guard let high = rest.popFirst(), let low = rest.popFirst(), ASCII.isHexDigit(high),
                    ASCII.isHexDigit(low)
                else { return false }
            } else if !ASCII.isAlphanumeric(byte), !allowed.contains(byte) {
                return false
            }
        }
        return true
    }
}
