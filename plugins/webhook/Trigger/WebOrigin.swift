internal import RunnelKit

/// An origin as browsers send it (RFC 6454, section 6.2), such as `https://example.org`; `*` for all.
struct WebOrigin: FieldValue, Hashable {
    /// In lower case.
    let text: String

    static var schema: Value {
        ["type": "string", "pattern": #"^(\*|https?://[^/?#@\s]+/?)$"#, "examples": ["https://example.org"]]
    }

    init(field value: Value) throws(FieldError) {
        guard var text = value.asString?.lowercased() else {
            throw .expected("an origin such as \"https://example.org\"", found: value)
        }
        if text.hasSuffix("/") { text.removeLast() }
        for (scheme, port) in [("https://", ":443"), ("http://", ":80")]
        where text.hasPrefix(scheme) && text.hasSuffix(port) {
            text.removeLast(port.count)
        }
        let host = ["https://", "http://"].first(where: text.hasPrefix).map { text.dropFirst($0.count) }
        let isOrigin = host.map { !$0.isEmpty && !$0.contains { "/?#@".contains($0) || $0.isWhitespace } } ?? false
        guard text == "*" || isOrigin else {
            throw FieldError(
                "\(value.quoted()) is not an origin",
                hint: "write scheme and host, without a path: \"https://example.org\"; \"*\" lets every page call")
        }
        self.text = text
    }

    var fieldDefault: Value? { .string(text) }
}
