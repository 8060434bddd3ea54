package import RunnelValue

/// The credentials in a text that is, or was meant to be, one URL (RFC 3986, section 3.2.1).
///
/// The URL need not be valid: its scheme may be missing, and a "/" or "#" of a password may not be encoded.
package enum URLCredentials {
    /// What a message must not show: user and password, because a user alone may be a token; of the URL of a database only
    /// the password. nil where there is nothing to hide.
    package static func range(in text: String) -> Range<String.Index>? {
        text.hasPrefix("postgres") ? passwordRange(in: text) : userInfo(in: text)
    }

    /// The password of a URL with a scheme, as it is written; nil where there is none.
    package static func password(in text: String) -> String? {
        guard text.contains("://") else { return nil }
        return passwordRange(in: text).map { String(text[$0]) }
    }

    /// All that a message must not show: ``range(in:)``, and the values of parameters of the query that are named like
    /// credentials. Ascending, none of them empty.
    package static func ranges(in text: String) -> [Range<String.Index>] {
        let first = range(in: text)
        var ranges = [first].compactMap(\.self)
        guard let mark = text[(first?.upperBound ?? text.startIndex)...].firstIndex(of: "?") else { return ranges }
        for pair in text[mark...].dropFirst().split(separator: "&") {
            guard let equals = pair.firstIndex(of: "="), CredentialName.isParameter(String(pair[..<equals])) else {
                continue
            }
            let value = pair[equals...].dropFirst()
            if !value.isEmpty { ranges.append(value.startIndex..<value.endIndex) }
        }
        return ranges
    }

    /// The text for messages, with `***` for its credentials.
    package static func masked(_ text: String) -> String {
        ranges(in: text).reversed().reduce(into: text) { $0.replaceSubrange($1, with: mask) }
    }

    /// The value with every URL in it masked. A string with white space is a text, not a URL.
    package static func masked(_ value: Value) -> Value {
        switch value {
        case .string(let text):
            isOneWord(text) && text.contains("://") ? .string(masked(text)) : value
        case .list(let items): .list(items.map { masked($0) })
        case .object(let members): .object(ValueObject(members.map { ($0.key, masked($0.value)) }))
        default: value
        }
    }

    private static let mask = SecretMatcher.mask

    /// The bytes come first: nearly every long text, such as a prompt, has a blank early.
    private static func isOneWord(_ text: String) -> Bool {
        !text.utf8.contains { $0 == 0x20 || $0 == 0x0A } && !text.contains(where: \.isWhitespace)
    }

    private static func passwordRange(in text: String) -> Range<String.Index>? {
        guard let userInfo = userInfo(in: text), let colon = text[userInfo].firstIndex(of: ":") else { return nil }
        let range = text.index(after: colon)..<userInfo.upperBound
        return range.isEmpty ? nil : range
    }

    /// What stands before the "@" of the authority.
    private static func userInfo(in text: String) -> Range<String.Index>? {
        guard text.utf8.contains(UInt8(ascii: "@")) else { return nil }
        let scheme = text.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) }
        let hasScheme = !scheme.isEmpty && text[scheme.endIndex...].hasPrefix(":/")
        let rest = (hasScheme ? text[scheme.endIndex...].dropFirst() : text[...]).drop { $0 == "/" }
        let authority = rest.prefix { !"/?#".contains($0) }
        let server = URLAuthority(authority)
        let isServer = server.isHost && (server.port?.isEmpty ?? true || server.portNumber != nil)
        // What is no host and port is the user and the beginning of a password with a "/", "?" or "#".
        guard let end = authority.lastIndex(of: "@") ?? (isServer ? nil : rest.lastIndex(of: "@")),
            end > rest.startIndex, hasScheme || rest[..<end].contains(":")
        else { return nil }
        return rest.startIndex..<end
    }
}
