internal import RunnelSupport

/// The line `simulate: <fault>` in a message, by which its writer chooses what goes wrong.
enum FaultDirective {
    /// The name that the first such line gives. Only a single word of letters, digits and hyphens counts, so that
    /// prose which happens to begin with the same word stays prose.
    static func name(in message: String) -> String? {
        for line in message.split(whereSeparator: \.isNewline) {
            if let name = name(ofLine: line) { return name }
        }
        return nil
    }

    /// The message without such lines.
    static func removed(from message: String) -> String {
        message.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            .filter { name(ofLine: $0) == nil }
            .joined(separator: "\n")
    }

    private static func name(ofLine line: Substring) -> String? {
        let line = line.trimmed
        guard line.hasPrefix("simulate:") else { return nil }
        let name = line.dropFirst("simulate:".count).trimmed
        guard !name.isEmpty, name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }) else {
            return nil
        }
        return String(name)
    }
}
