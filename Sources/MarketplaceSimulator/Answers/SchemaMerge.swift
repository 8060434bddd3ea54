internal import RunnelValue

/// Merges JSON schemas that hold at the same time, as under `allOf`.
enum SchemaMerge {
    static func merged(_ leftSchema: Value, _ rightSchema: Value) -> Value {
        guard let left = leftSchema.asObject, let right = rightSchema.asObject else {
            // `true` allows everything, so the other one decides; `false` allows nothing and stays.
            let (left, right) = (leftSchema, rightSchema)
            return left == .bool(true) ? right : left == .bool(false) ? left : right == .bool(true) ? left : right
        }
        return .object(left.merging(right, combined))
    }

    /// The value of a keyword that both schemas have.
    private static func combined(_ keyword: String, _ left: Value, _ right: Value) -> Value {
        switch keyword {
        case "properties", "$defs", "definitions":
            let (left, right) = (left.asObject ?? [:], right.asObject ?? [:])
            return .object(left.merging(right) { merged($1, $2) })
        case "required":
            let names = left.asList ?? []
            return .list(names + (right.asList ?? []).filter { !names.contains($0) })
        case "enum":
            return .list((left.asList ?? []).filter { right.asList?.contains($0) ?? true })
        case "allOf":
            return .list((left.asList ?? []) + (right.asList ?? []))
        case "items":
            return merged(left, right)
        case "minimum", "exclusiveMinimum", "minItems", "minLength":
            return (left.asDouble ?? -.infinity) >= (right.asDouble ?? -.infinity) ? left : right
        case "maximum", "exclusiveMaximum", "maxItems", "maxLength":
            return (left.asDouble ?? .infinity) <= (right.asDouble ?? .infinity) ? left : right
        default:
            return right
        }
    }
}

extension ValueObject {
    /// Both objects' members; `combine` makes one value of the two of a key that both have.
    fileprivate func merging(_ other: ValueObject, _ combine: (String, Value, Value) -> Value) -> ValueObject {
        var result = self
        for (key, value) in other { result[key] = result[key].map { combine(key, $0, value) } ?? value }
        return result
    }
}
