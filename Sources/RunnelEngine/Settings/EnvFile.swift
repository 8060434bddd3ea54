import RunnelKit

/// The text of a `.env` file: `NAME=value` in each line.
///
/// A value is written plain, in `'…'` (taken as it is), or in `"…"` (with `\n`, `\t`, `\"`, `\\` and `\$`), which may
/// go over several lines. `export ` before a name and comments (`# …`) are allowed. Nothing is expanded or executed.
package struct EnvFile: Sendable {
    /// What is wrong with a line. No value is quoted, because it may be a secret.
    package struct Problem: Error, Sendable, Hashable {
        /// From 1.
        package let line: Int
        /// In Unicode scalars, from 1.
        package let column: Int
        package let message: String
        package let hint: String
    }

    /// The values by name.
    package let values: [String: String]

    /// - Parameter bytes: UTF-8, or in the encoding that a byte order mark names.
    package init(_ bytes: [UInt8]) throws(Problem) {
        let text: String
        do throws(TextEncoding.Failure) {
            text = try TextEncoding.utf8.text(of: bytes)
        } catch {
            throw Problem(line: 1, column: 1, message: "the file \(error.message)", hint: "save it as UTF-8")
        }
        try self.init(text)
    }

    package init(_ text: String) throws(Problem) {
        var values: [String: String] = [:]
        var scanner = Scanner(text)
        while let (name, value) = try scanner.next() { values[name] = value }
        self.values = values
    }

    private struct Scanner {
        private let text: String
        private var rest: Substring.UnicodeScalarView
        private var line = 1
        private var lineStart: String.Index

        init(_ text: String) {
            self.text = text
            rest = text[...].unicodeScalars
            if rest.first == "\u{FEFF}" { rest.removeFirst() }
            lineStart = rest.startIndex
        }

        /// A problem at the current place, or at the given one.
        private func problem(_ message: String, at place: (line: Int, column: Int)? = nil, hint: String) -> Problem {
            let place = place ?? self.place
            return Problem(line: place.line, column: place.column, message: message, hint: hint)
        }

        private var place: (line: Int, column: Int) {
            (line, text.unicodeScalars.distance(from: lineStart, to: rest.startIndex) + 1)
        }

        mutating func next() throws(Problem) -> (name: String, value: String)? {
            while let first = rest.first {
                if first == "\n" || first == " " || first == "\t" || first == "\r" {
                    skip()
                } else if first == "#" {
                    skipLine()
                } else {
                    return try entry()
                }
            }
            return nil
        }

        private mutating func skip() {
            guard rest.removeFirst() == "\n" else { return }
            line += 1
            lineStart = rest.startIndex
        }

        private mutating func skipLine() {
            while let first = rest.first, first != "\n" { rest.removeFirst() }
        }

        private mutating func entry() throws(Problem) -> (String, String) {
            let start = place
            var name = String(word())
            if name == "export", rest.first == " " || rest.first == "\t" {
                skipBlanks()
                name = String(word())
            }
            skipBlanks()
            guard !name.isEmpty, rest.first == "=" else {
                throw problem(
                    "expected `NAME=value`", at: start,
                    hint: "a name has letters, digits and \"_\", and does not begin with a digit")
            }
            rest.removeFirst()
            skipBlanks()
            return (name, try value())
        }

        /// A name; empty if there is none.
        private mutating func word() -> Substring.UnicodeScalarView {
            let word = rest.prefix {
                ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0) || $0 == "_"
            }
            if let first = word.first, ("0"..."9").contains(first) { return rest.prefix(0) }
            rest.removeFirst(word.count)
            return word
        }

        private mutating func skipBlanks() {
            while rest.first == " " || rest.first == "\t" { rest.removeFirst() }
        }

        private mutating func value() throws(Problem) -> String {
            guard let quote = rest.first, quote == "\"" || quote == "'" else { return plain() }
            let start = place
            rest.removeFirst()
            var text = String.UnicodeScalarView()
            while let scalar = rest.first {
                skip()
                if scalar == quote {
                    try end()
                    return String(text)
                }
                guard quote == "\"", scalar == "\\", let escaped = rest.first else {
                    text.append(scalar)
                    continue
                }
                skip()
                switch escaped {
                case "n": text.append("\n")
                case "r": text.append("\r")
                case "t": text.append("\t")
                case "\"", "\\", "$": text.append(escaped)
                case "\n": break
                default: text.append(contentsOf: ["\\", escaped])
                }
            }
            throw problem("the quote is not closed", at: start, hint: "end the value with \(quote)")
        }

        /// Up to the end of the line or a comment behind a blank.
        private mutating func plain() -> String {
            var text = String.UnicodeScalarView()
            while let scalar = rest.first, scalar != "\n" {
                if scalar == "#", text.isEmpty || text.last == " " || text.last == "\t" { break }
                text.append(scalar)
                rest.removeFirst()
            }
            while let last = text.last, last == " " || last == "\t" || last == "\r" { text.removeLast() }
            skipLine()
            return String(text)
        }

        /// Only a comment may follow a quoted value.
        private mutating func end() throws(Problem) {
            while rest.first == " " || rest.first == "\t" || rest.first == "\r" { rest.removeFirst() }
            if rest.first == "#" { skipLine() }
            guard let next = rest.first, next != "\n" else { return }
            throw problem(
                "there is text behind the closing quote", hint: "quote the whole value, or write \\\" inside of it")
        }
    }
}
