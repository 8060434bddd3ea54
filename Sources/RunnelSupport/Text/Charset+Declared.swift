extension Charset {
    /// The encoding that an HTML page declares in a `<meta>` among its first 1024 bytes; nil when it declares none.
    package static func declared(inHTML bytes: [UInt8]) -> String? {
        let head = String(decoding: bytes.prefix(1024), as: UTF8.self).lowercased()
        for tag in head.split(separator: "<") where tag.hasPrefix("meta") {
            guard let found = tag.prefix(while: { $0 != ">" }).firstRange(of: "charset") else { continue }
            let value = tag[found.upperBound...].drop { $0.isWhitespace || $0 == "=" || $0 == "\"" || $0 == "'" }
            let name = value.prefix { isLabelCharacter($0) }
            if !name.isEmpty { return plausible(name) }
        }
        return nil
    }

    /// The encoding in an XML declaration, `<?xml version="1.0" encoding="…"?>`; nil when there is none.
    package static func declared(inXML bytes: [UInt8]) -> String? {
        let head = String(decoding: bytes.prefix(256), as: UTF8.self)
        guard head.hasPrefix("<?xml"), let end = head.firstRange(of: "?>"),
            let found = head[..<end.lowerBound].firstRange(of: "encoding")
        else { return nil }
        let value = head[found.upperBound..<end.lowerBound].drop { $0.isWhitespace || $0 == "=" }
        guard let quote = value.first, quote == "\"" || quote == "'" else { return nil }
        let name = value.dropFirst().prefix { $0 != quote }.lowercased()
        return name.isEmpty ? nil : plausible(name[...])
    }

    private static func isLabelCharacter(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || "-_:.".contains(character)
    }

    /// A page whose declaration could be read as ASCII is not in UTF-16, whatever it says.
    private static func plausible(_ name: Substring) -> String { name.hasPrefix("utf-16") ? "utf-8" : String(name) }
}
