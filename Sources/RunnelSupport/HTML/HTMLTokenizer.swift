/// Takes a page apart into tags and what stands between them, in one pass over its bytes.
///
/// It follows the tokenizer of the HTML standard (section 13.2.5) as far as reading needs it: comments, quoted attributes,
/// elements whose content is not markup. Nothing is an error, as in browsers.
struct HTMLTokenizer: Sequence, IteratorProtocol {
    enum Token: Equatable {
        /// Text with entities in it.
        case text(Range<Int>)
        /// The content of an element that holds no markup, such as a script.
        case raw(name: String, Range<Int>)
        case open(String)
        case close(String)
    }

    private static let rawElements: Set = [
        "iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp",
    ]

    private let bytes: [UInt8]
    private var index = 0
    private var rawElement: String?

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func next() -> Token? {
        while index < bytes.count {
            if let name = rawElement {
                rawElement = nil
                let start = index
                index = endOfRaw(name)
                if index > start { return .raw(name: name, start..<index) }
            } else if bytes[index] == UInt8(ascii: "<"), let token = markup() {
                if let token { return token }
            } else {
                let start = index
                // A "<" that begins no tag is text.
                index += 1
                while index < bytes.count, bytes[index] != UInt8(ascii: "<") { index += 1 }
                return .text(start..<index)
            }
        }
        return nil
    }

    /// What begins at the "<" here: a token, nothing worth one (a comment), or no markup at all.
    private mutating func markup() -> Token?? {
        let start = index
        guard start + 1 < bytes.count else { return nil }
        switch bytes[start + 1] {
        case UInt8(ascii: "!"), UInt8(ascii: "?"):
            if bytes[start...].starts(with: "<!--".utf8) {
                index = end(of: "-->", from: start + 4)
            } else {
                index = end(of: ">", from: start + 2)
            }
            return .some(nil)
        case UInt8(ascii: "/"):
            guard start + 2 < bytes.count, isLetter(bytes[start + 2]) else { return nil }
            let name = name(at: start + 2)
            skipAttributes()
            return .close(name)
        case let byte where isLetter(byte):
            let name = name(at: start + 1)
            skipAttributes()
            if Self.rawElements.contains(name) { rawElement = name }
            return .open(name)
        default: return nil
        }
    }

    private mutating func name(at start: Int) -> String {
        index = start
        while index < bytes.count, !isSpace(bytes[index]), bytes[index] != UInt8(ascii: "/"),
            bytes[index] != UInt8(ascii: ">")
        {
            index += 1
        }
        // Names beyond this length are nobody's elements.
        return String(decoding: bytes[start..<Swift.min(index, start + 32)], as: UTF8.self).lowercased()
    }

    /// Goes behind the ">" that ends the tag; one in quotes after a "=" does not end it.
    private mutating func skipAttributes() {
        var mayQuote = false
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: ">"): return
            case UInt8(ascii: "="): mayQuote = true
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                guard mayQuote else { continue }
                while index < bytes.count, bytes[index] != byte { index += 1 }
                index += 1
                mayQuote = false
            default: if !isSpace(byte) { mayQuote = false }
            }
        }
        index = bytes.count
    }

    /// The place behind `mark`, or the end.
    private func end(of mark: String, from start: Int) -> Int {
        let mark = Array(mark.utf8)
        var place = start
        while place + mark.count <= bytes.count {
            if bytes[place] == mark[0], bytes[place...].starts(with: mark) { return place + mark.count }
            place += 1
        }
        return bytes.count
    }

    private func endOfRaw(_ name: String) -> Int {
        let name = Array(name.utf8)
        var place = index
        while place + name.count + 2 <= bytes.count {
            if bytes[place] == UInt8(ascii: "<"), bytes[place + 1] == UInt8(ascii: "/") {
                let found = bytes[(place + 2)..<(place + 2 + name.count)]
                let behind = place + 2 + name.count
                if found.elementsEqual(name, by: { $0 | 0x20 == $1 }),
                    behind == bytes.count || isSpace(bytes[behind]) || bytes[behind] == UInt8(ascii: ">")
                        || bytes[behind] == UInt8(ascii: "/")
                {
                    return place
                }
            }
            place += 1
        }
        return bytes.count
    }

    private func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) }
    private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
