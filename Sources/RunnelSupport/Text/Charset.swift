internal import CRunnelDecoding

/// A character encoding of the WHATWG Encoding standard, by any of its labels (section 4.2).
///
/// UTF-8, UTF-16, windows-1252 and the escape sequences of ISO-2022-JP are decoded here, the others by iconv.
package struct Charset: Sendable, Hashable {
    /// The decoded text, and where it could not be decoded.
    package struct Decoded: Sendable {
        /// What means nothing in the encoding is U+FFFD.
        package let text: String
        /// The offset of the first byte that means nothing; nil where all do.
        package let firstInvalid: Int?
    }

    /// The name in the standard, in lower case.
    package let name: String

    private init(name: String) {
        self.name = name
    }

    package static let utf8 = Charset(name: "utf-8")
    package static let utf16LittleEndian = Charset(name: "utf-16le")
    package static let utf16BigEndian = Charset(name: "utf-16be")
    private static let eucJP = Charset(name: "euc-jp")

    /// nil for an unknown label. Case and white space around it do not matter.
    package init?(label: some StringProtocol) {
        guard let name = Self.names[label.trimmed.lowercased()] else { return nil }
        self.name = name
    }

    /// The names in the standard, for messages.
    package static let allNames = table.map(\.name)

    /// The encoding that a byte order mark tells, with the length of the mark.
    package static func byteOrderMark(of bytes: some Collection<UInt8>) -> (charset: Charset, length: Int)? {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { return (.utf8, 3) }
        if bytes.starts(with: [0xFF, 0xFE]) { return (.utf16LittleEndian, 2) }
        if bytes.starts(with: [0xFE, 0xFF]) { return (.utf16BigEndian, 2) }
        return nil
    }

    /// Decodes bytes without a byte order mark. nil if the system's iconv does not know the encoding.
    package func decode(_ bytes: ArraySlice<UInt8>) -> Decoded? {
        switch name {
        case "utf-8": return Self.decodeUTF8(bytes)
        case "utf-16le": return Self.decodeUTF16(bytes, isBigEndian: false)
        case "utf-16be": return Self.decodeUTF16(bytes, isBigEndian: true)
        case "windows-1252":
            var text = String.UnicodeScalarView()
            for byte in bytes { text.append(Windows1252.scalar(byte)) }
            return Decoded(text: String(text), firstInvalid: nil)
        case "iso-2022-jp": return Self.decodeISO2022JP(bytes)
        default: return Converter(self)?.decode(bytes)
        }
    }

    // MARK: - Unicode

    private static func decodeUTF8(_ bytes: ArraySlice<UInt8>) -> Decoded {
        if let text = String(validating: bytes, as: UTF8.self) { return Decoded(text: text, firstInvalid: nil) }
        var decoder = Unicode.UTF8()
        var iterator = bytes.makeIterator()
        var offset = 0
        while case .scalarValue(let scalar) = decoder.decode(&iterator) { offset += Unicode.UTF8.width(scalar) }
        return Decoded(text: String(decoding: bytes, as: Unicode.UTF8.self), firstInvalid: offset)
    }

    private static func decodeUTF16(_ bytes: ArraySlice<UInt8>, isBigEndian: Bool) -> Decoded {
        var units: [UInt16] = []
        units.reserveCapacity(bytes.count / 2 + 1)
        var index = bytes.startIndex
        while index + 1 < bytes.endIndex {
            let (first, second) = (UInt16(bytes[index]), UInt16(bytes[index + 1]))
            units.append(isBigEndian ? first << 8 | second : second << 8 | first)
            index += 2
        }
        var firstInvalid: Int?
        if index < bytes.endIndex {
            units.append(0xFFFD)
            firstInvalid = bytes.count - 1
        }
        var decoder = Unicode.UTF16()
        var iterator = units.makeIterator()
        var offset = 0
        var text = String.UnicodeScalarView()
        decoding: while true {
            switch decoder.decode(&iterator) {
            case .scalarValue(let scalar):
                text.append(scalar)
                offset += Unicode.UTF16.width(scalar)
            case .emptyInput: break decoding
            case .error:
                firstInvalid = min(firstInvalid ?? .max, offset * 2)
                text.append("\u{FFFD}")
                offset += 1
            }
        }
        return Decoded(text: String(text), firstInvalid: firstInvalid)
    }

    // MARK: - ISO-2022-JP

    /// Decodes ISO-2022-JP (section 12.2). Its pairs are those of EUC-JP without the high bits. iconv knows fewer of them, and
    /// maps some differently.
    private static func decodeISO2022JP(_ bytes: ArraySlice<UInt8>) -> Decoded? {
        guard let converter = Converter(eucJP) else { return nil }
        enum Mode { case ascii, roman, katakana, pairs }
        let escapes: [(sequence: [UInt8], mode: Mode)] = [
            (Array("\u{1B}(B".utf8), .ascii), (Array("\u{1B}(J".utf8), .roman), (Array("\u{1B}(I".utf8), .katakana),
            (Array("\u{1B}$@".utf8), .pairs), (Array("\u{1B}$B".utf8), .pairs),
        ]
        var mode = Mode.ascii
        var text = ""
        var firstInvalid: Int?
        var rest = bytes
        func noteInvalid(at index: Int) { firstInvalid = firstInvalid ?? index - bytes.startIndex }
        while let first = rest.first {
            if first == 0x1B {
                if let escape = escapes.first(where: { rest.starts(with: $0.sequence) }) {
                    mode = escape.mode
                    rest = rest.dropFirst(escape.sequence.count)
                } else {
                    noteInvalid(at: rest.startIndex)
                    text += "\u{FFFD}"
                    rest = rest.dropFirst()
                }
                continue
            }
            let part = rest.prefix { $0 != 0x1B }
            rest = rest[part.endIndex...]
            if mode == .pairs {
                // What is no part of a pair stays, such as a line end; the byte 0xFF means nothing in EUC-JP either.
                let pairs = part.map { $0 < 0x21 || $0 == 0x7F ? $0 : $0 < 0x80 ? $0 | 0x80 : 0xFF }
                let decoded = converter.decode(pairs[...])
                if let invalid = decoded.firstInvalid { noteInvalid(at: part.startIndex + invalid) }
                text += decoded.text
                continue
            }
            for (index, byte) in zip(part.indices, part) {
                let scalar: Unicode.Scalar? =
                    switch (mode, byte) {
                    case (.roman, 0x5C): "¥"
                    case (.roman, 0x7E): "‾"
                    case (.katakana, 0x21...0x5F): Unicode.Scalar(0xFF61 - 0x21 + UInt32(byte))
                    case (.katakana, 0x60...0x7E), (_, 0x0E...0x0F), (_, 0x80...): nil
                    default: Unicode.Scalar(byte)
                    }
                if scalar == nil { noteInvalid(at: index) }
                text.unicodeScalars.append(scalar ?? "\u{FFFD}")
            }
        }
        return Decoded(text: text, firstInvalid: firstInvalid)
    }

    // MARK: - iconv

    /// A converter of iconv.
    private final class Converter {
        private let charset: Charset
        private let converter: OpaquePointer

        /// nil if iconv does not know the encoding.
        init?(_ charset: Charset) {
            let candidates = table.first { $0.name == charset.name }?.iconv ?? []
            guard let converter = candidates.lazy.compactMap({ runnel_converter_open($0) }).first else { return nil }
            (self.charset, self.converter) = (charset, converter)
        }

        deinit { runnel_converter_close(converter) }

        func decode(_ bytes: ArraySlice<UInt8>) -> Decoded {
            var output: [UInt8] = []
            output.reserveCapacity(bytes.count + bytes.count / 2)
            var firstInvalid: Int?
            let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]
            bytes.withUnsafeBufferPointer { whole in
                withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16 << 10) { buffer in
                    var input = whole.baseAddress
                    var inputLeft = whole.count
                    while true {
                        var place = buffer.baseAddress
                        var room = buffer.count
                        let result = runnel_converter_step(converter, &input, &inputLeft, &place, &room)
                        output.append(contentsOf: buffer.prefix(buffer.count - room))
                        switch result {
                        case RUNNEL_CONVERT_FULL where room < buffer.count: continue
                        case RUNNEL_CONVERT_INVALID where inputLeft > 0:
                            // As in Windows code page 936 and the WHATWG Encoding Standard, section 10.2.1.
                            let isEuroSign = charset.name == "gb18030" && input?.pointee == 0x80
                            if !isEuroSign { firstInvalid = firstInvalid ?? whole.count - inputLeft }
                            output.append(contentsOf: isEuroSign ? Array("€".utf8) : replacement)
                            let length = charset.invalidLength(UnsafeBufferPointer(start: input, count: inputLeft))
                            input = input?.advanced(by: length)
                            inputLeft -= length
                        case RUNNEL_CONVERT_INCOMPLETE:
                            firstInvalid = firstInvalid ?? whole.count - inputLeft
                            output.append(contentsOf: replacement)
                            return
                        default: return
                        }
                    }
                }
            }
            return Decoded(text: String(decoding: output, as: Unicode.UTF8.self), firstInvalid: firstInvalid)
        }
    }

    /// The bytes that lead a character of several bytes.
    private var leadBytes: [ClosedRange<UInt8>] {
        switch name {
        case "shift_jis": [0x81...0x9F, 0xE0...0xFC]
        case "euc-jp": [0x8E...0x8F, 0xA1...0xFE]
        case "gb18030", "big5", "euc-kr": [0x81...0xFE]
        default: []
        }
    }

    /// How many of the first bytes mean nothing together: a lead byte with its trail byte, or one byte. A trail byte in ASCII
    /// is left, as it may end a tag or a quoted text (WHATWG Encoding, sections 10 to 13).
    private func invalidLength(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        guard let lead = bytes.first, leadBytes.contains(where: { $0.contains(lead) }) else { return 1 }
        // A pair of JIS X 0212 stands behind a byte of its own.
        let isTriple = name == "euc-jp" && lead == 0x8F && bytes.dropFirst().first.map { $0 >= 0xA1 } == true
        return 1 + bytes.dropFirst().prefix(isTriple ? 2 : 1).prefix { $0 >= 0x80 }.count
    }

    // MARK: - The table

    /// - Parameters:
    ///   - iconv: Names that iconv may know it by, the closest to the standard first.
    ///   - labels: Separated by spaces, beside the name itself.
    private struct Entry {
        let name: String
        let iconv: [String]
        let labels: String
    }

    private static let names: [String: String] = {
        var names: [String: String] = [:]
        for entry in table {
            names[entry.name] = entry.name
            for label in entry.labels.split(separator: " ") { names[String(label)] = entry.name }
        }
        return names
    }()

    private static func entry(_ name: String, _ iconv: [String], _ labels: String) -> Entry {
        Entry(name: name, iconv: iconv, labels: labels)
    }

    /// One of the ISO 8859 encodings, with the labels that all of them have.
    private static func iso(_ number: Int, _ labels: String) -> Entry {
        let usual = "iso8859-\(number) iso8859\(number) iso_8859-\(number)"
        return Entry(name: "iso-8859-\(number)", iconv: ["ISO-8859-\(number)"], labels: "\(usual) \(labels)")
    }

    private static func windows(_ number: Int, _ labels: String = "") -> Entry {
        Entry(
            name: "windows-\(number)", iconv: ["CP\(number)"],
            labels: "cp\(number) x-cp\(number) cp-\(number) windows\(number) \(labels)")
    }

    private static let table: [Entry] = [
        entry("utf-8", [], "utf8 unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8"),
        entry("utf-16le", [], "utf-16 utf16 utf16le csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff"),
        entry("utf-16be", [], "utf16be unicodefffe"),
        // Latin-1 and ASCII mean this superset of them everywhere on the web.
        windows(
            1252,
            """
            ansi_x3.4-1968 ascii us-ascii cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1 \
            iso_8859-1:1987 l1 latin1 latin-1
            """),
        entry(
            "shift_jis", ["CP932", "SHIFT_JISX0213", "SHIFT_JIS"],
            "csshiftjis ms932 ms_kanji shift-jis sjis windows-31j x-sjis cp932 shiftjis"),
        entry("euc-jp", ["EUC-JP-MS", "EUC-JP"], "cseucpkdfmtjapanese x-euc-jp eucjp"),
        entry("iso-2022-jp", [], "csiso2022jp"),
        entry(
            "gb18030", ["GB18030"],
            "chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk cp936 windows-936"),
        entry("big5", ["BIG5-HKSCS", "BIG5"], "big5-hkscs cn-big5 csbig5 x-x-big5 cp950"),
        entry(
            "euc-kr", ["CP949", "UHC", "EUC-KR"],
            """
            cseuckr csksc56011987 iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 windows-949 cp949 uhc
            """),
        windows(1250), windows(1251), windows(1253),
        windows(1254, "csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 latin5"),
        windows(1255), windows(1256), windows(1257), windows(1258),
        entry(
            "windows-874", ["CP874", "TIS-620"], "cp874 dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 tis620"),
        iso(2, "csisolatin2 iso-ir-101 iso_8859-2:1987 l2 latin2"),
        iso(3, "csisolatin3 iso-ir-109 iso_8859-3:1988 l3 latin3"),
        iso(4, "csisolatin4 iso-ir-110 iso_8859-4:1988 l4 latin4"),
        iso(5, "csisolatincyrillic cyrillic iso-ir-144 iso_8859-5:1988"),
        iso(
            6,
            "arabic asmo-708 csisolatinarabic ecma-114 iso-ir-127 iso_8859-6:1987 csiso88596e csiso88596i iso-8859-6-e iso-8859-6-i"
        ),
        iso(7, "csisolatingreek ecma-118 elot_928 greek greek8 iso-ir-126 iso_8859-7:1987 sun_eu_greek"),
        iso(
            8,
            "csisolatinhebrew hebrew iso-ir-138 iso_8859-8:1988 visual csiso88598e csiso88598i iso-8859-8-e iso-8859-8-i logical"
        ),
        iso(10, "csisolatin6 iso-ir-157 l6 latin6"), iso(13, ""), iso(14, ""), iso(15, "csisolatin9 l9 latin9"),
        iso(16, ""),
        entry("koi8-r", ["KOI8-R"], "cskoi8r koi koi8 koi8_r"),
        entry("koi8-u", ["KOI8-U"], "koi8-ru"),
        entry("ibm866", ["IBM866", "CP866"], "866 cp866 csibm866"),
        entry("macintosh", ["MACINTOSH", "MACROMAN"], "csmacintosh mac x-mac-roman"),
        entry("x-mac-cyrillic", ["MAC-CYRILLIC", "MACCYRILLIC"], "x-mac-ukrainian"),
    ]
}

