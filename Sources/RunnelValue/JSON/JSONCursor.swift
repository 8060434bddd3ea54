/// The tokenizer of JSON (RFC 8259): a position in the text, and the moves behind one token each. It allocates nothing.
///
/// ``JSONReader`` builds values on it. The Marketplace's chunk scanner finds the text of a chunk with it and builds none:
/// that is the hot path of a stream, so these moves are inlined there. They are public because the compiler inlines no
/// others into another module.
public struct JSONCursor {
    /// The text. The caller keeps it in memory.
    public let bytes: UnsafeRawBufferPointer
    /// The offset of the next byte.
    public var position = 0

    /// Makes a cursor at the start of a text.
    @inlinable
    public init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// A string's content between its quotes.
    public struct Text {
        /// Where it is in the text.
        public var range: Range<Int>
        /// Whether it holds escape sequences, which are valid.
        public var hasEscapes: Bool

        /// Makes the place of a string's content.
        @inlinable
        public init(range: Range<Int>, hasEscapes: Bool) {
            self.range = range
            self.hasEscapes = hasEscapes
        }
    }

    /// The next byte; nil at the end.
    @inlinable @inline(__always)
    public var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// Whether all of the text was read.
    @inlinable @inline(__always)
    public var isAtEnd: Bool { position == bytes.count }

    /// Moves behind white space.
    @inlinable @inline(__always)
    public mutating func skipWhitespace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    /// Moves behind this byte; false where it is not the next one.
    @inlinable @inline(__always)
    public mutating func skip(_ byte: UInt8) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    /// Moves behind these bytes; false where they are not the next ones.
    @inlinable
    public mutating func skip(word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard bytes.count - position >= count else { return false }
        for index in 0..<count where bytes[position + index] != word.utf8Start[index] { return false }
        position += count
        return true
    }

    /// Moves behind a string literal. `nil` when it is not one, or holds a control character or an invalid escape.
    @inlinable @inline(__always)
    public mutating func string() -> Text? {
        guard skip(UInt8(ascii: "\"")) else { return nil }
        let start = position
        var index = plainEnd(from: position)
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") {
                position = index + 1
                return Text(range: start..<index, hasEscapes: false)
            }
            if byte == UInt8(ascii: "\\") {
                position = index
                return escapedString(from: start)
            }
            if byte < 0x20 { return nil }
            index += 1
        }
        return nil
    }

    /// The offset of the next quote, backslash or control character, or one of at most eight bytes before the end of the
    /// text. Looks at eight bytes at a time.
    @inlinable @inline(__always)
    func plainEnd(from start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        var index = start
        while bytes.count - index >= 8 {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let quotes = word ^ (ones &* 0x22)
            let backslashes = word ^ (ones &* 0x5C)
            // The high bit of a byte is set in the lowest byte that is zero, or less than 0x20.
            let found =
                ((quotes &- ones) & ~quotes | (backslashes &- ones) & ~backslashes | (word &- ones &* 0x20) & ~word)
                & (ones &* 0x80)
            if found != 0 { return index + found.trailingZeroBitCount / 8 }
            index += 8
        }
        return index
    }

    @usableFromInline
    mutating func escapedString(from start: Int) -> Text? {
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                position += 1
                return Text(range: start..<(position - 1), hasEscapes: true)
            case UInt8(ascii: "\\"):
                guard position + 1 < bytes.count else { return nil }
                switch bytes[position + 1] {
                case UInt8(ascii: "u"):
                    guard JSONEscape.hexUnit(bytes, at: position + 2) != nil else { return nil }
                    position += 6
                case let letter:
                    guard JSONEscape.single(letter) != nil else { return nil }
                    position += 2
                }
            case 0..<0x20: return nil
            default: position += 1
            }
        }
        return nil
    }

    /// Moves behind a number in the grammar of RFC 8259, section 6.
    package mutating func number() -> Range<Int>? {
        let start = position
        _ = skip(UInt8(ascii: "-"))
        if !skip(UInt8(ascii: "0")) {
            guard digits() else { return nil }
        }
        if skip(UInt8(ascii: ".")) {
            guard digits() else { return nil }
        }
        if skip(UInt8(ascii: "e")) || skip(UInt8(ascii: "E")) {
            if !skip(UInt8(ascii: "+")) { _ = skip(UInt8(ascii: "-")) }
            guard digits() else { return nil }
        }
        return start..<position
    }

    private mutating func digits() -> Bool {
        let start = position
        while position < bytes.count, (0x30...0x39).contains(bytes[position]) { position += 1 }
        return position > start
    }
}
