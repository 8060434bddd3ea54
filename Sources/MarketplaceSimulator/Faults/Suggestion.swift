/// Finds what somebody who mistyped a name probably meant.
enum Suggestion {
    /// The nearest candidate, if it is near enough to be worth suggesting.
    static func nearest(to name: String, in candidates: [String]) -> String? {
        guard !name.isEmpty, name.count <= 60 else { return nil }
        let typed = Array(name.lowercased())
        let best = candidates.map { ($0, distance(typed, Array($0))) }.min { $0.1 < $1.1 }
        guard let best, best.1 <= max(2, typed.count / 3) else { return nil }
        return best.0
    }

    /// The Levenshtein distance.
    private static func distance(_ left: [Character], _ right: [Character]) -> Int {
        var row = Array(0...right.count)
        for (i, a) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in right.enumerated() {
                let substitution = diagonal + (a == b ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substitution, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[right.count]
    }
}
