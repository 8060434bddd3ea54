public import NIOHTTP1
public import RunnelKit
internal import RunnelSupport

/// Header fields in a step's `with:`: an object of names and values.
public struct HeaderFields: FieldValue {
    /// The fields, in order.
    public let headers: HTTPHeaders

    /// Fields that are there already.
    public init(_ headers: HTTPHeaders = [:]) {
        self.headers = headers
    }

    /// An object of texts.
    public static var schema: Value {
        [
            "type": "object", "propertyNames": ["pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"],
            "additionalProperties": ["type": ["string", "integer", "boolean"]],
        ]
    }

    /// No fields.
    public static var whenAbsent: HeaderFields? { HeaderFields() }

    /// Reads an object whose names and values may stand in a header.
    public init(field value: Value) throws(FieldError) {
        guard let object = value.asObject else {
            throw .expected("an object of header names and values", found: value)
        }
        var headers = HTTPHeaders()
        for (name, value) in object {
            do throws(FieldError) {
                let name = try Self.checked(name: name)
                headers.replaceOrAdd(name: name, value: try Self.text(value))
            } catch {
                throw error.under(.key(name))
            }
        }
        self.headers = headers
    }

    /// What ``init(field:)`` throws, else ``sameNames(in:)``.
    public static func problems(in value: Value) -> [FieldError] {
        let wrong = errors(reading: value)
        return wrong.isEmpty ? sameNames(in: value) : wrong
    }

    /// Names that differ only in case. They are one header field, of which the last value is sent; in a file that is a
    /// mistake, while the names that a template brings are not under the author's control.
    public static func sameNames(in value: Value) -> [FieldError] {
        var seen: [String: String] = [:]
        for name in value.asObject?.keys ?? [] {
            guard let other = seen.updateValue(name, forKey: name.lowercased()) else { continue }
            return [
                FieldError(
                    "\(Value.string(other).quoted()) and \(Value.string(name).quoted()) are the same header",
                    hint: "leave one of them out: names of headers count without case", path: [.key(name)])
            ]
        }
        return []
    }

    /// The text, if it can stand in a header field; its words are not part of the error.
    public static func checked(value text: String) throws(FieldError) -> String {
        for scalar in text.unicodeScalars where scalar != "\t" && (scalar.value < 0x20 || scalar.value == 0x7F) {
            let isBreak = scalar == "\r" || scalar == "\n"
            throw FieldError(
                "a header value cannot hold \(isBreak ? "a line break" : "a control character")",
                hint: "a token read from a file may end with a line break; `| trim` takes it away")
        }
        return text
    }

    /// The text, such as an id, as it can stand in a header field: visible ASCII characters other than `%` stay, the rest
    /// is percent-encoded.
    public static func encoded(_ text: String) -> String {
        PercentEncoding.encode(text, allowed: visible)
    }

    private static let visible = Set(UInt8(ascii: "!")...UInt8(ascii: "~")).subtracting([UInt8(ascii: "%")])

    private static func checked(name: String) throws(FieldError) -> String {
        let marks = "!#$%&'*+-.^_`|~"
        guard !name.isEmpty,
            name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || marks.contains($0)) })
        else {
            throw FieldError(
                "\(Value.string(name).quoted()) is not a header name",
                hint: "names hold letters, digits and hyphens, no spaces or colons")
        }
        let framing: Set = [
            "connection", "content-length", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
        ]
        if framing.contains(name.lowercased()) {
            throw FieldError("Runnel sets the header \"\(name)\" itself", hint: "leave it out")
        }
        return name
    }

    private static func text(_ value: Value) throws(FieldError) -> String {
        switch value {
        case .string(let text): try checked(value: text)
        case .int, .bool: value.json()
        default: throw .expected("a string", found: value)
        }
    }
}
