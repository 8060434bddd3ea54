public import RunnelKit

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
