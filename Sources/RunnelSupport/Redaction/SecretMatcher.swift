/// Finds secrets in text, in every form that is promised: as they are and character by character in another spelling
/// (``SecretUnit``), encoded as a whole (``SecretEncoding``), and in parts (``SecretParts``).
///
/// One pass: a window of four bytes moves over the text, and only where it holds the first four bytes of some form is
/// the text compared with that form. The cost per byte does not depend on how many secrets there are.
package struct SecretMatcher: Sendable {
    /// What stands in the place of a secret.
    package static let mask = "***"
    /// In bytes. Shorter secrets would mask half of every text.
    package static let minimumLength = 4

    /// A secret, or a part of one.
    struct Part: Sendable {
        let name: String
        /// 0 for the whole secret.
        let number: Int
        let bytes: [UInt8]
        /// Into the alphabet.
        let units: [Int]
    }

    /// A place that a secret covers.
    struct Match {
        let range: Range<Int>
        let part: Int
        let form: Form
    }

    enum Form: Hashable, Sendable {
        case spelled
        /// How many characters of base64 belong to it behind those that depend on the secret alone.
        case encoded(SecretEncoding, tail: Int)
    }

    private struct Candidate: Hashable, Sendable {
        let part: Int
        /// nil: spelled character by character.
        let encoding: SecretEncoding?
    }

    let parts: [Part]
    let alphabet: [SecretUnit]
    /// By the first four bytes.
    private var candidates: [UInt32: [Candidate]] = [:]
    /// The same four bytes as a set of hashes, which is looked at first.
    private var filter: [UInt64] = []
    /// What is shorter than four bytes and may go on as a secret, by ``key(_:)``.
    private var beginnings: Set<UInt32> = []

    package var isEmpty: Bool { candidates.isEmpty }

    /// How many bytes of base64 of base64 may be out before the rest is masked.
    package static let context = 2

    /// - Parameter secrets: By name. Those shorter than ``minimumLength`` are left out.
    package init(secrets: some Sequence<(name: String, secret: String)>) {
        var parts: [Part] = []
        // By bytes: strings that are canonically equivalent are equal.
        var known: [Bool: [[UInt8]: Int]] = [:]
        var alphabet: [SecretUnit] = []
        for (name, secret) in secrets where secret.utf8.count >= Self.minimumLength {
            for (number, text) in SecretParts.of(secret).enumerated() {
                // The characters of a few short lines would be found in any text, were the lines joined.
                let joins = text.utf8.count(where: { $0 != 0x0A && $0 != 0x0D }) >= SecretParts.minimumLength
                let units = Self.characters(text).map { character in
                    if let index = known[joins]?[Array(character.utf8)] { return index }
                    alphabet.append(SecretUnit(character, joinsLines: joins))
                    known[joins, default: [:]][Array(character.utf8)] = alphabet.count - 1
                    return alphabet.count - 1
                }
                parts.append(Part(name: name, number: number, bytes: Array(text.utf8), units: units))
            }
        }
        self.parts = parts
        self.alphabet = alphabet
        guard !parts.isEmpty else { return }
        filter = Array(repeating: 0, count: 1024)
        for index in parts.indices {
            add(Candidate(part: index, encoding: nil), for: units(of: index)[...])
            for encoding in SecretEncoding.all {
                // The first bytes tell the beginning.
                let bytes = parts[index].bytes
                let form = encoding.encode(encoding.isPrefixStable ? Array(bytes.prefix(15)) : bytes)
                guard form.count >= Self.minimumLength, form != bytes else { continue }
                add(Candidate(part: index, encoding: encoding), for: Self.encodedUnits(form)[...])
            }
        }
    }

    /// Scalars; a line break of two is one.
    static func characters(_ text: String) -> [String] {
        var all: [String] = []
        for scalar in text.unicodeScalars {
            if scalar == "\n", all.last == "\r" {
                all[all.count - 1] = "\r\n"
            } else {
                all.append(String(scalar))
            }
        }
        return all
    }

    private func units(of part: Int) -> [SecretUnit] { parts[part].units.map { alphabet[$0] } }

    /// The characters of encodings, by their bytes.
    private static let encoded = (0..<128).map { SecretUnit(ofEncoded: $0) }

    private static func encodedUnits(_ form: [UInt8]) -> [SecretUnit] { form.map { encoded[Int($0 & 127)] } }

    /// Enters all that the first four bytes can be.
    private mutating func add(_ candidate: Candidate, for units: ArraySlice<SecretUnit>, behind beginning: [UInt8] = [])
    {
        if beginning.count >= 4 { return add(candidate, for: beginning) }
        guard let unit = units.first else { return }
        for spelling in unit.spellings { add(candidate, for: units.dropFirst(), behind: beginning + spelling) }
    }

    private mutating func add(_ candidate: Candidate, for form: [UInt8]) {
        let window = form.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
        if candidates[window]?.contains(candidate) != true { candidates[window, default: []].append(candidate) }
        let hash = Self.hash(window)
        filter[hash >> 6] |= 1 << UInt64(hash & 63)
        // Base64 of base64 begins in eighteen ways: for its sake nearly every character of a text would be held back.
        let first = if case .base64Twice? = candidate.encoding { Self.context + 1 } else { 1 }
        for count in first..<4 { beginnings.insert(Self.key(form.prefix(count))) }
    }

    @inline(__always)
    private static func hash(_ window: UInt32) -> Int { Int((window &* 0x9E37_79B1) >> 16) }

    /// One number for up to three bytes.
    private static func key(_ bytes: some Collection<UInt8>) -> UInt32 {
        bytes.reduce(UInt32(bytes.count)) { $0 << 8 | UInt32($1) }
    }

    // MARK: - Finding

    /// - Parameters:
    ///   - isWhole: Whether nothing comes behind the text.
    ///   - takesCut: Whether the beginning of a secret with `…` behind it counts: a long value is cut in messages.
    /// - Returns: All places in the order in which they begin, the longest of each; and how much of the text is settled:
    ///   what begins behind that may be a secret once more has come.
    func matches(
        in text: UnsafeBufferPointer<UInt8>, isWhole: Bool, takesCut: Bool
    ) -> (found: [Match], settled: Int) {
        var found: [Match] = []
        guard !isEmpty else { return (found, text.count) }
        let count = text.count
        var index = 0
        if count >= 4 {
            var window = UInt32(text[0]) << 16 | UInt32(text[1]) << 8 | UInt32(text[2])
            while index + 3 < count {
                window = window << 8 | UInt32(text[index + 3])
                let hash = Self.hash(window)
                if filter[hash >> 6] & 1 << UInt64(hash & 63) != 0, let candidates = candidates[window] {
                    let (match, isOpen) = longest(of: candidates, in: text, at: index, takesCut)
                    if isOpen, !isWhole { return (found, index) }
                    if let match { found.append(match) }
                }
                index += 1
            }
        }
        if !isWhole {
            while index < count {
                if beginnings.contains(Self.key(text[index...])) { return (found, index) }
                index += 1
            }
        }
        return (found, count)
    }

    /// Whether some secret is in the text, which is whole.
    package func finds(in text: UnsafeBufferPointer<UInt8>) -> Bool {
        !isEmpty && !matches(in: text, isWhole: true, takesCut: false).found.isEmpty
    }

    /// - Returns: Also whether some form goes on behind the end of the text.
    private func longest(
        of candidates: [Candidate], in text: UnsafeBufferPointer<UInt8>, at start: Int, _ takesCut: Bool
    ) -> (Match?, isOpen: Bool) {
        var match: Match?
        var isOpen = false
        for candidate in candidates {
            let end: Int?
            let goesOn: Bool
            var form = Form.spelled
            if let encoding = candidate.encoding {
                (end, form, goesOn) = encoded(parts[candidate.part].bytes, encoding, in: text, at: start, takesCut)
            } else {
                let units = parts[candidate.part].units.lazy.map { [alphabet] in alphabet[$0] }
                (end, goesOn) = spelled(units, in: text, at: start, takesCut)
            }
            isOpen = isOpen || goesOn
            if let end, end > match?.range.upperBound ?? start {
                match = Match(range: start..<end, part: candidate.part, form: form)
            }
        }
        return (match, isOpen)
    }

    private func encoded(
        _ secret: [UInt8], _ encoding: SecretEncoding, in text: UnsafeBufferPointer<UInt8>, at start: Int,
        _ takesCut: Bool
    ) -> (end: Int?, Form, isOpen: Bool) {
        let form = encoding.encode(secret)
        guard form.count >= Self.minimumLength else { return (nil, .spelled, false) }
        var (end, isOpen) = spelled(Self.encodedUnits(form), in: text, at: start, takesCut)
        guard var place = end else { return (nil, .spelled, isOpen) }
        var count = 0
        // The last character holds bits of what follows, unless nothing follows.
        for unit in Self.encodedUnits(encoding.tail(of: secret)) {
            guard let next = step(unit, in: text, from: [place], &isOpen).max() else { break }
            place = next
            count += 1
        }
        end = place
        return (end, .encoded(encoding, tail: count), isOpen)
    }

    /// The characters of a place that was found, as they would be without a further encoding.
    func units(of match: Match) -> [SecretUnit] {
        guard case .encoded(let encoding, let tail) = match.form else { return units(of: match.part) }
        return units(encoding, tail: tail, of: parts[match.part])
    }

    func units(_ encoding: SecretEncoding, tail: Int, of part: Part) -> [SecretUnit] {
        Self.encodedUnits(encoding.encode(part.bytes) + encoding.tail(of: part.bytes).prefix(tail))
    }

    private func spelled(
        _ units: some Sequence<SecretUnit>, in text: UnsafeBufferPointer<UInt8>, at start: Int, _ takesCut: Bool
    ) -> (end: Int?, isOpen: Bool) {
        var positions = [start]
        var isOpen = false
        for unit in units {
            if positions.count == 1, let byte = unit.plainByte {
                guard positions[0] < text.count else { return (nil, true) }
                let next = text[positions[0]]
                if next == byte {
                    positions[0] += 1
                    continue
                }
                if !unit.isBeginning(next) {
                    return (takesCut ? cut(text, before: unit, at: positions, start) : nil, isOpen)
                }
            }
            let ends = step(unit, in: text, from: positions, &isOpen)
            if ends.isEmpty { return (takesCut ? cut(text, before: unit, at: positions, start) : nil, isOpen) }
            positions = ends
        }
        return (positions.max(), isOpen)
    }

    /// The end of a secret that was cut before `unit` or within a spelling of it, if it was.
    private func cut(
        _ text: UnsafeBufferPointer<UInt8>, before unit: SecretUnit, at positions: [Int], _ start: Int
    ) -> Int? {
        for position in positions {
            for spelling in unit.spellings {
                let end = position + zip(text[position...], spelling).prefix { $0 == $1 }.count
                if end - start >= Self.minimumLength, text[end...].starts(with: "…".utf8) { return end }
            }
        }
        return nil
    }

    /// All places at which a character that began at one of `positions` may end.
    func step(
        _ unit: SecretUnit, in text: UnsafeBufferPointer<UInt8>, from positions: [Int], _ isOpen: inout Bool
    ) -> [Int] {
        var ends: [Int] = []
        func add(_ end: Int) {
            if !ends.contains(end) { ends.append(end) }
        }
        for position in positions {
            for spelling in unit.spellings {
                let length = min(spelling.count, text.count - position)
                guard text[position..<(position + length)].elementsEqual(spelling.prefix(length)) else { continue }
                guard length == spelling.count else {
                    isOpen = true
                    continue
                }
                var end = position + length
                add(end)
                guard unit.isLineBreak, length > 0 else { continue }
                while end < text.count, text[end] == 0x20 || text[end] == 0x09,
                    end - position - length < SecretUnit.longestIndentation
                {
                    end += 1
                    add(end)
                }
                if end == text.count { isOpen = true }
            }
        }
        return ends
    }
}

