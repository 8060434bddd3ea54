internal import RunnelSupport

/// A checked base URL: scheme, host, port and path, nothing else.
struct BaseURL: Equatable {
    /// The URL without a slash at its end.
    let text: String
    /// The path without a slash at its end; empty when there is none.
    let path: String

    init(_ given: String) throws(MarketplaceError) {
        let text = String(given.reversed().drop { $0 == "/" }.reversed())
        func fail(_ why: String) -> MarketplaceError {
            MarketplaceError(
                .invalidConfiguration, "the base URL \(Quote.quoted(given)) cannot be used: \(why)",
                hint: "give scheme and host, for example \"https://market.example.com\"")
        }
        if given.isEmpty { throw fail("it is empty") }
        // Not quoted: what stands before the @ may be a password, and a query may hold a key.
        if text.contains("@") || text.contains("?") || text.contains("#") {
            throw MarketplaceError(
                .invalidConfiguration,
                "the base URL cannot be used: it holds a user name, a password, a query or a fragment",
                hint:
                    "give scheme and host, for example \"https://market.example.com\"; "
                    + "credentials have settings of their own"
            )
        }
        if given.contains("<") || given.contains(">") { throw fail("its placeholder was not replaced") }
        guard let scheme = ["https://", "http://"].first(where: { text.lowercased().hasPrefix($0) }) else {
            throw fail("it does not begin with https:// or http://")
        }
        guard
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") })
        else { throw fail("it holds a space or a character that a URL must encode") }

        let rest = text.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" }
        guard let problem = Self.problem(inAuthority: authority) else {
            self.text = text
            path = String(rest.dropFirst(authority.count))
            return
        }
        throw fail(problem)
    }

    private static func problem(inAuthority text: Substring) -> String? {
        let authority = URLAuthority(text)
        if authority.isCutAddress { return "its host is not complete" }
        if authority.host.isEmpty || authority.host == "[]" { return "it has no host" }
        guard authority.isHost else {
            return authority.host.hasPrefix("[")
                ? "its host is no IPv6 address" : "its host holds a character that hosts cannot have"
        }
        return authority.port != nil && authority.portNumber == nil
            ? "its port is not a number from 1 to 65535" : nil
    }

    /// With the Marketplace the client adds `/api/v1/…` itself.
    func rejectRepeatedPath() throws(MarketplaceError) {
        guard path.hasSuffix("/api/v1") || path.hasSuffix("/chat/completions") else { return }
        throw MarketplaceError(
            .invalidConfiguration,
            "the base URL \(Quote.quoted(text)) cannot be used: the client adds the path of the API itself",
            hint: "leave the path away: \"\(text.dropLast(path.count))\"")
    }
}
