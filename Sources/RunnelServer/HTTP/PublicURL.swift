/// Where callers reach the server: `server.public_url`.
public struct PublicURL: Sendable, Hashable {
    /// Without a slash at the end.
    public let text: String
    /// Scheme, host and port as browsers send them: `https://example.org`.
    let origin: String
    /// In lower case, an IPv6 address in brackets.
    let host: String

    /// - Parameter text: A URL with scheme and host, and possibly a path.
    public init(_ text: String) {
        var text = text[...]
        while text.last == "/" { text.removeLast() }
        self.text = String(text)
        let scheme = text.prefix { $0 != ":" }
        let authority = text.dropFirst(scheme.count + 3).prefix { $0 != "/" }
        origin = "\(scheme)://\(authority)".lowercased()
        let port = authority.lastIndex(of: ":").map { authority[$0...] } ?? ""
        let hasPort = port.count > 1 && port.dropFirst().allSatisfy(\.isNumber)
        host = authority.dropLast(hasPort ? port.count : 0).lowercased()
    }
}
