/// The character references of HTML.
enum HTMLEntities {
    /// The bytes with `&amp;`, `&#8364;`, `&#x20AC;` and the like replaced. What is no reference stays as it is.
    static func decode(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        guard bytes.contains(UInt8(ascii: "&")) else { return Array(bytes) }
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if bytes[index] == UInt8(ascii: "&"), let (scalar, end) = reference(in: bytes, after: index + 1) {
                output.append(contentsOf: String(Character(scalar)).utf8)
                index = end
            } else {
                output.append(bytes[index])
                index += 1
            }
        }
        return output
    }

    private static func reference(in bytes: ArraySlice<UInt8>, after start: Int) -> (Unicode.Scalar, end: Int)? {
        // No name is longer, so that every "&" costs the same.
        let window = bytes[start..<min(start + 12, bytes.endIndex)]
        if window.first == UInt8(ascii: "#") { return number(in: window) }
        let name = window.prefix { isAlphanumeric($0) }
        guard !name.isEmpty else { return nil }
        let isEnded = name.endIndex < bytes.endIndex && bytes[name.endIndex] == UInt8(ascii: ";")
        let text = String(decoding: name, as: UTF8.self)
        guard let scalar = names[text], isEnded || optionalSemicolon.contains(text) else { return nil }
        return (scalar, isEnded ? name.endIndex + 1 : name.endIndex)
    }

    private static func number(in window: ArraySlice<UInt8>) -> (Unicode.Scalar, end: Int)? {
        var digits = window.dropFirst()
        let isHex = digits.first.map { $0 | 0x20 } == UInt8(ascii: "x")
        if isHex { digits = digits.dropFirst() }
        digits = digits.prefix { Character(Unicode.Scalar($0)).isHexDigit && $0 < 0x80 && (isHex || $0 <= 0x39) }
        guard !digits.isEmpty, let code = UInt32(String(decoding: digits, as: UTF8.self), radix: isHex ? 16 : 10) else {
            return nil
        }
        let end =
            digits.endIndex < window.endIndex && window[digits.endIndex] == UInt8(ascii: ";")
            ? digits.endIndex + 1 : digits.endIndex
        if (0x80...0x9F).contains(code) { return (Windows1252.scalar(UInt8(code)), end) }
        return (code == 0 ? "\u{FFFD}" : Unicode.Scalar(code) ?? "\u{FFFD}", end)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || (0x30...0x39).contains(byte)
    }

    private static let optionalSemicolon: Set = ["amp", "lt", "gt", "quot", "nbsp", "copy", "reg"]

    /// The 252 names of HTML 4, which cover what pages use. `?` holds the place of a code without a name.
    private static let names: [String: Unicode.Scalar] = {
        let runs: [(first: UInt32, names: String)] = [
            (0x22, "quot"), (0x26, "amp apos"), (0x3C, "lt"), (0x3E, "gt"),
            (
                0xA0,
                """
                nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 \
                acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde \
                Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute \
                Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde \
                auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute \
                ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml
                """
            ),
            (0x152, "OElig oelig"), (0x160, "Scaron scaron"), (0x178, "Yuml"), (0x192, "fnof"), (0x2C6, "circ"),
            (0x2DC, "tilde"),
            (
                0x391,
                """
                Alpha Beta Gamma Delta Epsilon Zeta Eta Theta Iota Kappa Lambda Mu Nu Xi Omicron Pi Rho ? Sigma Tau \
                Upsilon Phi Chi Psi Omega
                """
            ),
            (
                0x3B1,
                """
                alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigmaf sigma \
                tau upsilon phi chi psi omega
                """
            ),
            (0x3D1, "thetasym upsih"), (0x3D6, "piv"), (0x2002, "ensp emsp"), (0x2009, "thinsp"),
            (0x200C, "zwnj zwj lrm rlm"), (0x2013, "ndash mdash"), (0x2018, "lsquo rsquo sbquo"),
            (0x201C, "ldquo rdquo bdquo"), (0x2020, "dagger Dagger bull"), (0x2026, "hellip"), (0x2030, "permil"),
            (0x2032, "prime Prime"), (0x2039, "lsaquo rsaquo"), (0x203E, "oline"), (0x2044, "frasl"), (0x20AC, "euro"),
            (0x2111, "image"), (0x2118, "weierp"), (0x211C, "real"), (0x2122, "trade"), (0x2135, "alefsym"),
            (0x2190, "larr uarr rarr darr harr"), (0x21B5, "crarr"), (0x21D0, "lArr uArr rArr dArr hArr"),
            (0x2200, "forall ? part exist ? empty ? nabla isin notin ? ni ? ? ? prod ? sum minus"),
            (0x2217, "lowast ? ? radic ? ? prop infin ? ang"), (0x2227, "and or cap cup int"), (0x2234, "there4"),
            (0x223C, "sim"), (0x2245, "cong ? ? asymp"), (0x2260, "ne equiv ? ? le ge"),
            (0x2282, "sub sup nsub ? sube supe"), (0x2295, "oplus ? otimes"), (0x22A5, "perp"), (0x22C5, "sdot"),
            (0x2308, "lceil rceil lfloor rfloor"), (0x2329, "lang rang"), (0x25CA, "loz"),
            (0x2660, "spades ? ? clubs ? hearts diams"),
        ]
        var table: [String: Unicode.Scalar] = [:]
        for (first, names) in runs {
            for (offset, name) in names.split(separator: " ").enumerated() where name != "?" {
                table[String(name)] = Unicode.Scalar(first + UInt32(offset))
            }
        }
        return table
    }()
}
