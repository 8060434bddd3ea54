internal import RunnelSupport

/// A character encoding, as a field of a step: any label of the WHATWG Encoding standard, such as `shift_jis`.
///
///     @Field("The encoding of the text.") var encoding: TextEncoding?
public struct TextEncoding: FieldValue, Hashable {
    /// Why bytes are not text in an encoding.
    public struct Failure: Error, Sendable, Hashable {
        /// Continues a sentence that begins with the file's name: "is not UTF-8 text: byte 3 is invalid".
        public let message: String
    }

    private let charset: Charset

    init(_ charset: Charset) {
        self.charset = charset
    }

    /// UTF-8.
    public static let utf8 = TextEncoding(Charset.utf8)

    /// The name in the standard, in lower case.
    public var name: String { charset.name }

    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value {
        ["type": "string", "examples": ["utf-8", "shift_jis", "euc-jp", "gb18030", "windows-1252"]]
    }

    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        let text = try String(field: value)
        guard let charset = Charset(label: text) else {
            throw FieldError(
                "\(value.quoted()) is not a known encoding",
                hint: Suggestion.hint(for: text.lowercased(), among: Charset.allNames)
                    ?? "use a name such as utf-8, shift_jis, euc-jp, gb18030, big5, euc-kr or windows-1252")
        }
        self.charset = charset
    }

    /// How the value is shown as a default.
    public var fieldDefault: Value? { .string(name) }

    /// Decodes bytes; a byte order mark takes precedence over the encoding and is left out.
    ///
    /// - Throws: ``Failure`` at the first byte that means nothing in the encoding.
    public func text(of bytes: [UInt8]) throws(Failure) -> String {
        // The byte order mark of UTF-32LE begins with that of UTF-16LE.
        guard !bytes.starts(with: [0xFF, 0xFE, 0, 0]) else {
            throw Failure(message: "is UTF-32 text, which is not supported")
        }
        let mark = Charset.byteOrderMark(of: bytes)
        let charset = mark?.charset ?? charset
        let shown = charset == .utf8 ? "UTF-8" : charset.name
        let start = mark?.length ?? 0
        guard let decoded = charset.decode(bytes[start...]) else {
            throw Failure(message: "is in \(shown), which the iconv of this system does not know")
        }
        guard let offset = decoded.firstInvalid else { return decoded.text }
        throw Failure(message: "is not \(shown) text: byte \(start + offset) is invalid")
    }
}
