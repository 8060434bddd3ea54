public import RunnelKit
internal import RunnelSupport

/// An `http` or `https` URL, taken apart and put in order: encoded where it has to be, without dot segments and
/// without fragment, which is never sent.
public struct HTTPURL: Sendable, Hashable {
    /// What stands before the `@`, decoded.
    public struct UserInfo: Sendable, Hashable {
        /// The name.
        public let user: String
        /// The password; empty where there is none.
        public let password: String
    }

    /// Whether it begins with `https:`.
    public let isSecure: Bool
    /// Who asks; nil where it does not say.
    public let userInfo: UserInfo?
    /// In lower case; an IPv6 address in brackets.
    public let host: String
    /// As it is written, or the usual one.
    public let port: Int
    /// Encoded; begins with a slash.
    public let path: String
    /// Encoded, without the question mark.
    public let query: String?

    /// The URL as it is requested. The user info is not part of it: it travels in a header.
    public var text: String { origin + path + (query.map { "?" + $0 } ?? "") }

    /// The URL for messages: without user info, and without the query, where keys and tokens stand.
    public var shown: String { origin + path + (query == nil ? "" : "?…") }

    /// The URL for messages where the path is as secret as the query, as it is with webhooks.
    public var shownWithoutPath: String { origin + (path == "/" && query == nil ? "" : "/…") }

    /// Scheme, host and port (RFC 6454): what credentials belong to.
    public var origin: String {
        let scheme = isSecure ? "https" : "http"
        return port == (isSecure ? 443 : 80) ? "\(scheme)://\(host)" : "\(scheme)://\(host):\(port)"
    }

    /// Whether credentials would go to another machine without encryption.
    public var exposesCredentials: Bool { !isSecure && !Network.isLoopback(host) }

    /// The same URL with more behind its query.
    public func adding(query pairs: [FormFields.Pair]) -> HTTPURL {
        guard !pairs.isEmpty else { return self }
        let added = FormFields(pairs: pairs).queryText
        let query = query.map { $0.isEmpty ? added : "\($0)&\(added)" } ?? added
        return HTTPURL(isSecure: isSecure, userInfo: userInfo, host: host, port: port, path: path, query: query)
    }

    /// The URL that `reference` means on this page, such as the `Location` of a redirect (RFC 3986, section 5.2).
    public func resolving(_ reference: String) throws(URLProblem) -> HTTPURL {
        let reference = reference.trimmed
        if URLParser.scheme(of: reference) != nil { return try HTTPURL(String(reference)) }
        let base = isSecure ? "https:" : "http:"
        if reference.hasPrefix("//") { return try HTTPURL(base + reference) }
        let kept: String
        switch reference.first {
        case "/": kept = origin
        case nil, "#": return self
        case "?": kept = origin + path
        default: kept = origin + path[...(path.lastIndex(of: "/") ?? path.startIndex)]
        }
        return try HTTPURL(kept + reference)
    }
}

/// Why a text is no `http` or `https` URL.
public struct URLProblem: Error, Sendable, Hashable {
    /// A sentence that quotes the text without user info and query.
    public let message: String
    /// What to do.
    public let hint: String
}

/// An `http` or `https` URL in a step's `with:`.
public struct URLText: FieldValue {
    /// The URL.
    public let url: HTTPURL

    /// A URL that is there already.
    public init(_ url: HTTPURL) {
        self.url = url
    }

    /// A string that begins with `http:` or `https:`.
    public static var schema: Value {
        [
            "type": "string", "format": "uri", "pattern": "^[ \\t\\r\\n]*[hH][tT][tT][pP][sS]?://[^/?#]+",
            "examples": ["https://example.com/path"],
        ]
    }

    /// Reads a URL.
    public init(field value: Value) throws(FieldError) {
        guard let text = value.asString else { throw .expected("an http or https URL", found: value) }
        do {
            url = try HTTPURL(text)
        } catch {
            throw FieldError(error.message, hint: error.hint)
        }
    }
}
