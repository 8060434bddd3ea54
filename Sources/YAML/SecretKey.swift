import RunnelSupport

/// Keys whose values may be secrets, by their names: all that is known of a text that is not valid.
package enum SecretKey {
    /// In lower case, without "-" and "_".
    package static let names = [
        "apikey", "auth", "authorization", "basic", "bearer", "cookie", "credentials", "env", "headers",
        "passphrase", "password", "secret", "secrets", "token", "tokens",
    ]
    private static let endings = ["apikey", "password", "secret", "token"]

    /// Whether the value of a key may be a secret: `password`, `X-Api-Key`, `client_secret`, all of `env` and `headers`.
    package static func matches(_ key: some StringProtocol) -> Bool {
        let name = key.lowercased().filter { $0 != "-" && $0 != "_" }
        return names.contains(name) || endings.contains { name.hasSuffix($0) }
    }
}

extension YAMLSource {
    /// The column from which a line may be a secret; nil if no part of it is.
    ///
    /// In a text of secrets that is column 1. Elsewhere these may be secrets: the value of a ``SecretKey``, the values in the
    /// more indented lines below it, and the credentials of a URL. A value that begins with a template is not one.
    package func secretColumn(ofLine number: Int) -> Int? {
        if isSecret { return 1 }
        let credentials = line(number).flatMap(Self.credentialsColumn)
        return [keyedColumn(ofLine: number), credentials].compactMap(\.self).min()
    }

    /// The column of the first value of the line that stands behind, or below, a ``SecretKey``.
    private func keyedColumn(ofLine number: Int) -> Int? {
        guard let line = self.line(number).map({ Array($0.unicodeScalars) }) else { return nil }
        if let column = Self.secretColumn(in: line) { return column }
        var indentation = Self.indentation(of: line)
        for above in stride(from: number - 1, through: 1, by: -1) where indentation > 0 {
            guard let before = self.line(above).map({ Array($0.unicodeScalars) }) else { continue }
            let outer = Self.indentation(of: before)
            guard outer < before.count, outer < indentation else { continue }
            if Self.secretColumn(in: before) != nil { return Self.valueColumn(in: line) }
            indentation = outer
        }
        return nil
    }

    /// The column where the credentials of the first URL with some begin.
    private static func credentialsColumn(in line: Substring) -> Int? {
        for word in line.split(whereSeparator: { $0.isWhitespace || $0 == "\"" || $0 == "'" }) {
            let text = String(word)
            guard text.contains("://"), let range = URLCredentials.ranges(in: text).first else { continue }
            let before = text[..<range.lowerBound].unicodeScalars.count
            return line[..<word.startIndex].unicodeScalars.count + before + 1
        }
        return nil
    }

    /// Whether what stands at a position may be a secret.
    func isSecret(at position: YAMLPosition) -> Bool {
        secretColumn(ofLine: position.line).map { $0 <= position.column } ?? false
    }

    /// A text in quotes, for messages; `***` where it may be a secret.
    func quoted(_ text: String, at position: YAMLPosition) -> String {
        isSecret(at: position) ? "\"***\"" : "\"\(text.shortened)\""
    }

    /// A line from a position on, with `***` for what may be a secret.
    func shownLine(from position: YAMLPosition) -> String {
        let rest = Array((line(position.line) ?? "").unicodeScalars.dropFirst(position.column - 1))
        guard !rest.isEmpty, let column = secretColumn(ofLine: position.line), column < position.column + rest.count
        else {
            return String(String.UnicodeScalarView(rest))
        }
        return String(String.UnicodeScalarView(rest.prefix(max(0, column - position.column)))) + "***"
    }

    /// The number of blanks and of "-" before the text.
    private static func indentation(of line: [Unicode.Scalar]) -> Int {
        line.prefix { isBlank($0) || $0 == "-" }.count
    }

    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool { scalar == " " || scalar == "\t" }

    private static func isOfWord(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isAlphabetic || scalar == "_" || scalar == "-" || ("0"..."9").contains(scalar)
    }

    /// The column behind the "key: " with which a line begins; otherwise that of its text.
    private static func valueColumn(in line: [Unicode.Scalar]) -> Int {
        let start = indentation(of: line)
        let rest = line[start...].drop(while: isOfWord)
        let value = rest.dropFirst().drop(while: isBlank)
        let hasKey = rest.startIndex > start && rest.first == ":" && value.startIndex != rest.startIndex + 1
        return (hasKey ? value.startIndex : start) + 1
    }

    /// The column behind the first secret key of a line and its ":". Where a line begins with one, the ":" may be missing.
    private static func secretColumn(in line: [Unicode.Scalar]) -> Int? {
        let first = indentation(of: line)
        var start = first
        while start < line.count {
            let word = line[start...].prefix(while: isOfWord)
            guard !word.isEmpty else {
                start += 1
                continue
            }
            let rest = line[word.endIndex...].drop { $0 == "\"" || $0 == "'" || isBlank($0) }
            let hasColon = rest.first == ":"
            let isKey = hasColon || start == first && rest.startIndex > word.endIndex
            if isKey, SecretKey.matches(String(String.UnicodeScalarView(word))) {
                let value = rest.dropFirst(hasColon ? 1 : 0).drop(while: isBlank)
                let isTemplate = value.drop { $0 == "\"" || $0 == "'" }.starts(with: "{{".unicodeScalars)
                return isTemplate ? nil : value.startIndex + 1
            }
            start = word.endIndex
        }
        return nil
    }
}
