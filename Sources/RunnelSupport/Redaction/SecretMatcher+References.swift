/// References to secrets, from which the text can be restored byte for byte: `name.form`, or `name⟨U+001F⟩part.form` for
/// a part of a secret. `form` is `0` for the secret as it is, or an id of ``SecretEncoding`` with `~` for each character of
/// base64 behind it; then, where characters are written in another way, `s` and how each of them is. A `+` and a number
/// say how many bytes of the beginning belong to the reference before. Journals of 0.1 hold some spellings as 1 to 5.
extension SecretMatcher {
    private static let partMark: Character = "\u{1F}"

    /// Replaces what secrets cover.
    ///
    /// - Parameters:
    ///   - isWhole: Whether nothing comes behind the text. Otherwise only what is settled comes back.
    ///   - other: What to do with a stretch of text that is no secret.
    ///   - secret: What to do with a secret, given its value (or that of a part) and the reference to this form of it.
    package func replaceSecrets(
        in text: UnsafeBufferPointer<UInt8>, isWhole: Bool = true,
        other: (UnsafeBufferPointer<UInt8>) -> Void, secret: (_ value: [UInt8], _ reference: String) -> Void
    ) {
        let (found, settled) = matches(in: text, isWhole: isWhole, takesCut: false)
        var end = 0
        for match in found where match.range.upperBound > end {
            let start = match.range.lowerBound
            if start > end { other(UnsafeBufferPointer(rebasing: text[end..<start])) }
            secret(parts[match.part].bytes, reference(for: match, in: text, dropping: max(0, end - start)))
            end = match.range.upperBound
        }
        if end < settled { other(UnsafeBufferPointer(rebasing: text[end..<settled])) }
    }

    private func reference(
        for match: Match, in text: UnsafeBufferPointer<UInt8>, dropping count: Int
    ) -> String {
        let part = parts[match.part]
        var form = "0"
        if case .encoded(let encoding, let tail) = match.form {
            form = encoding.id + String(repeating: "~", count: tail)
        }
        let choices = choices(for: match, in: text)
        if !choices.allSatisfy({ $0 == SpellingChoice(index: 0) }) { form += "s" + choices.code }
        return part.name + (part.number == 0 ? "" : "\(Self.partMark)\(part.number)") + ".\(form)"
            + (count == 0 ? "" : "+\(count)")
    }

    /// How each character is written in a place that was found.
    private func choices(for match: Match, in text: UnsafeBufferPointer<UInt8>) -> [SpellingChoice] {
        let units = units(of: match)
        let place = UnsafeBufferPointer(rebasing: text[..<match.range.upperBound])
        var levels = [[match.range.lowerBound]]
        var isOpen = false
        for unit in units { levels.append(step(unit, in: place, from: levels[levels.count - 1], &isOpen)) }
        var end = match.range.upperBound
        var choices: [SpellingChoice] = []
        for (level, unit) in units.enumerated().reversed() {
            guard let (start, choice) = origin(of: end, from: levels[level], unit, in: place) else { break }
            choices.append(choice)
            end = start
        }
        return choices.reversed()
    }

    private func origin(
        of end: Int, from starts: [Int], _ unit: SecretUnit, in text: UnsafeBufferPointer<UInt8>
    ) -> (start: Int, SpellingChoice)? {
        for start in starts where start <= end {
            for (index, spelling) in unit.spellings.enumerated() {
                let place = text[start..<end]
                guard place.starts(with: spelling) else { continue }
                let rest = Array(place.dropFirst(spelling.count))
                guard rest.isEmpty || unit.isLineBreak && rest.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) else {
                    continue
                }
                return (start, SpellingChoice(index: index, indentation: rest))
            }
        }
        return nil
    }

    // MARK: - Restoring

    /// The name of the secret that a reference stands for.
    package static func name(of reference: String) -> String {
        String(reference[..<(reference.lastIndex(of: ".") ?? reference.endIndex)].prefix { $0 != partMark })
    }

    /// The text that a reference stands for; nil where the secret has no value any more.
    ///
    /// A secret that has a new value comes back with that, in the form in which the old one stood.
    package func text(for reference: Substring) -> [UInt8]? {
        guard let dot = reference.lastIndex(of: ".") else { return nil }
        let path = reference[..<dot].split(separator: Self.partMark, omittingEmptySubsequences: false)
        let number = path.count > 1 ? Int(path[1]) : 0
        guard let name = path.first, let part = parts.first(where: { $0.name == name && $0.number == number })
        else { return nil }
        let form = reference[reference.index(after: dot)...].split(separator: "+", omittingEmptySubsequences: false)
        guard let id = form.first, let text = text(of: part, form: id) else { return nil }
        return form.count > 1 ? Array(text.dropFirst(Int(form[1]) ?? 0)) : text
    }

    private func text(of part: Part, form: Substring) -> [UInt8]? {
        if let earlier = Self.earlierForm(form, of: part.bytes) { return earlier }
        let id = form.prefix { $0 != "~" && $0 != "s" }
        let tail = form.dropFirst(id.count).prefix { $0 == "~" }.count
        let units: [SecretUnit]
        if id == "0" {
            units = part.units.map { alphabet[$0] }
        } else if let encoding = SecretEncoding.byID[String(id)] {
            units = self.units(encoding, tail: tail, of: part)
        } else {
            return nil
        }
        let choices = [SpellingChoice](code: form.dropFirst(id.count + tail + 1), limit: units.count)
        guard let choices, choices.count == units.count else { return units.flatMap { $0.spellings[0] } }
        return zip(units, choices).flatMap { unit, choice in
            (unit.spellings.indices.contains(choice.index) ? unit.spellings[choice.index] : unit.spellings[0])
                + choice.indentation
        }
    }

    /// The spellings to which journals of 0.1 refer by number.
    private static func earlierForm(_ id: Substring, of secret: [UInt8]) -> [UInt8]? {
        switch id {
        case "1": jsonEscaped(secret)
        case "2": percentEncoded(secret, keeping: "-._~", isUpper: true)
        case "3": percentEncoded(secret, keeping: "-._~", isUpper: false)
        case "4": percentEncoded(secret, keeping: "-._~!$&'()*+,;=:@/?", isUpper: true)
        case "5": percentEncoded(secret, keeping: "-._*", space: "+", isUpper: true)
        default: nil
        }
    }

    private static func jsonEscaped(_ bytes: [UInt8]) -> [UInt8] {
        bytes.flatMap { byte -> [UInt8] in
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): [UInt8(ascii: "\\"), byte]
            case 0x0A: Array(#"\n"#.utf8)
            case 0x0D: Array(#"\r"#.utf8)
            case 0x09: Array(#"\t"#.utf8)
            case 0..<0x20: Array((byte < 0x10 ? #"\u000"# : #"\u00"#).utf8) + Array(String(byte, radix: 16).utf8)
            default: [byte]
            }
        }
    }

    private static func percentEncoded(
        _ bytes: [UInt8], keeping kept: String, space: String = "%20", isUpper: Bool
    ) -> [UInt8] {
        bytes.flatMap { byte -> [UInt8] in
            let isLetter = (0x41...0x5A).contains(byte & 0xDF)
            if byte == 0x20 { return Array(space.utf8) }
            if isLetter || (0x30...0x39).contains(byte) || kept.utf8.contains(byte) { return [byte] }
            return Array((byte < 0x10 ? "%0" : "%").utf8) + Array(String(byte, radix: 16, uppercase: isUpper).utf8)
        }
    }
}
