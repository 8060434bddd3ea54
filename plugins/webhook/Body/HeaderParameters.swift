internal import RunnelHTTP
internal import RunnelKit

/// A header field's value with parameters behind it (RFC 9110, section 5.6.6): `form-data; name="a; b"`.
struct HeaderParameters: Hashable {
    /// In lower case.
    let value: String
    /// By lower-case name; of a repeated name the first.
    let values: [String: String]

    init(_ text: some StringProtocol) {
        var rest = Substring(text)
        value = Self.trimmed(rest.prefix { $0 != ";" }).lowercased()
        rest = rest.drop { $0 != ";" }
        var values: [String: String] = [:]
        while rest.first == ";" {
            rest = rest.dropFirst().drop(while: \.isWhitespace)
            let name = Self.trimmed(rest.prefix { $0 != "=" && $0 != ";" }).lowercased()
            rest = rest.drop { $0 != "=" && $0 != ";" }
            guard rest.first == "=" else { continue }
            rest = rest.dropFirst().drop(while: \.isWhitespace)
            let value = rest.first == "\"" ? Self.quoted(&rest) : Self.trimmed(rest.prefix { $0 != ";" })
            rest = rest.drop { $0 != ";" }
            if !name.isEmpty, values[name] == nil { values[name] = value }
        }
        self.values = values
    }

    /// The value of a parameter. Prefers its extended form (RFC 8187): `filename*=UTF-8''%C3%A4.pdf`.
    func text(_ name: String) -> String? {
        let parts = values[name + "*"]?.split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false) ?? []
        guard parts.count == 3,
            let text = try? TextDecoding.decode(
                FormReader.decoded(Array(parts[2].utf8)[...], plusIsSpace: false), charset: String(parts[0]))
        else { return values[name] }
        return text
    }

    /// Takes a string in quotes, in which a backslash stands before what is meant as it is.
    private static func quoted(_ rest: inout Substring) -> String {
        rest = rest.dropFirst()
        var text = ""
        while let character = rest.popFirst(), character != "\"" {
            // Browsers of old send Windows paths with bare backslashes, so only these two are escapes.
            if character == "\\", let next = rest.first, next == "\"" || next == "\\" {
                text.append(rest.removeFirst())
            } else {
                text.append(character)
            }
        }
        return text
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text.drop(while: \.isWhitespace)
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}

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
