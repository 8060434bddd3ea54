internal import Crypto

/// Comparisons whose duration says nothing about where two values differ.
enum ConstantTime {
    /// Compares codes, whose length is no secret.
    static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for (left, right) in zip(left, right) { difference |= left ^ right }
        return difference == 0
    }

    /// Compares texts without telling their length either.
    static func areEqual(_ left: String, _ right: String) -> Bool {
        areEqual(Array(SHA256.hash(data: Array(left.utf8))), Array(SHA256.hash(data: Array(right.utf8))))
    }
}
