internal import RunnelKit

/// The formats that can be checked (JSON Schema 2020-12 validation, section 7.3).
enum StringFormat: String, Sendable, CaseIterable {
    case date
    case time
    case dateTime = "date-time"
    case duration
    case email
    case hostname
    case ipv4
    case ipv6
    case uri
    case uriReference = "uri-reference"
    case uuid
    case jsonPointer = "json-pointer"
    case relativeJSONPointer = "relative-json-pointer"
    case regex

    func accepts(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return switch self {
        case .date: DateTimeFormat.isDate(bytes[...])
        case .time: DateTimeFormat.isTime(bytes[...])
        case .dateTime: DateTimeFormat.isDateTime(bytes)
        case .duration: DurationFormat.accepts(bytes)
        case .email: EmailFormat.accepts(bytes)
        case .hostname: HostnameFormat.accepts(bytes[...])
        case .ipv4: AddressFormat.isIPv4(bytes[...])
        case .ipv6: AddressFormat.isIPv6(bytes[...])
        case .uri: URIFormat.accepts(text, isAbsolute: true)
        case .uriReference: URIFormat.accepts(text, isAbsolute: false)
        case .uuid: UUIDFormat.accepts(bytes)
        case .jsonPointer: JSONPointer(text) != nil
        case .relativeJSONPointer: PointerFormat.isRelative(bytes)
        case .regex: (try? Pattern(text)) != nil
        }
    }

    /// The name of the format for messages, with an example where that helps.
    var words: String {
        switch self {
        case .date: "a date such as 2026-01-31"
        case .time: "a time such as 09:30:00Z"
        case .dateTime: "a date and time such as 2026-01-31T09:30:00Z"
        case .duration: "a duration such as P3DT4H"
        case .email: "an e-mail address"
        case .hostname: "a host name"
        case .ipv4: "an IPv4 address"
        case .ipv6: "an IPv6 address"
        case .uri: "a URI such as https://example.org/path"
        case .uriReference: "a URI or a relative reference"
        case .uuid: "a UUID"
        case .jsonPointer: "a JSON pointer such as /list/0"
        case .relativeJSONPointer: "a relative JSON pointer such as 1/name"
        case .regex: "a regular expression"
        }
    }
}

/// The classes of ASCII characters that formats use.
enum ASCII {
    static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
    static func isHexDigit(_ byte: UInt8) -> Bool { isDigit(byte) || (0x61...0x66).contains(byte | 0x20) }
    static func isAlphanumeric(_ byte: UInt8) -> Bool { isDigit(byte) || isLetter(byte) }

    /// The number in digits only; nil for anything else.
    static func number(_ bytes: some Collection<UInt8>) -> Int? {
        guard !bytes.isEmpty, bytes.count <= 18, bytes.allSatisfy(isDigit) else { return nil }
        return bytes.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }
}

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
        return rest == "#" || JSONPointer(rest) != nil
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

    /// Whether `text` consists of unreserved characters, sub-delimiters, percent-escapes and `more`.
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
