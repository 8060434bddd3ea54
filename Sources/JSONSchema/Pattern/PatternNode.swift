/// A regular expression, read.
indirect enum PatternNode {
    case empty
    case scalar(Unicode.Scalar)
    case set(ScalarSet)
    case sequence([PatternNode])
    case alternatives([PatternNode])
    /// Greedy or not makes no difference to whether there is a match.
    case repetition(PatternNode, minimum: Int, maximum: Int?)
    case assertion(PatternAssertion)
    case look(PatternNode, PatternDirection, isNegated: Bool)
}

/// A condition on a position.
enum PatternAssertion: Sendable {
    case start, end, wordBoundary, noWordBoundary
}

/// Which way a text is read: look-behind reads it backwards.
enum PatternDirection: Sendable {
    case forward, backward
}
