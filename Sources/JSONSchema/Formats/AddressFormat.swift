/// Internet addresses.
enum AddressFormat {
    /// Four numbers from 0 to 255 (RFC 2673, section 3.2).
    static func isIPv4(_ bytes: ArraySlice<UInt8>) -> Bool {
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                guard part.count <= 3, part.count == 1 || part.first != 0x30 else { return false }
                return ASCII.number(part).map { $0 <= 255 } ?? false
            }
    }

    /// RFC 4291, section 2.2; no zone.
    static func isIPv6(_ bytes: ArraySlice<UInt8>) -> Bool {
        var groups = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard groups.count >= 3 else { return false }
        // "::" at an end gives two empty groups there instead of one.
        if groups[0].isEmpty {
            guard groups[1].isEmpty else { return false }
            groups.removeFirst()
        }
        if groups[groups.count - 1].isEmpty, groups.count >= 2 {
            guard groups[groups.count - 2].isEmpty else { return false }
            groups.removeLast()
        }
        var size = 0
        var gaps = 0
        for (index, group) in groups.enumerated() {
            if group.isEmpty {
                gaps += 1
            } else if index == groups.count - 1, group.contains(UInt8(ascii: ".")) {
                guard isIPv4(group) else { return false }
                size += 2
            } else {
                guard group.count <= 4, group.allSatisfy(ASCII.isHexDigit) else { return false }
                size += 1
            }
        }
        return gaps == 0 ? size == 8 : gaps == 1 && size <= 7
    }
}

/// Host names (RFC 1123, section 2.1). Of internationalized labels (`xn--…`) only the outer form is checked.
enum HostnameFormat {
    static func accepts(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard !bytes.isEmpty, bytes.count <= 253 else { return false }
        let labels = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return labels.allSatisfy { label in
            (1...63).contains(label.count) && label.first != 0x2D && label.last != 0x2D
                && label.allSatisfy { ASCII.isAlphanumeric($0) || $0 == 0x2D }
        }
    }
}

/// E-mail addresses (RFC 5321, section 4.1.2): `local@domain`.
enum EmailFormat {
    static func accepts(_ bytes: [UInt8]) -> Bool {
        guard let at = bytes.lastIndex(of: UInt8(ascii: "@")) else { return false }
        return isLocal(bytes[..<at]) && isDomain(bytes[(at + 1)...])
    }

    private static func isLocal(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard (1...64).contains(bytes.count) else { return false }
        if bytes.first == 0x22 { return isQuoted(bytes) }
        let atoms = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let marks = Array("!#$%&'*+-/=?^_`{|}~".utf8)
        return atoms.allSatisfy { atom in
            !atom.isEmpty && atom.allSatisfy { ASCII.isAlphanumeric($0) || marks.contains($0) }
        }
    }

    private static func isQuoted(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard bytes.count >= 2, bytes.last == 0x22 else { return false }
        var content = bytes.dropFirst().dropLast()
        while let byte = content.popFirst() {
            guard (0x20...0x7E).contains(byte), byte != 0x22 else { return false }
            if byte == 0x5C, content.popFirst() == nil { return false }
        }
        return true
    }

    private static func isDomain(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard bytes.first == UInt8(ascii: "["), bytes.last == UInt8(ascii: "]") else {
            return HostnameFormat.accepts(bytes)
        }
        let literal = bytes.dropFirst().dropLast()
        let prefix = Array("IPv6:".utf8)
        return literal.starts(with: prefix)
            ? AddressFormat.isIPv6(literal.dropFirst(prefix.count)) : AddressFormat.isIPv4(literal)
    }
}
