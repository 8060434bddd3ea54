import RunnelKit

extension Value {
    /// A string as it is; data as JSON over several lines, keys in alphabetical order.
    var shownInFull: String {
        if case .string(let text) = self { return text }
        return sorted.json(pretty: true) + "\n"
    }

    /// As the second half of "expected …, found …", where it fits a line.
    var foundText: String { isNull ? "nothing" : quoted(limit: 200) }

    private var sorted: Value {
        switch self {
        case .list(let items): .list(items.map(\.sorted))
        case .object(let members):
            .object(ValueObject(members.sorted { $0.key < $1.key }.map { ($0.key, $0.value.sorted) }))
        default: self
        }
    }
}

extension String {
    /// Whether it is better shown over several lines.
    var isLong: Bool { dropLast().contains(where: \.isNewline) || count > 120 }

    func cut(lines limit: Int) -> String {
        let lines = split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count > limit else { return self }
        return (lines.prefix(limit) + ["… (\(lines.count - limit) more lines)"]).joined(separator: "\n")
    }
}
