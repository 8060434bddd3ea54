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
        case .jsonPointer: JSONPointer.tokens(text) != nil
        case .relativeJSONPointer: PointerFormat.isRelative(bytes)
        case .regex: (try? Pattern(text)) != nil
        }
    }

    /// The format in words, with an example where that helps.
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

/// The classes of ASCII that formats are made of.
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
