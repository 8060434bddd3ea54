import RunnelSupport
import Testing

@Suite("Text for a terminal") struct TerminalTextTests {
    @Test(
        "what a terminal would act upon is replaced one for one; line feeds and tabs stay",
        arguments: [
            ("plain é 😀\n\ttext", "plain é 😀\n\ttext", #"plain é 😀\n\#ttext"#),
            ("one\n\ttwo", "one\n\ttwo", #"one\n\#ttwo"#), ("~ plain", "~ plain", "~ plain"),
            ("\u{1B}[2J", "\u{FFFD}[2J", "\u{FFFD}[2J"),
            ("\u{1B}]0;t\u{7}", "\u{FFFD}]0;t\u{FFFD}", "\u{FFFD}]0;t\u{FFFD}"),
            ("over\rwritten", "over\u{FFFD}written", #"over\rwritten"#), ("a\r\nb", "a\nb", #"a\r\nb"#),
            ("\u{0}\u{8}\u{7F}", "\u{FFFD}\u{FFFD}\u{FFFD}", "\u{FFFD}\u{FFFD}\u{FFFD}"),
            ("\u{9B}31m\u{85}", "\u{FFFD}31m\u{FFFD}", "\u{FFFD}31m\u{FFFD}"),
            ("a\u{202E}b\u{2066}c\u{2069}", "a\u{FFFD}b\u{FFFD}c\u{FFFD}", "a\u{FFFD}b\u{FFFD}c\u{FFFD}"),
            ("a\u{2028}b\u{2029}", "a\u{FFFD}b\u{FFFD}", "a\u{FFFD}b\u{FFFD}"),
            ("\u{200F}\u{200D}\u{FEFF}", "\u{200F}\u{200D}\u{FEFF}", "\u{200F}\u{200D}\u{FEFF}"),
        ])
    func replaced(text: String, safe: String, line: String) {
        #expect(TerminalText.safe(text) == safe)
        #expect(TerminalText.line(text) == line)
        #expect(TerminalText.styled(text) == safe)
    }

    @Test("the colours of a style pass where they are expected, and no other sequence")
    func styled() {
        let style = TextStyle(hasColor: true)
        let own = style.bold("a") + style.red(style.safe("\u{1B}[31mb\u{1B}[0m")) + style.dim("c") + style.green("d")
        #expect(
            TerminalText.styled(own)
                == "\u{1B}[1ma\u{1B}[0m\u{1B}[31m\u{FFFD}[31mb\u{FFFD}[0m\u{1B}[0m\u{1B}[2mc\u{1B}[0m\u{1B}[32md\u{1B}[0m"
        )
        #expect(TerminalText.styled("\u{1B}[2J\u{1B}[1m\u{1B}[4m\r") == "\u{FFFD}[2J\u{1B}[1m\u{FFFD}[4m\u{FFFD}")
        #expect(TerminalText.safe(own).contains("\u{1B}") == false)
        #expect(TextStyle(hasColor: false).bold("a") == "a")
        #expect(style.note("a\r\nb\rc") == "a\n    b\u{FFFD}c")
        #expect(style.line("a\r\nb\u{9B}") == "a\\r\\nb\u{FFFD}")
    }

    @Test("JSON for a terminal means the same")
    func json() {
        #expect(TerminalText.json("{\"a\": \"\u{9B}\u{7F}\u{202E}é\"}\n") == #"{"a": "\u009b\u007f\u202eé"}"# + "\n")
    }
}