extension Charset {
    /// The encoding that an HTML page declares in a `<meta>`; nil when it declares none. In a page that is no UTF-8, the
    /// `<meta>` may stand behind the first 1024 bytes.
    package static func declared(inHTML bytes: [UInt8]) -> String? {
        let isUTF8 = bytes.count <= 1024 || String(validating: bytes, as: UTF8.self) != nil
        var prescan = MetaPrescan(bytes.prefix(isUTF8 ? 1024 : 64 << 10))
        return prescan.label().map { plausible($0[...]) }
    }

    /// The encoding in an XML declaration, `<?xml version="1.0" encoding="…"?>`; nil when there is none.
    package static func declared(inXML bytes: [UInt8]) -> String? {
        let head = String(decoding: bytes.prefix(256), as: UTF8.self)
        guard head.hasPrefix("<?xml"), let end = head.firstRange(of: "?>"),
            let found = head[..<end.lowerBound].firstRange(of: "encoding")
        else { return nil }
        let value = head[found.upperBound..<end.lowerBound].drop { $0.isWhitespace || $0 == "=" }
        guard let quote = value.first, quote == "\"" || quote == "'" else { return nil }
        let name = value.dropFirst().prefix { $0 != quote }.lowercased()
        return name.isEmpty ? nil : plausible(name[...])
    }

    /// A page whose declaration could be read as ASCII is not in UTF-16, whatever it says.
    private static func plausible(_ name: Substring) -> String { name.hasPrefix("utf-16") ? "utf-8" : String(name) }
}

/// The encoding windows-1252, which Latin-1 means everywhere on the web (WHATWG Encoding, section 9).
package enum Windows1252 {
    private static let upper: [UInt16] = [
        0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D,
        0x017D, 0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A,
        0x0153, 0x9D, 0x017E, 0x0178,
    ]

    package static func scalar(_ byte: UInt8) -> Unicode.Scalar {
        guard (0x80...0x9F).contains(byte) else { return Unicode.Scalar(byte) }
        return Unicode.Scalar(upper[Int(byte) - 0x80]) ?? "\u{FFFD}"
    }
}
