public import RunnelKit

/// A request's body with the content type that says what it is.
public struct RequestBody: Sendable, Hashable {
    /// What is sent.
    public let bytes: [UInt8]
    /// What the header `content-type` says of it.
    public let contentType: String

    /// A body that holds JSON.
    public static func json(_ value: Value) -> RequestBody {
        RequestBody(bytes: value.jsonBytes(), contentType: "application/json")
    }

    /// A body as an HTML form sends it.
    public static func form(_ fields: FormFields) -> RequestBody {
        RequestBody(bytes: Array(fields.formText.utf8), contentType: "application/x-www-form-urlencoded")
    }

    /// A body that holds text, in UTF-8.
    public static func text(_ text: String) -> RequestBody {
        RequestBody(bytes: Array(text.utf8), contentType: "text/plain; charset=utf-8")
    }

    /// A body that holds any bytes.
    public static func bytes(_ bytes: [UInt8]) -> RequestBody {
        RequestBody(bytes: bytes, contentType: "application/octet-stream")
    }
}
