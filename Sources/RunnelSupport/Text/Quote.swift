/// How text from elsewhere is put into a sentence: on one line, without control characters, bounded in length.
package enum Quote {
    /// The most characters of a quotation.
    package static let limit = 300

    package static func text(_ text: String, limit: Int = Quote.limit) -> String {
        var output = ""
        var count = 0
        for character in text {
            if count == limit { return output + "…" }
            let isControl = character.unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }
            output.append(isControl ? " " : character)
            count += 1
        }
        return output
    }

    /// The text between double quotes.
    package static func quoted(_ string: String, limit: Int = Quote.limit) -> String {
        "\"\(text(string, limit: limit))\""
    }

    /// Names of settings, keys or files: `` `a`, `b` ``.
    package static func names(_ names: [String]) -> String {
        names.map { "`\($0)`" }.joined(separator: ", ")
    }
}

extension StringProtocol {
    /// The text without white space at either end.
    package var trimmed: SubSequence {
        let head = drop(while: \.isWhitespace)
        guard let last = head.lastIndex(where: { !$0.isWhitespace }) else { return head[head.endIndex...] }
        return head[...last]
    }
}
