#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// How text is dressed up: with colours on a terminal, not at all elsewhere.
struct TextStyle: Sendable {
    let isTerminal: Bool
    let hasColor: Bool

    init(isTerminal: Bool, environment: [String: String]) {
        self.isTerminal = isTerminal
        // https://no-color.org: any value but an empty one turns colours off.
        hasColor = isTerminal && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    }

    /// For what goes to standard error.
    static var standardError: TextStyle {
        TextStyle(isTerminal: Streams.error.isTerminal, environment: ProcessInfo.processInfo.environment)
    }

    /// For what goes to standard output.
    static var standardOutput: TextStyle {
        TextStyle(isTerminal: Streams.output.isTerminal, environment: ProcessInfo.processInfo.environment)
    }

    func bold(_ text: String) -> String { wrap(text, "1") }
    func dim(_ text: String) -> String { wrap(text, "2") }
    func green(_ text: String) -> String { wrap(text, "32") }
    func red(_ text: String) -> String { wrap(text, "31") }

    private func wrap(_ text: String, _ code: String) -> String {
        hasColor ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }

    /// Text from elsewhere without the control characters that would move a terminal's cursor or change its settings.
    func safe(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: Self.isControl) else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { result.append(Self.isControl(scalar) ? "\u{FFFD}" : scalar) }
        return String(result)
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .control && scalar != "\n" && scalar != "\t" && scalar != "\r"
    }
}
