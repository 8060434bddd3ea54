/// A string literal in a Swift source, and where it ends.
struct SwiftLiteral {
    /// What it says, with `…` for what is put in.
    let text: String
    let end: Int

    /// The literal that begins at `start`; nil where none does.
    init?(_ source: [Character], at start: Int) {
        var index = start
        while index < source.count, source[index] == "#" { index += 1 }
        let hashes = index - start
        guard index < source.count, source[index] == "\"" else { return nil }
        let isLong = index + 2 < source.count && source[index + 1] == "\"" && source[index + 2] == "\""
        let quotes = isLong ? 3 : 1
        index += quotes
        var text = ""
        while index < source.count {
            if source[index] == "\"", Self.matches(source, index, quotes: quotes, hashes: hashes) {
                self.text = isLong ? Self.joined(text) : text
                end = index + quotes + hashes
                return
            }
            guard source[index] == "\\", Self.isEscape(source, index, hashes: hashes) else {
                text.append(source[index])
                index += 1
                continue
            }
            index += 1 + hashes
            guard index < source.count else { break }
            switch source[index] {
            case "(":
                index = Self.end(ofParentheses: source, index)
                text.append("…")
                continue
            case "n", "t", "\n", "r": text.append(" ")
            default: text.append(source[index])
            }
            index += 1
        }
        return nil
    }

    private static func matches(_ source: [Character], _ index: Int, quotes: Int, hashes: Int) -> Bool {
        let end = index + quotes + hashes
        guard end <= source.count else { return false }
        return source[index..<index + quotes].allSatisfy { $0 == "\"" }
            && source[index + quotes..<end].allSatisfy { $0 == "#" }
    }

    private static func isEscape(_ source: [Character], _ index: Int, hashes: Int) -> Bool {
        guard index + hashes < source.count else { return false }
        return source[(index + 1)...].prefix(hashes).allSatisfy { $0 == "#" }
    }

    /// Behind the parenthesis that closes the one at `start`, with literals inside skipped.
    static func end(ofParentheses source: [Character], _ start: Int) -> Int {
        var (index, depth) = (start, 0)
        while index < source.count {
            if source[index] == "\"" || source[index] == "#", let literal = SwiftLiteral(source, at: index) {
                index = literal.end
                continue
            }
            if source[index] == "(" { depth += 1 }
            if source[index] == ")" {
                depth -= 1
                if depth == 0 { return index + 1 }
            }
            index += 1
        }
        return source.count
    }

    /// The lines of a literal of several lines as one.
    private static func joined(_ text: String) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}
