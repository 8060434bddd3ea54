import RunnelKit

/// Equality as JSON Schema defines it (core, section 4.2.2): numbers by value, strings code point by code point.
enum ExactEquality {
    static func areEqual(_ left: Value, _ right: Value) -> Bool {
        switch (left, right) {
        case (.string(let left), .string(let right)): areEqual(left, right)
        case (.bytes(let bytes), .string(let text)), (.string(let text), .bytes(let bytes)):
            areEqual(Base64.encode(bytes), text)
        case (.list(let left), .list(let right)):
            left.count == right.count && zip(left, right).allSatisfy { areEqual($0, $1) }
        case (.object(let left), .object(let right)):
            left.count == right.count && areEqual(left, right)
        default: left == right
        }
    }

    /// Takes linear time, because untrusted objects may have many keys.
    private static func areEqual(_ left: ValueObject, _ right: ValueObject) -> Bool {
        let members = Dictionary(
            right.map { (Array($0.key.utf8), $0.value) }, uniquingKeysWith: { first, _ in first })
        return left.allSatisfy { key, value in
            guard let other = members[Array(key.utf8)] else { return false }
            return areEqual(value, other)
        }
    }

    /// Swift compares by canonical equivalence ("é" as one or two code points); JSON does not.
    static func areEqual(_ left: String, _ right: String) -> Bool {
        left.utf8.elementsEqual(right.utf8)
    }
}

/// A hashable value with the equality of JSON Schema, for sets.
struct ExactValue: Hashable {
    let value: Value

    static func == (left: ExactValue, right: ExactValue) -> Bool {
        ExactEquality.areEqual(left.value, right.value)
    }

    func hash(into hasher: inout Hasher) {
        if case .bytes(let bytes) = value {
            hasher.combine(Value.string(Base64.encode(bytes)))
        } else {
            hasher.combine(value)
        }
    }
}

/// Equality of a partially known value with a known one.
struct PartialEquality {
    let knowledge: ((InstancePath) -> PartialKnowledge)?

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

    /// Whether `value` is completely known.
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
