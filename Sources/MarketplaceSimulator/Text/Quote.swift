/// Puts text of unknown origin into a sentence.
enum Quote {
    /// In double quotes on one line, shortened to `limit` characters.
    static func quoted(_ text: String, limit: Int) -> String {
        var result = "\""
        for character in text.prefix(limit) {
            switch character {
            case "\"": result += "\\\""
            case "\n", "\r", "\r\n": result += "\\n"
            case _ where character.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }: result += "\u{FFFD}"
            default: result.append(character)
            }
        }
        return result + (text.dropFirst(limit).isEmpty ? "\"" : "…\"")
    }
}

extension StringProtocol {
    /// Without white space at both ends.
    var trimmed: SubSequence {
        let head = drop(while: \.isWhitespace)
        guard let last = head.lastIndex(where: { !$0.isWhitespace }) else { return head[head.endIndex...] }
        return head[...last]
    }
}
