/// How text from elsewhere is put into a sentence: on one line, without control characters, bounded in length.
enum Quote {
    /// The most characters of a quotation.
    static let limit = 300

    static func text(_ text: String, limit: Int = Quote.limit) -> String {
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
    static func quoted(_ string: String, limit: Int = Quote.limit) -> String {
        "\"\(text(string, limit: limit))\""
    }
}

extension Duration {
    /// The duration in seconds.
    var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }

    /// The duration as a person writes it: `500 ms`, `10 s`, `1.5 s`, `30 min`.
    var readable: String {
        let milliseconds = Int64((inSeconds * 1000).rounded())
        if milliseconds < 1000 { return "\(milliseconds) ms" }
        if milliseconds >= 60_000, milliseconds % 60_000 == 0 { return "\(milliseconds / 60_000) min" }
        if milliseconds % 1000 == 0 { return "\(milliseconds / 1000) s" }
        return "\(Double(milliseconds / 100) / 10) s"
    }
}
