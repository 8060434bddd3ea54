internal import RunnelSupport

/// What a `Content-Type` says (RFC 9110, section 8.3).
public struct MediaType: Sendable, Hashable {
    /// Type and subtype in lower case: `text/html`.
    public let essence: String
    /// In lower case, without quotes.
    public let charset: String?

    /// Nil where `text` does not begin with a type and a subtype.
    public init?(_ text: String) {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false).map(\.trimmed)
        guard let essence = parts.first?.lowercased(), let slash = essence.firstIndex(of: "/"),
            slash != essence.startIndex, essence.index(after: slash) != essence.endIndex,
            !essence.contains(where: \.isWhitespace)
        else { return nil }
        self.essence = essence
        charset =
            parts.dropFirst().lazy.compactMap { part -> String? in
                let pair = part.split(separator: "=", maxSplits: 1).map(\.trimmed)
                guard pair.count == 2, pair[0].lowercased() == "charset" else { return nil }
                let value = pair[1].filter { $0 != "\"" && $0 != "'" }.trimmed
                return value.isEmpty ? nil : value.lowercased()
            }.first
    }

    /// Whether it is JSON, or a format made of it.
    public var isJSON: Bool {
        essence == "application/json" || essence == "text/json" || essence.hasSuffix("+json")
    }

    /// Whether it is a page.
    public var isHTML: Bool { essence == "text/html" || essence == "application/xhtml+xml" }

    /// Whether it is XML, or a format made of it.
    public var isXML: Bool {
        essence == "application/xml" || essence == "text/xml" || essence.hasSuffix("+xml")
    }

    /// Whether a person could read it: any text, XML, and the formats in which programs exchange text.
    public var isText: Bool {
        let formats: Set = [
            "application/xml", "application/javascript", "application/ecmascript", "application/x-ndjson",
            "application/jsonl", "application/yaml", "application/x-yaml", "application/toml", "application/sql",
            "application/graphql", "application/x-www-form-urlencoded", "application/x-sh",
        ]
        return essence.hasPrefix("text/") || essence.hasSuffix("+xml") || essence.hasSuffix("+yaml")
            || formats.contains(essence)
    }
}
