/// A set of characters: `[a-z\d]`, `\s`, `.`, `\p{L}`.
struct ScalarSet: Sendable {
    enum Item: Sendable {
        case range(ClosedRange<UInt32>)
        case set(ScalarSet)
        case property(ScalarProperty)
    }

    var items: [Item]
    var isNegated = false

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        items.contains { item in
            switch item {
            case .range(let range): range.contains(scalar.value)
            case .set(let set): set.contains(scalar)
            case .property(let property): property.holds(for: scalar)
            }
        } != isNegated
    }

    init(_ items: [Item], isNegated: Bool = false) {
        self.items = items
        self.isNegated = isNegated
    }

    private init(ranges: [ClosedRange<UInt32>], isNegated: Bool = false) {
        self.init(ranges.map(Item.range), isNegated: isNegated)
    }

    var negated: ScalarSet { ScalarSet(items, isNegated: !isNegated) }

    static let digits = ScalarSet(ranges: [0x30...0x39])
    static let words = ScalarSet(ranges: [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
    /// White space and line ends of ECMA-262 (`\s`).
    static let spaces = ScalarSet(ranges: [
        0x09...0x0D, 0x20...0x20, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029, 0x202F...0x202F,
        0x205F...0x205F, 0x3000...0x3000, 0xFEFF...0xFEFF,
    ])
    /// Anything but line ends (`.`).
    static let dot = ScalarSet(ranges: [0x0A...0x0A, 0x0D...0x0D, 0x2028...0x2029], isNegated: true)
}

/// A Unicode property in a pattern: a general category, or one of the binary properties.
enum ScalarProperty: Sendable {
    case category(Set<Unicode.GeneralCategory>)
    case binary(@Sendable (Unicode.Scalar) -> Bool)

    func holds(for scalar: Unicode.Scalar) -> Bool {
        switch self {
        case .category(let categories): categories.contains(scalar.properties.generalCategory)
        case .binary(let test): test(scalar)
        }
    }

    /// The property of `\p{name}`; nil if it is not supported.
    init?(_ name: String) {
        var category = name
        for prefix in ["General_Category=", "gc="] where name.hasPrefix(prefix) {
            category = String(name.dropFirst(prefix.count))
        }
        if let categories = Self.categories[category] {
            self = .category(categories)
        } else if let test = Self.binaries[name] {
            self = .binary(test)
        } else {
            return nil
        }
    }

    private static let categories: [String: Set<Unicode.GeneralCategory>] = {
        let single: [(Unicode.GeneralCategory, [String])] = [
            (.uppercaseLetter, ["Lu", "Uppercase_Letter"]), (.lowercaseLetter, ["Ll", "Lowercase_Letter"]),
            (.titlecaseLetter, ["Lt", "Titlecase_Letter"]), (.modifierLetter, ["Lm", "Modifier_Letter"]),
            (.otherLetter, ["Lo", "Other_Letter"]), (.nonspacingMark, ["Mn", "Nonspacing_Mark"]),
            (.spacingMark, ["Mc", "Spacing_Mark"]), (.enclosingMark, ["Me", "Enclosing_Mark"]),
            (.decimalNumber, ["Nd", "Decimal_Number", "digit"]), (.letterNumber, ["Nl", "Letter_Number"]),
            (.otherNumber, ["No", "Other_Number"]), (.connectorPunctuation, ["Pc", "Connector_Punctuation"]),
            (.dashPunctuation, ["Pd", "Dash_Punctuation"]), (.openPunctuation, ["Ps", "Open_Punctuation"]),
            (.closePunctuation, ["Pe", "Close_Punctuation"]), (.initialPunctuation, ["Pi", "Initial_Punctuation"]),
            (.finalPunctuation, ["Pf", "Final_Punctuation"]), (.otherPunctuation, ["Po", "Other_Punctuation"]),
            (.mathSymbol, ["Sm", "Math_Symbol"]), (.currencySymbol, ["Sc", "Currency_Symbol"]),
            (.modifierSymbol, ["Sk", "Modifier_Symbol"]), (.otherSymbol, ["So", "Other_Symbol"]),
            (.spaceSeparator, ["Zs", "Space_Separator"]), (.lineSeparator, ["Zl", "Line_Separator"]),
            (.paragraphSeparator, ["Zp", "Paragraph_Separator"]), (.control, ["Cc", "Control", "cntrl"]),
            (.format, ["Cf", "Format"]), (.surrogate, ["Cs", "Surrogate"]),
            (.privateUse, ["Co", "Private_Use"]), (.unassigned, ["Cn", "Unassigned"]),
        ]
        let groups: [(prefix: Character, names: [String])] = [
            ("L", ["L", "Letter"]), ("M", ["M", "Mark", "Combining_Mark"]), ("N", ["N", "Number"]),
            ("P", ["P", "Punctuation", "punct"]), ("S", ["S", "Symbol"]), ("Z", ["Z", "Separator"]),
            ("C", ["C", "Other"]),
        ]
        var table: [String: Set<Unicode.GeneralCategory>] = [:]
        for (category, names) in single {
            for name in names { table[name] = [category] }
        }
        for group in groups {
            let members = single.filter { $0.1[0].first == group.prefix }.map(\.0)
            for name in group.names { table[name] = Set(members) }
        }
        for name in ["LC", "Cased_Letter"] { table[name] = [.uppercaseLetter, .lowercaseLetter, .titlecaseLetter] }
        return table
    }()

    private static let binaries: [String: @Sendable (Unicode.Scalar) -> Bool] = [
        "Any": { _ in true },
        "ASCII": { $0.isASCII },
        "Alphabetic": { $0.properties.isAlphabetic }, "Alpha": { $0.properties.isAlphabetic },
        "Lowercase": { $0.properties.isLowercase }, "Lower": { $0.properties.isLowercase },
        "Uppercase": { $0.properties.isUppercase }, "Upper": { $0.properties.isUppercase },
        "White_Space": { $0.properties.isWhitespace }, "space": { $0.properties.isWhitespace },
        "ID_Start": { $0.properties.isIDStart }, "ID_Continue": { $0.properties.isIDContinue },
        "XID_Start": { $0.properties.isXIDStart }, "XID_Continue": { $0.properties.isXIDContinue },
        "Ideographic": { $0.properties.isIdeographic },
        "Emoji": { $0.properties.isEmoji }, "Emoji_Presentation": { $0.properties.isEmojiPresentation },
        "Dash": { $0.properties.isDash }, "Diacritic": { $0.properties.isDiacritic },
        "Hex_Digit": { $0.properties.isHexDigit }, "ASCII_Hex_Digit": { $0.properties.isASCIIHexDigit },
        "Math": { $0.properties.isMath }, "Cased": { $0.properties.isCased },
    ]
}
