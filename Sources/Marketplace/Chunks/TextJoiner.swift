/// Puts a text together from pieces: a character may lie over two of them, with its UTF-8 bytes or with the two halves of
/// a surrogate pair, which `JSONEscape` gives as three bytes each (WTF-8).
///
/// The part of a character at the end of a piece is held until the next piece; what never becomes a character is U+FFFD.
struct TextJoiner: Sendable {
    /// The first bytes of a character that is not complete yet; at most three.
    private var held: [UInt8] = []

    var isEmpty: Bool { held.isEmpty }

    /// The text that the piece completes; the end of the piece may be held back.
    mutating func join(_ piece: UnsafeRawBufferPointer) -> String {
        guard !piece.isEmpty else { return "" }
        if held.isEmpty, !Self.isSurrogate(piece, at: 0, 0xB0) { return take(piece) }
        var bytes = held
        held = []
        var rest = piece[...]
        let startsWithHalf = Self.isSurrogate(piece, at: 0, 0xB0)
        if bytes.count == 3, bytes[0] == 0xED, bytes[1] >= 0xA0 {
            let high = UInt32(bytes[1] & 0x0F) << 6 | UInt32(bytes[2] & 0x3F)
            bytes = Self.replacement
            if startsWithHalf {
                let low = UInt32(piece[1] & 0x0F) << 6 | UInt32(piece[2] & 0x3F)
                let scalar = Unicode.Scalar(0x10000 + high << 10 + low) ?? "\u{FFFD}"
                bytes = Array(String(Character(scalar)).utf8)
                rest = rest.dropFirst(3)
            }
        } else if startsWithHalf {
            bytes += Self.replacement
            rest = rest.dropFirst(3)
        }
        bytes += rest
        return bytes.withUnsafeBytes { take($0) }
    }

    mutating func join(_ piece: [UInt8]) -> String {
        piece.withUnsafeBytes { join($0) }
    }

    mutating func join(_ piece: ChunkDecoder.Piece) -> String {
        switch piece {
        case .whole(let text) where held.isEmpty: return text
        case .whole(var text): return text.withUTF8 { join(UnsafeRawBufferPointer($0)) }
        case .unjoined(let bytes): return join(bytes)
        }
    }

    /// The replacement character, if the stream ended inside a character; otherwise nil.
    mutating func finish() -> String? {
        guard !held.isEmpty else { return nil }
        held = []
        return "\u{FFFD}"
    }

    /// A piece by itself.
    static func repaired(_ bytes: [UInt8]) -> String {
        var joiner = TextJoiner()
        let text = joiner.join(bytes)
        return text + (joiner.finish() ?? "")
    }

    private mutating func take(_ piece: UnsafeRawBufferPointer) -> String {
        let end = piece.count - Self.unfinishedTail(piece)
        if end < piece.count { held.append(contentsOf: piece[end...]) }
        return String(decoding: piece[..<end], as: UTF8.self)
    }

    /// How many bytes at the end begin a character and do not complete it.
    @inline(__always)
    static func unfinishedTail(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let last = bytes.last, last >= 0x80 else { return 0 }
        if isSurrogate(bytes, at: bytes.count - 3, 0xA0) { return 3 }
        for back in 1...min(3, bytes.count) {
            switch bytes[bytes.count - back] {
            case 0x80..<0xC0: continue
            case 0xC2..<0xE0: return back < 2 ? back : 0
            case 0xE0..<0xF0: return back < 3 ? back : 0
            case 0xF0..<0xF5: return back
            default: return 0
            }
        }
        return 0
    }

    /// Whether a surrogate stands there: a high one if `second` is 0xA0, a low one if it is 0xB0.
    @inline(__always)
    private static func isSurrogate(_ bytes: UnsafeRawBufferPointer, at start: Int, _ second: UInt8) -> Bool {
        start >= 0 && start + 3 <= bytes.count && bytes[start] == 0xED && bytes[start + 1] & 0xF0 == second
            && bytes[start + 2] & 0xC0 == 0x80
    }

    private static let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]
}
