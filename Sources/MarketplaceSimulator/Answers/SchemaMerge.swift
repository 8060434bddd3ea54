/// Merges JSON schemas that hold at the same time, as under `allOf`.
enum SchemaMerge {
    static func merged(_ left: JSONValue, _ right: JSONValue) -> JSONValue {
        guard let leftMembers = left.members, let rightMembers = right.members else {
            // `true` allows everything, so the other one decides; `false` allows nothing and stays.
            return left == .bool(true) ? right : left == .bool(false) ? left : right == .bool(true) ? left : right
        }
        var result = leftMembers
        for member in rightMembers {
            guard let index = result.firstIndex(where: { $0.key == member.key }) else {
                result.append(member)
                continue
            }
            result[index].value = combined(member.key, result[index].value, member.value)
        }
        return .object(result)
    }

    /// The value of a keyword that both schemas have.
    private static func combined(_ keyword: String, _ left: JSONValue, _ right: JSONValue) -> JSONValue {
        switch keyword {
        case "properties", "$defs", "definitions":
            return mergedMembers(left, right)
        case "required":
            let names = left.elements ?? []
            return .array(names + (right.elements ?? []).filter { !names.contains($0) })
        case "enum":
            return .array((left.elements ?? []).filter { right.elements?.contains($0) ?? true })
        case "allOf":
            return .array((left.elements ?? []) + (right.elements ?? []))
        case "items":
            return merged(left, right)
        case "minimum", "exclusiveMinimum", "minItems", "minLength":
            return (left.number ?? -.infinity) >= (right.number ?? -.infinity) ? left : right
        case "maximum", "exclusiveMaximum", "maxItems", "maxLength":
            return (left.number ?? .infinity) <= (right.number ?? .infinity) ? left : right
        default:
            return right
        }
    }

    private static func mergedMembers(_ left: JSONValue, _ right: JSONValue) -> JSONValue {
        var result = left.members ?? []
        for member in right.members ?? [] {
            if let index = result.firstIndex(where: { $0.key == member.key }) {
                result[index].value = merged(result[index].value, member.value)
            } else {
                result.append(member)
            }
        }
        return .object(result)
    }
}
