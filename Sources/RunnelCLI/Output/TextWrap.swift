import RunnelSupport

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Wraps text at words.
enum TextWrap {
    /// Each line of the text in lines of at most `width` characters. Lines that begin with a space, such as code, stay
    /// as they are.
    ///
    /// - Parameters:
    ///   - width: The columns; nil: nothing is wrapped.
    ///   - indent: Spaces before all lines.
    ///   - hanging: Further spaces before the lines after the first.
    static func wrap(_ text: String, width: Int?, indent: Int = 0, hanging: Int = 0) -> String {
        let margin = String(repeating: " ", count: indent)
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            guard let width, line.first != " ", indent + line.count > width else {
                return line.isEmpty ? "" : margin + line
            }
            return wrapped(line, width: width, margin, String(repeating: " ", count: indent + hanging))
        }.joined(separator: "\n")
    }

    /// Messages such as `p.yaml:1:1: error: …` and `error: …`, with their hints, wrapped; the lines of files that they
    /// quote stay as they are.
    static func messages(_ text: String, width: Int?) -> String {
        guard let width else { return text }
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let start = line.prefix { $0 == " " }.count
            let words = line.dropFirst(start)
            let isHint = words.hasPrefix("= ")
            let isMessage =
                start == 0
                && (["error: ", "warning: "].contains { words.contains($0) }
                    || ["Usage: ", "Help: "].contains { words.hasPrefix($0) })
            guard isHint || isMessage else { return String(line) }
            return wrap(String(words), width: width, indent: start, hanging: isHint ? 2 : 4)
        }.joined(separator: "\n")
    }

    private static func wrapped(_ line: Substring, width: Int, _ margin: String, _ hanging: String) -> String {
        var lines: [String] = []
        var current = margin
        var isEmpty = true
        // Columns keep their spaces.
        for word in line.split(separator: " ", omittingEmptySubsequences: false) {
            if !isEmpty, current.count + 1 + word.count > width {
                while current.last == " " { current.removeLast() }
                lines.append(current)
                (current, isEmpty) = (hanging, true)
            }
            if isEmpty, word.isEmpty { continue }
            current += (isEmpty ? "" : " ") + word
            isEmpty = false
        }
        return (lines + [current]).joined(separator: "\n")
    }
}

extension TextStyle {
    /// The style for standard error.
    static var standardError: TextStyle {
        TextStyle(isTerminal: Streams.error.isTerminal, environment: ProcessInfo.processInfo.environment)
    }

    /// The style for standard output.
    static var standardOutput: TextStyle {
        TextStyle(isTerminal: Streams.output.isTerminal, environment: ProcessInfo.processInfo.environment)
    }
}
