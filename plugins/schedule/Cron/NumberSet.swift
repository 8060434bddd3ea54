/// A set of numbers from 0 to 63.
struct NumberSet: Hashable {
    private(set) var bits: UInt64 = 0

    init() {}

    init(_ numbers: some Sequence<Int>) {
        for number in numbers { insert(number) }
    }

    var isEmpty: Bool { bits == 0 }

    func contains(_ number: Int) -> Bool { bits & (1 << UInt64(number)) != 0 }

    mutating func insert(_ number: Int) { bits |= 1 << UInt64(number) }

    mutating func formUnion(_ other: NumberSet) { bits |= other.bits }

    func intersection(_ other: NumberSet) -> NumberSet {
        var copy = self
        copy.bits &= other.bits
        return copy
    }

    func union(_ other: NumberSet) -> NumberSet {
        var copy = self
        copy.bits |= other.bits
        return copy
    }

    /// The lowest number from `start` on.
    func first(from start: Int) -> Int? {
        guard start < 64 else { return nil }
        let rest = bits >> UInt64(start)
        return rest == 0 ? nil : start + rest.trailingZeroBitCount
    }
}
