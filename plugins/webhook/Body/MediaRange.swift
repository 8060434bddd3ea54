internal import RunnelHTTP
internal import RunnelKit

/// Media types in `accept`: one, or all of a kind (RFC 9110, section 12.5.1): `image/png`, `image/*`, `*/*`.
struct MediaRange: FieldValue, Hashable {
    /// In lower case.
    let text: String

    static var schema: Value {
        [
            "type": "string", "pattern": #"^([A-Za-z0-9!#$&^_.+-]+/([A-Za-z0-9!#$&^_.+-]+|\*)|\*/\*)$"#,
            "examples": ["image/*"],
        ]
    }

    init(field value: Value) throws(FieldError) {
        guard let text = value.asString?.lowercased(), Self.isRange(text) else {
            throw .expected("a media type such as \"application/json\" or \"image/*\"", found: value)
        }
        self.text = text
    }

    var fieldDefault: Value? { .string(text) }

    func contains(_ type: MediaType) -> Bool {
        text == "*/*" || text == type.essence || text.hasSuffix("/*") && type.essence.hasPrefix(text.dropLast())
    }

    private static func isRange(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else { return false }
        let isName = { (part: Substring) in
            part.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "!#$&-^_.+".contains($0)) }
        }
        return text == "*/*" || isName(parts[0]) && (parts[1] == "*" || isName(parts[1]))
    }
}
