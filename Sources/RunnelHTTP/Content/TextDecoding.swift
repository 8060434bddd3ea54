internal import RunnelSupport

/// Makes text of a body. What cannot be read becomes U+FFFD, as in browsers.
public enum TextDecoding {
    /// The name of an encoding that is not known here.
    public struct UnknownCharset: Error, Sendable, Hashable {
        /// As it was given.
        public let name: String
    }

    /// - Parameter charset: Any label of the WHATWG Encoding standard, as the content type or the page says; UTF-8 when
    ///   nothing says any. A byte order mark takes precedence over it (section 6).
    public static func decode(_ bytes: [UInt8], charset: String?) throws(UnknownCharset) -> String {
        let mark = Charset.byteOrderMark(of: bytes)
        let name = charset ?? Charset.utf8.name
        guard let known = mark?.charset ?? Charset(label: name),
            let decoded = known.decode(bytes.dropFirst(mark?.length ?? 0))
        else { throw UnknownCharset(name: name) }
        return decoded.text
    }

    /// The encoding that an HTML page declares in a `<meta>` among its first 1024 bytes; nil when it declares none.
    public static func declaredCharset(inHTML bytes: [UInt8]) -> String? { Charset.declared(inHTML: bytes) }

    /// The encoding in an XML declaration, `<?xml version="1.0" encoding="…"?>`; nil when there is none.
    public static func declaredCharset(inXML bytes: [UInt8]) -> String? { Charset.declared(inXML: bytes) }
}
