internal import RunnelSupport

/// Makes text of a body. What cannot be read becomes U+FFFD, as in browsers.
public enum TextDecoding {
    /// The name of an encoding that is not known here.
    public struct UnknownCharset: Error, Sendable, Hashable {
        /// As it was given.
        public let name: String
    }

    /// - Parameter charset: as the content type or the page says, in lower case; UTF-8 when nothing says any. A byte
    ///   order mark wins over it (WHATWG Encoding, section 6).
    public static func decode(_ bytes: [UInt8], charset: String?) throws(UnknownCharset) -> String {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { return String(decoding: bytes.dropFirst(3), as: UTF8.self) }
        if bytes.starts(with: [0xFF, 0xFE]) { return utf16(bytes.dropFirst(2), isBigEndian: false) }
        if bytes.starts(with: [0xFE, 0xFF]) { return utf16(bytes.dropFirst(2), isBigEndian: true) }
        switch charset ?? "utf-8" {
        case "utf-8", "utf8", "unicode-1-1-utf-8": return String(decoding: bytes, as: UTF8.self)
        case "us-ascii", "ascii", "iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "latin-1", "l1", "windows-1252",
            "cp1252", "x-cp1252":
            return windows1252(bytes)
        case "utf-16", "utf-16le", "utf16": return utf16(bytes[...], isBigEndian: false)
        case "utf-16be": return utf16(bytes[...], isBigEndian: true)
        case let name: throw UnknownCharset(name: name)
        }
    }

    /// The encoding that an HTML page declares in a `<meta>` among its first 1024 bytes; nil when it declares none.
    public static func declaredCharset(inHTML bytes: [UInt8]) -> String? {
        let head = String(decoding: bytes.prefix(1024), as: UTF8.self).lowercased()
        for tag in head.split(separator: "<") where tag.hasPrefix("meta") {
            guard let found = tag.prefix(while: { $0 != ">" }).firstRange(of: "charset") else { continue }
            let value = tag[found.upperBound...].drop { $0.isWhitespace || $0 == "=" || $0 == "\"" || $0 == "'" }
            let name = value.prefix { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" }
            // A page whose <meta> could be read as ASCII is not in UTF-16, whatever it says.
            if !name.isEmpty { return name.hasPrefix("utf-16") ? "utf-8" : String(name) }
        }
        return nil
    }

    private static func utf16(_ bytes: ArraySlice<UInt8>, isBigEndian: Bool) -> String {
        var units: [UInt16] = []
        units.reserveCapacity(bytes.count / 2 + 1)
        var index = bytes.startIndex
        while index + 1 < bytes.endIndex {
            let (first, second) = (UInt16(bytes[index]), UInt16(bytes[index + 1]))
            units.append(isBigEndian ? first << 8 | second : second << 8 | first)
            index += 2
        }
        if index < bytes.endIndex { units.append(0xFFFD) }
        return String(decoding: units, as: UTF16.self)
    }

    /// Latin-1 means this superset of it everywhere on the web.
    private static func windows1252(_ bytes: [UInt8]) -> String {
        var text = String.UnicodeScalarView()
        for byte in bytes { text.append(Windows1252.scalar(byte)) }
        return String(text)
    }
}
