/// Just enough of HTML to quote the words of an error page.
enum Markup {
    /// The title if there is one, otherwise the first words outside of tags, styles and scripts.
    static func firstLine(_ html: String) -> String? {
        if let title = content(of: "title", in: html) { return title }
        var rest = Substring(html)
        while let open = rest.firstIndex(of: "<") {
            if let words = words(rest[..<open]) { return words }
            let tag = rest[open...].prefix { $0 != ">" }
            rest = rest[tag.endIndex...].dropFirst()
            for skipped in ["style", "script"] where tag.dropFirst().lowercased().hasPrefix(skipped) {
                rest = rest[(end(of: skipped, in: rest) ?? rest.endIndex)...]
            }
        }
        return words(rest)
    }

    private static func content(of name: String, in html: String) -> String? {
        let lower = html.lowercased()
        // Lower-casing may change the number of characters; then there is nothing to gain from going on.
        guard lower.utf8.count == html.utf8.count, let start = range(of: "<\(name)", in: lower[...]) else { return nil }
        guard let open = lower[start.upperBound...].firstIndex(of: ">"),
            let close = range(of: "</\(name)", in: lower[open...])
        else { return nil }
        let from = lower.utf8.distance(from: lower.startIndex, to: open) + 1
        let to = lower.utf8.distance(from: lower.startIndex, to: close.lowerBound)
        return words(Substring(String(decoding: html.utf8.dropFirst(from).prefix(to - from), as: UTF8.self)))
    }

    private static func end(of name: String, in html: Substring) -> String.Index? {
        var rest = html
        while let open = rest.firstIndex(of: "<") {
            if rest[open...].dropFirst().prefix(name.count + 1).lowercased() == "/\(name)" { return open }
            rest = rest[open...].dropFirst()
        }
        return nil
    }

    private static func range(of needle: String, in text: Substring) -> Range<String.Index>? {
        var start = text.startIndex
        while start < text.endIndex {
            if text[start...].hasPrefix(needle) { return start..<text.index(start, offsetBy: needle.count) }
            start = text.index(after: start)
        }
        return nil
    }

    private static func words(_ text: Substring) -> String? {
        let words = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return words.isEmpty ? nil : words
    }
}
