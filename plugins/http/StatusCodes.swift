internal import RunnelKit

/// Statuses that count as success: one number, or a list.
struct StatusCodes: FieldValue {
    let codes: [Int]

    static var schema: Value {
        let code: Value = ["type": "integer", "minimum": 100, "maximum": 599]
        return ["anyOf": [code, ["type": "array", "items": code, "minItems": 1]]]
    }

    init(field value: Value) throws(FieldError) {
        guard let items = value.asList else {
            codes = [try Self.code(value)]
            return
        }
        guard !items.isEmpty else { throw .expected("at least one status", found: value) }
        var codes: [Int] = []
        for (index, item) in items.enumerated() {
            do {
                codes.append(try Self.code(item))
            } catch {
                throw error.under(.index(index))
            }
        }
        self.codes = codes
    }

    private static func code(_ value: Value) throws(FieldError) -> Int {
        guard let whole = value.asInt, (100...599).contains(whole) else {
            throw .expected("an HTTP status such as 200, or a list of them", found: value)
        }
        return Int(whole)
    }
}
