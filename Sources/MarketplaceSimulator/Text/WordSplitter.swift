/// Cuts text into the pieces in which an agent would send it.
enum WordSplitter {
    /// Longer runs without white space (as in Japanese) are cut too.
    private static let longestWord = 12

    /// Each piece is a word with the white space that follows it. Joined, they are the text; characters stay whole.
    static func pieces(of text: String) -> [String] {
        var pieces: [String] = []
        var piece = ""
        var length = 0
        for character in text {
            let beginsWord = !character.isWhitespace && (piece.last?.isWhitespace ?? false)
            if beginsWord || (!character.isWhitespace && length >= longestWord) {
                pieces.append(piece)
                piece = ""
                length = 0
            }
            piece.append(character)
            length += 1
        }
        if !piece.isEmpty { pieces.append(piece) }
        return pieces
    }

    /// Cuts bytes inside their first character of several bytes; whole when there is none.
    static func cutInsideCharacter(_ bytes: [UInt8]) -> [[UInt8]] {
        guard let first = bytes.firstIndex(where: { $0 >= 0xC0 }) else { return [bytes] }
        return [Array(bytes[...first]), Array(bytes[(first + 1)...])]
    }
}
