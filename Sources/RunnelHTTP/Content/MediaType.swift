internal import RunnelSupport

/// What a `Content-Type` says (RFC 9110, section 8.3).
public struct MediaType: Sendable, Hashable {
    /// Type and subtype in lower case: `text/html`.
    public let essence: String
    /// In lower case, without quotes.
    public let charset: String?

    /// Nil where `text` does not begin with a type and a subtype.
    public init?(_ text: String) {
        // Most name a type alone.
        let isPlain = text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ";") }
        let parts =
            isPlain
            ? [text[...]]
            : text.utf8.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
                .map { Substring($0).trimmed }
        guard let essence = parts.first?.lowercased(), let slash = essence.utf8.firstIndex(of: UInt8(ascii: "/")),
            slash != essence.startIndex, essence.utf8.index(after: slash) != essence.endIndex,
            essence.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        self.essence = essence
        charset =
            parts.dropFirst().lazy.compactMap { part -> String? in
                let pair = part.split(separator: "=", maxSplits: 1).map(\.trimmed)
                guard pair.count == 2, pair[0].lowercased() == "charset" else { return nil }
                let value = pair[1].filter { $0 != "\"" && $0 != "'" }.trimmed
                return value.isEmpty ? nil : value.lowercased()
            }.first
    }

    /// Whether it is JSON, or a format made of it.
    public var isJSON: Bool {
        essence == "application/json" || essence == "text/json" || essence.hasSuffix("+json")
    }

    /// Whether it is a page.
    public var isHTML: Bool { essence == "text/html" || essence == "application/xhtml+xml" }

    /// Whether it is XML, or a format made of it.
    public var isXML: Bool {
        essence == "application/xml" || essence == "text/xml" || essence.hasSuffix("+xml")
    }

    /// Whether a person could read it: any text, XML, and the formats in which programs exchange text.
    public var isText: Bool {
        let formats: Set = [
            "application/xml", "application/javascript", "application/ecmascript", "application/x-ndjson",
            "application/jsonl", "application/yaml", "application/x-yaml", "application/toml", "application/sql",
            "application/graphql", "application/x-www-form-urlencoded", "application/x-sh",
        ]
        return essence.hasPrefix("text/") || essence.hasSuffix("+xml") || essence.hasSuffix("+yaml")
            || formats.contains(essence)
    }
}

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

/// Decompresses whole bodies that arrive with a `Content-Encoding`.
public enum CompressedBody {
    /// Why a body cannot be decompressed.
    @nonexhaustive public enum Problem: Error, Sendable, Hashable {
        /// A coding that is not known here.
        case unsupported(coding: String)
        /// The body is not what its coding says, or it ends too early.
        case corrupt(coding: String)
        /// The decompressed body is larger than the limit.
        case tooLarge
    }

    /// The codings that can be decompressed on this machine, as the value of `Accept-Encoding`.
    public static var accepted: String { ContentCoding.accepted }

    /// The decompressed body; the body itself where it is not compressed.
    ///
    /// - Parameters:
    ///   - body: As it was sent.
    ///   - encodings: The values of all `Content-Encoding` fields.
    ///   - limit: The largest decompressed size in bytes. Nothing beyond it is held.
    public static func decompress(
        _ body: [UInt8], encodings: [String], upTo limit: Int
    ) throws(Problem) -> [UInt8] {
        let decoded: [UInt8]
        do {
            decoded =
                encodings.isEmpty ? body : try ContentDecoder.decode(body, contentEncoding: encodings, upTo: limit + 1)
        } catch let error as ContentDecoder.Unsupported {
            throw .unsupported(coding: error.coding)
        } catch let error as ContentDecoder.Corrupt {
            throw .corrupt(coding: error.coding)
        } catch {
            throw .corrupt(coding: encodings.joined(separator: ", "))
        }
        guard decoded.count <= limit else { throw .tooLarge }
        return decoded
    }
}
