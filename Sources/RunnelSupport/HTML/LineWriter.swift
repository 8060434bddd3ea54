/// Puts words on lines: white space collapses, breaks never pile up, no line ends in a space.
package struct LineWriter {
    private static let itemMark = "- "

    package private(set) var output: [UInt8] = []
    private var spaces = 0
    private var breaks = 0
    private var mark = ""

    package init() {}

    /// Adds words.
    package mutating func write(_ bytes: [UInt8], keepsSpace: Bool) {
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            // A no-break space is a space here: C2 A0.
            let isNoBreakSpace = byte == 0xC2 && index + 1 < bytes.count && bytes[index + 1] == 0xA0
            index += isNoBreakSpace ? 2 : 1
            switch byte {
            case 0x0A where keepsSpace:
                breaks += 1
                spaces = 0
            case 0x20, 0x09...0x0D: spaces = keepsSpace ? spaces + 1 : 1
            default:
                if isNoBreakSpace {
                    spaces = keepsSpace ? spaces + 1 : max(spaces, 1)
                } else {
                    settle(keepsSpace: keepsSpace)
                    output.append(byte)
                }
            }
        }
    }

    /// The next words begin a line, unless they are the first of a list's item.
    package mutating func endLine() {
        guard mark != Self.itemMark else { return }
        breaks = max(breaks, 1)
        spaces = 0
        mark = ""
    }

    /// The next words begin a line, behind an empty one.
    package mutating func endParagraph() {
        endLine()
        if mark.isEmpty { breaks = max(breaks, 2) }
    }

    /// A forced break; two of them are a paragraph.
    package mutating func forceBreak() {
        breaks = min(breaks + 1, 2)
        spaces = 0
    }

    /// The next words begin an item of a list.
    package mutating func beginItem() {
        endItem()
        mark = Self.itemMark
    }

    package mutating func endItem() {
        mark = ""
        endLine()
    }

    /// The next words are in another cell of the same row.
    package mutating func beginCell() {
        if breaks == 0, !output.isEmpty { mark = " | " }
        spaces = 0
    }

    private mutating func settle(keepsSpace: Bool) {
        if output.isEmpty {
            if !keepsSpace { spaces = 0 }
        } else if breaks > 0 {
            output.append(contentsOf: repeatElement(0x0A, count: breaks))
            if !keepsSpace { spaces = 0 }
        }
        if !mark.isEmpty {
            output.append(contentsOf: mark.utf8)
        } else {
            output.append(contentsOf: repeatElement(0x20, count: spaces))
        }
        (breaks, spaces, mark) = (0, 0, "")
    }
}
