import RunnelSupport

/// The difference of two texts, line by line, in the unified format of `diff -u`.
enum UnifiedDiff {
    private static let context = 3
    /// Comparing takes the product of the lines and the differences.
    private static let mostLines = 2000

    private enum Edit {
        case keep(Substring)
        case remove(Substring)
        case insert(Substring)

        var isKept: Bool { if case .keep = self { true } else { false } }
    }

    static func text(from expected: String, to actual: String) -> String {
        let (old, new) = (lines(expected), lines(actual))
        let edits = edits(old, new)
        var output = ["--- expected", "+++ found"]
        for hunk in hunks(edits) {
            let before = edits[..<hunk.lowerBound]
            let oldStart = before.count { if case .insert = $0 { false } else { true } }
            let newStart = before.count { if case .remove = $0 { false } else { true } }
            let oldCount = edits[hunk].count { if case .insert = $0 { false } else { true } }
            let newCount = edits[hunk].count { if case .remove = $0 { false } else { true } }
            output.append("@@ -\(place(oldStart, oldCount)) +\(place(newStart, newCount)) @@")
            for edit in edits[hunk] {
                switch edit {
                case .keep(let line): output.append(" \(line)")
                case .remove(let line): output.append("-\(line)")
                case .insert(let line): output.append("+\(line)")
                }
            }
        }
        if old.count == mostLines || new.count == mostLines {
            output.append("… (only the first \(mostLines) lines are compared)")
        }
        return output.joined(separator: "\n")
    }

    private static func place(_ before: Int, _ count: Int) -> String {
        // An empty stretch is named by the line before it.
        "\(count == 0 ? before : before + 1)" + (count == 1 ? "" : ",\(count)")
    }

    /// Splits at line feeds, also at those in CR LF, which is one `Character`. A carriage return at the end of a line is
    /// shown as `\r`: it may be the only difference.
    private static func lines(_ text: String) -> [Substring] {
        guard !text.isEmpty else { return [] }
        var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.last == "\r" ? Substring("\(Substring(line.dropLast()))\\r") : Substring(line)
        }
        if lines.last?.isEmpty == true {
            lines.removeLast()
        } else if let last = lines.popLast() {
            lines.append("\(last)\n\\ No newline at end of file")
        }
        return Array(lines.prefix(mostLines))
    }

    private static func edits(_ old: [Substring], _ new: [Substring]) -> [Edit] {
        let difference = new.difference(from: old)
        var removed: Set<Int> = []
        var inserted: Set<Int> = []
        for change in difference {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): inserted.insert(offset)
            }
        }
        var edits: [Edit] = []
        var (left, right) = (0, 0)
        while left < old.count || right < new.count {
            if left < old.count, removed.contains(left) {
                edits.append(.remove(old[left]))
                left += 1
            } else if right < new.count, inserted.contains(right) {
                edits.append(.insert(new[right]))
                right += 1
            } else {
                edits.append(.keep(new[right]))
                left += 1
                right += 1
            }
        }
        return edits
    }

    /// The changes with the lines around them; those that touch are one.
    private static func hunks(_ edits: [Edit]) -> [Range<Int>] {
        var hunks: [Range<Int>] = []
        for index in edits.indices where !edits[index].isKept {
            let range = max(0, index - context)..<min(edits.count, index + context + 1)
            if let last = hunks.last, last.upperBound >= range.lowerBound {
                hunks[hunks.count - 1] = last.lowerBound..<range.upperBound
            } else {
                hunks.append(range)
            }
        }
        return hunks
    }
}

extension TextStyle {
    /// What was expected in green, what was found in red.
    func difference(_ text: String) -> String {
        guard hasColor, text.hasPrefix("--- expected\n") else { return text }
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            switch line.first {
            case "-"?: green(String(line))
            case "+"?: red(String(line))
            case "@"?: dim(String(line))
            default: String(line)
            }
        }.joined(separator: "\n")
    }
}
