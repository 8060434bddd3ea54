extension StringProtocol {
    /// The text without white space at either end.
    package var trimmed: SubSequence {
        let head = drop(while: \.isWhitespace)
        guard let last = head.lastIndex(where: { !$0.isWhitespace }) else { return head[head.endIndex...] }
        return head[...last]
    }
}
