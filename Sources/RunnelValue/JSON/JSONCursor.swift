/// The tokenizer of JSON (RFC 8259): a position in the text, and the moves behind one token each. It allocates nothing.
///
/// ``JSONReader`` builds values on it. The Marketplace's chunk scanner finds the text of a chunk with it and builds none:
/// that is the hot path of a stream, so these moves are inlined there.
package struct JSONCursor {
    package let bytes: UnsafeRawBufferPointer
    package var position = 0

    @inlinable
    package init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// A string's content between its quotes.
    package struct Text {
        package var range: Range<Int>
        package var hasEscapes: Bool

        @inlinable
        package init(range: Range<Int>, hasEscapes: Bool) {
            self.range = range
            self.hasEscapes = hasEscapes
        }
    }

    @inlinable @inline(__always)
    package var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    @inlinable @inline(__always)
    package var isAtEnd: Bool { position == bytes.count }

    @inlinable @inline(__always)
    package mutating func skipWhitespace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    @inlinable @inline(__always)
    package mutating func skip(_ byte: UInt8) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    @inlinable
    package mutating func skip(word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard bytes.count - position >= count else { return false }
        for index in 0..<count where bytes[position + index] != word.utf8Start[index] { return false }
        position += count
        return true
    }

    /// Moves behind a string literal. `nil` when it is not one, or holds a control character or an invalid escape.
    @inlinable @inline(__always)
    package mutating func string() -> Text? {
        guard skip(UInt8(ascii: "\"")) else { return nil }
        let start = position
        var index = position
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

    @usableFromInline
    package mutating func escapedString(from start: Int) -> Text? {
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
