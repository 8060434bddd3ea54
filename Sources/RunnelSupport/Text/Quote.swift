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
            // An ellipsis means that Runnel cut the text.
            output += isControl ? " " : character == "…" ? "..." : String(character)
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
        // Finding characters takes ten times as long as finding scalars.
        guard let first = unicodeScalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = unicodeScalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return self[endIndex...] }
        return self[first..<unicodeScalars.index(after: last)]
    }
}
