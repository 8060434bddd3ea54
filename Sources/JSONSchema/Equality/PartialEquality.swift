import RunnelKit

/// Equality of a value that may be known only in part with one that is known.
struct PartialEquality {
    let knowledge: ((InstancePath) -> Knowledge)?

    func compare(_ value: Value, at path: [PathElement], with constant: Value) -> Verdict {
        guard let knowledge else { return Verdict(ExactEquality.areEqual(value, constant)) }
        switch knowledge(InstancePath(path)) {
        case .unknown: return .unknown
        case .someString: return constant.asString == nil ? .invalid : .unknown
        case .known: break
        }
        switch (value, constant) {
        case (.list(let items), .list(let constants)):
            guard items.count == constants.count else { return .invalid }
            return items.indices.reduce(.valid) { verdict, index in
                verdict.and(compare(items[index], at: path + [.index(index)], with: constants[index]))
            }
        case (.object(let object), .object(let constants)):
            guard object.count == constants.count else { return .invalid }
            return object.reduce(.valid) { verdict, member in
                guard let constant = constants[member.key] else { return .invalid }
                return verdict.and(compare(member.value, at: path + [.key(member.key)], with: constant))
            }
        default: return Verdict(ExactEquality.areEqual(value, constant))
        }
    }

    /// Whether nothing in `value` is left open.
    func isWhollyKnown(_ value: Value, at path: [PathElement]) -> Bool {
        guard let knowledge else { return true }
        guard case .known = knowledge(InstancePath(path)) else { return false }
        switch value {
        case .list(let items):
            return items.indices.allSatisfy { isWhollyKnown(items[$0], at: path + [.index($0)]) }
        case .object(let object):
            return object.allSatisfy { isWhollyKnown($0.value, at: path + [.key($0.key)]) }
        default: return true
        }
    }
}
