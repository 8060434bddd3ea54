/// Constant-time comparison, so that a secret cannot be guessed byte by byte: the time depends on the length of the
/// expected value alone, not on what was given or how much of it is right.
public enum ConstantTime {
    /// Whether two sequences of bytes are equal.
    public static func areEqual(_ expected: [UInt8], _ given: [UInt8]) -> Bool {
        var difference = expected.count ^ given.count
        for index in expected.indices {
            difference |= Int(expected[index] ^ (index < given.count ? given[index] : 0))
        }
        return difference == 0
    }

    /// Whether two texts have the same bytes in UTF-8.
    public static func areEqual(_ expected: String, _ given: some StringProtocol) -> Bool {
        areEqual(Array(expected.utf8), Array(given.utf8))
    }
}
