import RunnelKit

/// Equality as JSON Schema means it (core, section 4.2.2): numbers by value, strings code point by code point.
enum ExactEquality {
    static func areEqual(_ left: Value, _ right: Value) -> Bool {
        switch (left, right) {
        case (.string(let left), .string(let right)): areEqual(left, right)
        case (.bytes(let bytes), .string(let text)), (.string(let text), .bytes(let bytes)):
            areEqual(Base64.encode(bytes), text)
        case (.list(let left), .list(let right)):
            left.count == right.count && zip(left, right).allSatisfy { areEqual($0, $1) }
        case (.object(let left), .object(let right)):
            left.count == right.count
                && left.allSatisfy { key, value in
                    guard let place = right.firstIndex(where: { areEqual($0.key, key) }) else { return false }
                    return areEqual(value, right[place].value)
                }
        default: left == right
        }
    }

    /// Swift takes "é" in one and in two code points for equal; JSON does not.
    static func areEqual(_ left: String, _ right: String) -> Bool {
        left.utf8.elementsEqual(right.utf8)
    }
}

/// A value that is equal to another as JSON Schema means it, for sets.
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
