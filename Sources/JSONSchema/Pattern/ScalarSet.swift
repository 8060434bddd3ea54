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
