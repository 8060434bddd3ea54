/// Finds what somebody probably meant.
public enum Suggestion {
    /// Nobody types so long a name by hand, and the comparison takes the product of both lengths.
    private static let maxLength = 100
    /// A beginning shorter than this may mean anything.
    private static let minPrefix = 3

    /// The candidate that is closest to `word`, or nil when none is close enough to be worth a mention.
    ///
    /// Close is: the same but for case, "-" and "_"; few wrong, missing, additional or swapped letters, one for every
    /// three letters of the shorter word and three at most; or the beginning of the other, from three letters on. Among
    /// equals the first candidate wins. `word` itself is no suggestion.
    public static func closest(to word: String, among candidates: some Sequence<String>) -> String? {
        let wanted = folded(word)
        guard !wanted.isEmpty, wanted.count <= maxLength else { return nil }
        var best: (candidate: String, distance: Int)?
        for candidate in candidates where candidate != word {
            guard let distance = distance(wanted, folded(candidate)) else { continue }
            if best.map({ distance < $0.distance }) ?? true { best = (candidate, distance) }
        }
        return best?.candidate
    }

    /// The hint of an error about an unknown word: `did you mean "file.read"?`; nil when no candidate is close enough.
    public static func hint(for word: String, among candidates: some Sequence<String>) -> String? {
        closest(to: word, among: candidates).map { "did you mean \"\($0)\"?" }
    }

    /// How far apart two words are; nil when too far.
    private static func distance(_ word: [Unicode.Scalar], _ candidate: [Unicode.Scalar]) -> Int? {
        if word == candidate { return 0 }
        guard candidate.count <= maxLength else { return nil }
        let shorter = min(word.count, candidate.count)
        let limit = min(shorter / 3, 3)
        if abs(word.count - candidate.count) <= limit {
            let edits = edits(word, candidate)
            if edits <= limit { return edits }
        }
        // A beginning is a weaker hint than a slip of the pen; the less is missing, the better.
        guard shorter >= minPrefix, word.starts(with: candidate) || candidate.starts(with: word) else { return nil }
        return 10 + abs(word.count - candidate.count)
    }

    /// The letters to change, add, drop or swap with their neighbour to get from one word to the other.
    private static func edits(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for row in 1...left.count {
            var current = [row]
            for column in 1...right.count {
                let isSame = left[row - 1] == right[column - 1]
                var cost = min(last[column] + 1, current[column - 1] + 1, last[column - 1] + (isSame ? 0 : 1))
                if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
                    cost = min(cost, beforeLast[column - 2] + 1)
                }
                current.append(cost)
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }

    private static func folded(_ word: String) -> [Unicode.Scalar] {
        word.lowercased().unicodeScalars.filter { $0 != "-" && $0 != "_" }
    }
}
