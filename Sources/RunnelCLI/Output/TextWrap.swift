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
    ///   - hanging: Further spaces before the lines after the first; less than 0: so many fewer.
    static func wrap(_ text: String, width: Int?, indent: Int = 0, hanging: Int = 0) -> String {
        let margin = String(repeating: " ", count: indent)
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            guard let width, line.first != " ", indent + line.count > width else {
                return line.isEmpty ? "" : margin + line
            }
            return wrapped(line, width: width, margin, String(repeating: " ", count: indent + hanging))
        }.joined(separator: "\n")
    }

    /// The text behind what already stands on its first line.
    ///
    /// - Parameters:
    ///   - columns: How many of the first line are taken.
    ///   - indent: Spaces before the lines into which it is wrapped.
    static func behind(_ columns: Int, _ text: String, width: Int?, indent: Int) -> String {
        String(wrap(text, width: width, indent: columns, hanging: indent - columns).drop { $0 == " " })
    }

    /// The text in lines of at most `width` characters, wrapped at words; a longer word is broken. At least one line; empty
    /// ones at the end are left out.
    ///
    /// - Parameters:
    ///   - width: The columns, of which at least 20 are used behind the indent; nil: nothing is wrapped.
    ///   - indent: Spaces before all lines that are not empty.
    static func lines(_ text: String, width: Int?, indent: Int) -> [String] {
        let margin = String(repeating: " ", count: indent)
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        while lines.count > 1, lines.last?.allSatisfy(\.isWhitespace) ?? false { lines.removeLast() }
        let pieces = width.map { width in lines.flatMap { broken($0, after: max(20, width - indent)) } } ?? lines
        return pieces.map { $0.isEmpty ? "" : margin + $0 }
    }

    private static func broken(_ line: Substring, after room: Int) -> [Substring] {
        var pieces: [Substring] = []
        var rest = line
        while let limit = rest.index(rest.startIndex, offsetBy: room, limitedBy: rest.endIndex), limit < rest.endIndex {
            let space: Substring.Index? = rest[limit] == " " ? limit : rest[..<limit].lastIndex(of: " ")
            guard let space, rest[..<space].contains(where: { $0 != " " }) else {
                pieces.append(rest[..<limit])
                rest = rest[limit...]
                continue
            }
            pieces.append(rest[..<space])
            rest = rest[space...].drop { $0 == " " }
        }
        return rest.isEmpty && !pieces.isEmpty ? pieces : pieces + [rest]
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
