/// Chooses among words by what a text speaks of.
struct WordChoice {
    private let words: [String]
    private static let mostWords = 20_000

    init(in text: String) {
        words = text.lowercased().split(maxSplits: Self.mostWords) { !$0.isLetter && !$0.isNumber }
            .prefix(Self.mostWords).map(String.init)
    }

    /// The candidate that the text names most often, the one named last among equals (a prompt lists the choices
    /// first and brings the case to decide after them); nil when it names none.
    func mostNamed(of candidates: [String]) -> Int? {
        var best: (index: Int, count: Int, last: Int)?
        for (index, candidate) in candidates.enumerated() {
            guard let (count, last) = occurrences(of: candidate) else { continue }
            if let best, (best.count, best.last) >= (count, last) { continue }
            best = (index, count, last)
        }
        return best?.index
    }

    func names(_ candidate: String) -> Bool { occurrences(of: candidate) != nil }

    private func occurrences(of candidate: String) -> (count: Int, last: Int)? {
        let parts = candidate.lowercased().split { !$0.isLetter && !$0.isNumber }
        guard !parts.isEmpty, parts.count <= words.count else { return nil }
        var count = 0
        var last = 0
        for start in 0...(words.count - parts.count)
        where zip(parts, words[start...]).allSatisfy({ Self.isForm($1, of: $0) }) {
            count += 1
            last = start
        }
        return count == 0 ? nil : (count, last)
    }

    /// The word itself or with a short ending: "bugs", "refunded".
    private static func isForm(_ word: String, of stem: Substring) -> Bool {
        word.hasPrefix(stem) && (word.count == stem.count || stem.count >= 3 && word.count <= stem.count + 3)
    }
}
