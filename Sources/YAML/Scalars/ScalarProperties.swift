/// The tag and anchor that a node's text may begin with.
enum ScalarProperties {
    /// Where the tag is.
    static func tag(in bytes: ArraySlice<UInt8>) -> Range<Int>? {
        scan(bytes).tag
    }

    /// Where the scalar itself begins.
    static func contentStart(in bytes: ArraySlice<UInt8>) -> Int {
        scan(bytes).contentStart
    }

    private static func scan(_ bytes: ArraySlice<UInt8>) -> (tag: Range<Int>?, contentStart: Int) {
        var text = ScalarText(bytes)
        var tag: Range<Int>?
        while let first = text.current, first == UInt8(ascii: "&") || first == UInt8(ascii: "!") {
            let start = text.position
            text.position += 1
            if first == UInt8(ascii: "!") {
                while !text.isAtEnd, !text.isAtBlank, text.lineBreak(at: text.position) == nil { text.position += 1 }
                tag = start..<text.position
            } else {
                while let byte = text.current, isAnchorCharacter(byte) { text.position += 1 }
            }
            skipSpaceAndComments(&text)
        }
        return (tag, text.position)
    }

    /// libyaml ends an anchor's name at any other character, so in `&a:b` the scalar is `:b`.
    private static func isAnchorCharacter(_ byte: UInt8) -> Bool {
        Unicode.Scalar(byte).properties.isAlphabetic && byte < 0x80
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
            || byte == UInt8(ascii: "-")
    }

    private static func skipSpaceAndComments(_ text: inout ScalarText) {
        while !text.isAtEnd {
            if text.isAtBlank {
                text.position += 1
            } else if text.current == UInt8(ascii: "#") {
                text.skipLine()
            } else if text.takeLineBreak() == nil {
                return
            }
        }
    }
}
