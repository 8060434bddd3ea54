internal import RunnelKit

/// The name of a header field (RFC 9110, section 5.1), in lower case.
struct HeaderName: FieldValue {
    let name: String

    static var schema: Value { ["type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"] }

    init(field value: Value) throws(FieldError) {
        let name = try String(field: value)
        guard !name.isEmpty,
            name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "!#$%&'*+-.^_`|~".contains($0)) })
        else {
            throw FieldError(
                "\(Value.string(name).quoted()) is not a header name",
                hint: "names hold letters, digits and hyphens, no spaces or colons")
        }
        self.name = name.lowercased()
    }
}
