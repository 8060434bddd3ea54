public import RunnelKit

/// A request's body with the content type that says what it is.
public struct RequestBody: Sendable, Hashable {
    public let bytes: [UInt8]
    public let contentType: String

    public static func json(_ value: Value) -> RequestBody {
        RequestBody(bytes: value.jsonBytes(), contentType: "application/json")
    }

    public static func form(_ fields: FormFields) -> RequestBody {
        RequestBody(bytes: Array(fields.formText.utf8), contentType: "application/x-www-form-urlencoded")
    }

    public static func text(_ text: String) -> RequestBody {
        RequestBody(bytes: Array(text.utf8), contentType: "text/plain; charset=utf-8")
    }

    public static func bytes(_ bytes: [UInt8]) -> RequestBody {
        RequestBody(bytes: bytes, contentType: "application/octet-stream")
    }
}
