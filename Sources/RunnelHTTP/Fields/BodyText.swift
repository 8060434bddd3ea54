public import RunnelKit

/// A body that is sent as it is: a string or binary data.
public struct BodyText: FieldValue {
    /// The text as a body.
    public let body: RequestBody

    /// A string.
    public static var schema: Value { ["type": "string"] }

    /// Reads a text.
    public init(field value: Value) throws(FieldError) {
        switch value {
        case .string(let text): body = .text(text)
        case .bytes(let bytes): body = .bytes(bytes)
        default:
            var error = FieldError.expected("a string or binary data", found: value)
            error.hint = "structured data goes under `json` or `form`"
            throw error
        }
    }
}
