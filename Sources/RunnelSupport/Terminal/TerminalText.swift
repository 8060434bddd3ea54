/// Text from elsewhere as a terminal or a log may have it: nothing in it moves the cursor, changes a setting, turns the
/// direction of writing, or begins a line of its own where there is to be none.
///
/// What is dangerous becomes U+FFFD, one for one, so that columns stay where they are.
package enum TerminalText {
    /// Text that may have several lines: line feeds and tabs stay, and the CR of a CRLF goes.
    package static func safe(_ text: String) -> String {
        guard !isPrintable(text, orLineFeed: true), text.unicodeScalars.contains(where: isDangerous)
        else { return text }
        return rewriting(text) { scalar, next in
            guard isDangerous(scalar) else { return nil }
            return scalar == "\r" && next == "\n" ? "" : "\u{FFFD}"
        }
    }

    /// Text on one line: line breaks are written as `\n` and `\r`.
    package static func line(_ text: String) -> String {
        guard !isPrintable(text, orLineFeed: false),
            text.unicodeScalars.contains(where: { isDangerous($0) || $0 == "\n" })
        else { return text }
        return rewriting(text) { scalar, _ in
            switch scalar {
            case "\n": #"\n"#
            case "\r": #"\r"#
            default: isDangerous(scalar) ? "\u{FFFD}" : nil
            }
        }
    }

    /// ``safe(_:)``, but for the sequences of ``TextStyle``.
    package static func styled(_ text: String) -> String {
        guard text.utf8.contains(0x1B) else { return safe(text) }
        var output = ""
        var rest = text[...]
        while let escape = rest.utf8.firstIndex(of: 0x1B) {
            output += safe(String(rest[..<escape]))
            let sequence = TextStyle.sequences.first { rest[escape...].utf8.starts(with: $0.utf8) }
            output += sequence ?? "\u{FFFD}"
            rest = rest[rest.utf8.index(escape, offsetBy: sequence?.utf8.count ?? 1)...]
        }
        return output + safe(String(rest))
    }

    /// JSON of the same meaning: what is dangerous can stand in its strings alone, where it is escaped.
    package static func json(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isDangerous) else { return text }
        return rewriting(text) { scalar, _ in
            guard isDangerous(scalar) else { return nil }
            let digits = String(scalar.value, radix: 16)
            return #"\u"# + String(repeating: "0", count: 4 - digits.utf8.count) + digits
        }
    }

    /// Whether a terminal would act upon the scalar, or show it as what it is not.
    package static func isDangerous(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A: false
        case ..<0x20, 0x7F...0x9F: true
        // Line and paragraph separators; embeddings, overrides and isolates of the direction.
        case 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    /// Whether all of it is printable ASCII, as most lines of a log are. Looking at bytes is faster than at scalars.
    private static func isPrintable(_ text: String, orLineFeed: Bool) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            bytes.allSatisfy { (0x20...0x7E).contains($0) || orLineFeed && $0 == 0x0A }
        }
    }

    /// - Parameter replacement: For a scalar and the one behind it; nil leaves it as it is.
    private static func rewriting(
        _ text: String, _ replacement: (Unicode.Scalar, Unicode.Scalar?) -> String?
    ) -> String {
        let scalars = Array(text.unicodeScalars)
        var output = String.UnicodeScalarView()
        for (index, scalar) in scalars.enumerated() {
            let next = index + 1 < scalars.count ? scalars[index + 1] : nil
            if let replacement = replacement(scalar, next) {
                output.append(contentsOf: replacement.unicodeScalars)
            } else {
                output.append(scalar)
            }
        }
        return String(output)
    }
}

/// How text is dressed up: with colours on a terminal, not at all elsewhere.
package struct TextStyle: Sendable {
    package let isTerminal: Bool
    package let hasColor: Bool

    package init(isTerminal: Bool, environment: [String: String]) {
        self.isTerminal = isTerminal
        // https://no-color.org: any value but an empty one turns colours off.
        hasColor = isTerminal && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    }

    package init(hasColor: Bool) {
        isTerminal = hasColor
        self.hasColor = hasColor
    }

    package func bold(_ text: String) -> String { wrap(text, "1") }
    package func dim(_ text: String) -> String { wrap(text, "2") }
    package func green(_ text: String) -> String { wrap(text, "32") }
    package func red(_ text: String) -> String { wrap(text, "31") }

    /// Everything that these write beside the text.
    static let sequences = ["1", "2", "32", "31", "0"].map { "\u{1B}[\($0)m" }

    /// Text from elsewhere, without what a terminal would act upon.
    package func safe(_ text: String) -> String { TerminalText.safe(text) }

    /// The same behind something else: further lines are indented, so that none passes for a line of another kind.
    package func note(_ text: String) -> String { safe(text).replacing("\n", with: "\n    ") }

    /// The same on one line.
    package func line(_ text: String) -> String { TerminalText.line(text) }

    private func wrap(_ text: String, _ code: String) -> String {
        hasColor ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}