extension SecretMatcher {
    /// Replaces secrets by ``mask``. Where some overlap, all that any of them covers goes behind one mask.
    ///
    /// - Parameters:
    ///   - isWhole: Whether nothing comes behind the text.
    ///   - takesCut: Whether the beginning of a secret with `…` behind it is replaced too.
    ///   - shown: How many bytes from the start on are out already.
    ///   - covered: How many bytes from the start on belong to a secret that began earlier; afterwards, how many from
    ///     `settled` on.
    /// - Returns: The text from `shown` to `settled`; nil where it is as it was. What begins behind `settled` is to be
    ///   given again, with what comes next.
    package func redact(
        _ text: UnsafeBufferPointer<UInt8>, isWhole: Bool, takesCut: Bool = false, shown: Int = 0, covered: inout Int
    ) -> (output: [UInt8]?, settled: Int) {
        let (found, settled) = matches(in: text, isWhole: isWhole, takesCut: takesCut)
        guard !found.isEmpty || covered > 0 else { return (nil, settled) }
        var output: [UInt8] = []
        output.reserveCapacity(settled)
        var end = covered
        var copied = max(shown, min(covered, settled))
        for match in found {
            if match.range.lowerBound >= end {
                output += text[copied..<max(copied, match.range.lowerBound)]
                output += Self.mask.utf8
            }
            end = max(end, match.range.upperBound)
            copied = max(shown, min(end, settled))
        }
        output += text[copied..<max(copied, settled)]
        covered = max(0, end - settled)
        return (output, settled)
    }

    /// The text with every secret replaced by ``mask``.
    ///
    /// - Parameter takesCut: Whether the beginning of a secret with `…` behind it is replaced too.
    package func redact(_ text: String, takesCut: Bool = false) -> String {
        guard !isEmpty else { return text }
        var copy = text
        let output = copy.withUTF8 { bytes in
            var covered = 0
            return redact(bytes, isWhole: true, takesCut: takesCut, covered: &covered).output
        }
        return output.map { String(decoding: $0, as: UTF8.self) } ?? text
    }

    package func redact(_ bytes: [UInt8]) -> [UInt8] {
        guard !isEmpty else { return bytes }
        var covered = 0
        return bytes.withUnsafeBufferPointer { redact($0, isWhole: true, covered: &covered).output } ?? bytes
    }
}
