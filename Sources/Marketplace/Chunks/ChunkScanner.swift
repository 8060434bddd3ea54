internal import RunnelValue

/// Finds the text in a chunk of the common shape, `{"choices":[{"delta":{"content":"…"}}]}` with or without the
/// scalar fields that deployments put around it, without building a document.
///
/// It is strict: whatever it is not sure of it leaves to ``ChunkDecoder``, so that for every chunk it accepts both give
/// the same. A general decoder costs more for each token than reading it from the network does.
enum ChunkScanner {
    /// Where the text lies. An absent or null `content` is an empty text.
    struct Match {
        var text: JSONCursor.Text
    }

    static func scan(_ bytes: UnsafeRawBufferPointer) -> Match? {
        var cursor = JSONCursor(bytes)
        var match: Match?
        cursor.skipWhitespace()
        let complete = members(&cursor) { cursor, key in
            switch Key(key) {
            case .choices:
                guard match == nil, let text = choices(&cursor) else { return false }
                match = Match(text: text)
                return true
            case .meaningful: return cursor.skip(word: "null")
            default: return skipScalar(&cursor)
            }
        }
        cursor.skipWhitespace()
        return complete && cursor.isAtEnd ? match : nil
    }

    /// The names that mean something to the general decoder.
    private enum Key {
        case choices, delta, content, index, finish
        /// Read by the general decoder wherever it stands, so only its null can be passed over.
        case meaningful
        case other

        @inline(__always)
        init(_ key: UnsafeRawBufferPointer) {
            // Told apart by length first: most keys need no comparison at all.
            switch key.count {
            case 5:
                if Self.equal(key, "delta") {
                    self = .delta
                } else if Self.equal(key, "index") {
                    self = .index
                } else {
                    self = Self.equal(key, "error") || Self.equal(key, "usage") ? .meaningful : .other
                }
            case 7:
                if Self.equal(key, "choices") {
                    self = .choices
                } else if Self.equal(key, "content") {
                    self = .content
                } else {
                    self = Self.equal(key, "success") ? .meaningful : .other
                }
            case 12: self = Self.equal(key, "finishReason") ? .finish : .other
            case 13: self = Self.equal(key, "finish_reason") ? .finish : .other
            case 8: self = Self.equal(key, "logprobs") ? .finish : .other
            default: self = .other
            }
        }

        @inline(__always)
        private static func equal(_ key: UnsafeRawBufferPointer, _ word: StaticString) -> Bool {
            for index in 0..<key.count where key[index] != word.utf8Start[index] { return false }
            return true
        }
    }

    /// Reads `{`, members and `}`; `value` is called behind each colon and must move behind the value.
    @inline(__always)
    private static func members(
        _ cursor: inout JSONCursor, value: (inout JSONCursor, UnsafeRawBufferPointer) -> Bool
    ) -> Bool {
        guard cursor.skip(UInt8(ascii: "{")) else { return false }
        while true {
            cursor.skipWhitespace()
            guard let key = cursor.string(), !key.hasEscapes else { return false }
            cursor.skipWhitespace()
            guard cursor.skip(UInt8(ascii: ":")) else { return false }
            cursor.skipWhitespace()
            guard value(&cursor, UnsafeRawBufferPointer(rebasing: cursor.bytes[key.range])) else { return false }
            cursor.skipWhitespace()
            if cursor.skip(UInt8(ascii: "}")) { return true }
            guard cursor.skip(UInt8(ascii: ",")) else { return false }
        }
    }

    /// Reads an array of exactly one choice that holds a delta and nothing the general decoder would report.
    @inline(__always)
    private static func choices(_ cursor: inout JSONCursor) -> JSONCursor.Text? {
        guard cursor.skip(UInt8(ascii: "[")) else { return nil }
        cursor.skipWhitespace()
        var text: JSONCursor.Text?
        var sawIndex = false
        let complete = members(&cursor) { cursor, key in
            switch Key(key) {
            case .delta:
                guard text == nil, let found = delta(&cursor) else { return false }
                text = found
                return true
            case .index:
                guard !sawIndex, cursor.skip(UInt8(ascii: "0")) else { return false }
                sawIndex = true
                return true
            case .finish: return cursor.skip(word: "null")
            default: return false
            }
        }
        guard complete else { return nil }
        cursor.skipWhitespace()
        return cursor.skip(UInt8(ascii: "]")) ? text : nil
    }

    /// Reads a delta of nothing but a content.
    @inline(__always)
    private static func delta(_ cursor: inout JSONCursor) -> JSONCursor.Text? {
        var text: JSONCursor.Text?
        let complete = members(&cursor) { cursor, key in
            guard text == nil, case .content = Key(key) else { return false }
            if cursor.skip(word: "null") {
                text = JSONCursor.Text(range: 0..<0, hasEscapes: false)
            } else {
                text = cursor.string()
            }
            return text != nil
        }
        return complete ? text : nil
    }

    @inline(__always)
    private static func skipScalar(_ cursor: inout JSONCursor) -> Bool {
        switch cursor.current {
        case UInt8(ascii: "\""): cursor.string() != nil
        case UInt8(ascii: "-"), .some(0x30...0x39): cursor.number() != nil
        case UInt8(ascii: "t"): cursor.skip(word: "true")
        case UInt8(ascii: "f"): cursor.skip(word: "false")
        case UInt8(ascii: "n"): cursor.skip(word: "null")
        default: false
        }
    }
}
