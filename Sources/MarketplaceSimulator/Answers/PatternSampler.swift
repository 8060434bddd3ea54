/// Makes a text that matches a regular expression of the kind that schemas use: literals, classes, groups,
/// alternatives and counts. Look-around, back-references and property classes are beyond it.
struct PatternSampler {
    private static let mostRepetitions = 1_000
    private static let longestMatch = 10_000
    private static let deepest = 20

    private var rest: Substring
    private var depth = 0

    /// The simplest match; nil when the pattern uses something unknown here.
    static func match(for pattern: String) -> String? {
        var sampler = PatternSampler(rest: pattern[...])
        guard let match = sampler.alternatives(), sampler.rest.isEmpty, match.count <= longestMatch else { return nil }
        return match
    }

    private init(rest: Substring) { self.rest = rest }

    private mutating func alternatives() -> String? {
        guard depth < Self.deepest, let first = sequence() else { return nil }
        while rest.first == "|" {
            rest.removeFirst()
            guard sequence() != nil else { return nil }
        }
        return first
    }

    private mutating func sequence() -> String? {
        var result = ""
        while let character = rest.first, character != "|", character != ")" {
            rest.removeFirst()
            if character == "^" || character == "$" { continue }
            guard let atom = atom(character), let count = repetitions() else { return nil }
            guard atom.count * count + result.count <= Self.longestMatch else { return nil }
            result += String(repeating: atom, count: count)
        }
        return result
    }

    private mutating func atom(_ character: Character) -> String? {
        switch character {
        case ".": return "x"
        case "\\": return escape().map(String.init)
        case "[": return characterClass().map(String.init)
        case "(":
            if rest.hasPrefix("?:") { rest.removeFirst(2) }
            guard rest.first != "?" else { return nil }
            depth += 1
            let inner = alternatives()
            depth -= 1
            guard let inner, rest.first == ")" else { return nil }
            rest.removeFirst()
            return inner
        case "*", "+", "?", "{": return nil
        default: return String(character)
        }
    }

    private mutating func escape() -> Character? {
        guard let character = rest.popFirst() else { return nil }
        switch character {
        case "d": return "1"
        case "w": return "a"
        case "s": return " "
        case "D", "S": return "x"
        case "W": return "-"
        case "t": return "\t"
        case "n": return "\n"
        case _ where character.isLetter || character.isNumber: return nil
        default: return character
        }
    }

    /// The first member of a class. Of a negated one, the first character of a small choice that it does not exclude.
    private mutating func characterClass() -> Character? {
        let isNegated = rest.first == "^"
        if isNegated { rest.removeFirst() }
        var ranges: [ClosedRange<Character>] = []
        while let character = rest.popFirst(), character != "]" {
            guard let low = character == "\\" ? escape() : character else { return nil }
            var high = low
            if rest.first == "-", let end = rest.dropFirst().first, end != "]" {
                rest.removeFirst(2)
                guard let last = end == "\\" ? escape() : end else { return nil }
                high = last
            }
            guard low <= high else { return nil }
            ranges.append(low...high)
        }
        guard isNegated else { return ranges.first?.lowerBound }
        return "xX1-_ ".first { candidate in !ranges.contains { $0.contains(candidate) } }
    }

    /// The fewest repetitions that the count after an atom allows, but one where it may be one.
    private mutating func repetitions() -> Int? {
        var count = 1
        switch rest.first {
        case "*", "+", "?": rest.removeFirst()
        case "{":
            rest.removeFirst()
            guard let end = rest.firstIndex(of: "}") else { return nil }
            let bounds = rest[..<end].split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
            rest = rest[rest.index(after: end)...]
            guard let low = bounds.first ?? nil, (0...Self.mostRepetitions).contains(low) else { return nil }
            count = bounds.count == 2 && bounds[1] != 0 ? max(1, low) : low
        default: return count
        }
        if rest.first == "?" { rest.removeFirst() }
        return count
    }
}
