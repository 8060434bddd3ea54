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
