/// Writes the man(7) language.
struct Troff {
    private(set) var text = ""

    /// A macro with arguments: `.TP`, `.SH NAME`.
    mutating func macro(_ name: String, _ arguments: String...) {
        text += "." + ([name] + arguments.map(Self.quoted)).joined(separator: " ") + "\n"
    }

    /// A line of text that may hold what ``bold(_:)`` and ``italic(_:)`` made.
    mutating func line(_ text: String) {
        // A dot or an apostrophe in front would make it a macro.
        self.text += (text.hasPrefix(".") || text.hasPrefix("'") ? "\\&" : "") + text + "\n"
    }

    /// Text of a person, in which code stands between backticks. Each line begins a paragraph of its own.
    mutating func paragraphs(_ text: String) {
        for (index, line) in text.split(separator: "\n").enumerated() {
            if index > 0 { macro("br") }
            self.line(Self.prose(String(line)))
        }
    }

    static func bold(_ text: String) -> String { "\\fB\(escaped(text))\\fR" }
    static func italic(_ text: String) -> String { "\\fI\(escaped(text))\\fR" }

    /// With what stands between backticks in bold.
    static func prose(_ text: String) -> String {
        let parts = text.split(separator: "`", omittingEmptySubsequences: false)
        return parts.enumerated()
            .map {
                $0.offset % 2 == 1 && $0.offset < parts.count - 1
                    ? bold(String($0.element)) : escaped(String($0.element))
            }
            .joined()
    }

    /// Hyphens are to be copied as they are typed; other signs of Unicode have names in troff, so that the page is
    /// ASCII.
    static func escaped(_ text: String) -> String {
        text.unicodeScalars.map { scalar in
            switch scalar {
            case "\\": "\\e"
            case "-": "\\-"
            case "'": "\\(aq"
            case "`": "\\(ga"
            case "^": "\\(ha"
            case "~": "\\(ti"
            case "…": "..."
            case "\n", "\t": " "
            default:
                if scalar.isASCII {
                    scalar.properties.generalCategory == .control ? "" : String(scalar)
                } else {
                    "\\[u\(hexadecimal(scalar.value))]"
                }
            }
        }.joined()
    }

    private static func hexadecimal(_ number: UInt32) -> String {
        let digits = String(number, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    private static func quoted(_ argument: String) -> String {
        argument.isEmpty || argument.contains(" ") ? "\"\(argument.replacing("\"", with: "\\(dq"))\"" : argument
    }
}
