extension Unicode.Scalar {
    /// The width of the scalar in terminal cells (an approximation of Unicode Standard Annex 11).
    package var terminalWidth: Int {
        switch value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
            0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1F9FF,
            0x20000...0x3FFFD:
            return 2
        case 0..<0x300: return 1
        default: break
        }
        return switch properties.generalCategory {
        case .nonspacingMark, .enclosingMark: 0
        case .format where value == 0x200D || value == 0x200B: 0
        default: 1
        }
    }
}

extension String {
    /// The width of a single-line text in terminal cells.
    package var terminalWidth: Int { reduce(0) { $0 + $1.terminalWidth } }

    /// The text, truncated to this number of terminal cells; `…` marks the cut.
    package func clipped(toTerminalWidth width: Int) -> String {
        guard terminalWidth > width else { return self }
        var room = width - 1
        let kept = prefix { character in
            room -= character.terminalWidth
            return room >= 0
        }
        return kept + "…"
    }
}

extension Character {
    /// At most 2: an emoji sequence of several scalars takes two cells.
    fileprivate var terminalWidth: Int { min(2, unicodeScalars.reduce(0) { $0 + $1.terminalWidth }) }
}
