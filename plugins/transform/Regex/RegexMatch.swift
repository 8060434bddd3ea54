import RunnelKit

/// A match as jq's `match` describes it.
struct RegexMatch {
    private let text: Value
    private let groups: [(name: String?, text: Value)]

    init(_ match: Value) {
        text = match["string"] ?? .null
        groups = (match["captures"]?.asList ?? []).map { ($0["name"]?.asString, $0["string"] ?? .null) }
    }

    /// The group that was asked for; else all named groups; else the whole match. A group without a part in the match
    /// is null.
    func value(group: RegexGroup?) throws(StepError) -> Value {
        switch group {
        case nil:
            let named = groups.compactMap { group in group.name.map { ($0, group.text) } }
            return named.isEmpty ? text : .object(ValueObject(named))
        case .number(0)?: return text
        case .number(let number)?:
            guard number <= groups.count else { throw missing("\(number)") }
            return groups[number - 1].text
        case .name(let name)?:
            guard let found = groups.first(where: { $0.name == name }) else { throw missing("\"\(name)\"") }
            return found.text
        }
    }

    private func missing(_ group: String) -> StepError {
        let names = groups.compactMap(\.name)
        let count = groups.count == 1 ? "1 group" : "\(groups.count) groups"
        return StepError(
            "no-such-group", "the pattern has no group \(group)",
            hint: "it has \(count)" + (names.isEmpty ? "" : ", named \(names.joined(separator: ", "))"))
    }
}
