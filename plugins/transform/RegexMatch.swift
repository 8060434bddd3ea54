import RunnelKit

/// A match as jq's `match` describes it.
struct RegexMatch {
    private let text: Value
    private let groups: [(name: String?, text: Value)]

    init(_ match: Value) {
        text = match["string"] ?? .null
        groups = (match["captures"]?.asList ?? []).map { ($0["name"]?.asString, $0["string"] ?? .null) }
    }

    /// The group that was asked for; else all named groups; else the whole match.
    func value(group: Value?) throws(StepError) -> Value {
        switch group {
        case nil:
            let named = groups.compactMap { group in group.name.map { ($0, group.text) } }
            return named.isEmpty ? text : .object(ValueObject(named))
        case .int(0)?: return text
        case .int(let number)? where number > 0 && number <= groups.count: return groups[Int(number) - 1].text
        case .string(let name)?:
            if let found = groups.first(where: { $0.name == name }) { return found.text }
        default: break
        }
        let names = groups.compactMap(\.name)
        throw StepError(
            "no-such-group", "the pattern has no group \(group?.quoted() ?? "")",
            hint: "it has \(groups.count) group\(groups.count == 1 ? "" : "s")"
                + (names.isEmpty ? "" : ", named \(names.joined(separator: ", "))"))
    }
}
