import RunnelKit

/// A value under check, as far as it is known.
struct Instance {
    let value: Value
    /// False for a string of which nothing but its being a string is known.
    let isContentKnown: Bool

    /// The object, when the value is one.
    var object: ValueObject? { value.asObject }
    /// The list, when the value is one.
    var list: [Value]? { value.asList }

    /// The text of a string. Binary data counts as the base64 string that JSON shows for it.
    var text: String? {
        switch value {
        case .string(let text): text
        case .bytes(let bytes): Base64.encode(bytes)
        default: nil
        }
    }
}
