public import RunnelKit

/// Names and values as a form or a query holds them. A list repeats its name.
public struct FormFields: FieldValue, Hashable {
    public struct Pair: Sendable, Hashable {
        public let name: String
        public let value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    public let pairs: [Pair]

    public init(pairs: [Pair] = []) {
        self.pairs = pairs
    }

    public static var schema: Value {
        let single: Value = ["type": ["string", "number", "boolean"]]
        return ["type": "object", "additionalProperties": ["anyOf": [single, ["type": "array", "items": single]]]]
    }

    public init(field value: Value) throws(FieldError) {
        guard let object = value.asObject else { throw .expected("an object", found: value) }
        var pairs: [Pair] = []
        for (name, value) in object {
            do throws(FieldError) {
                guard let items = value.asList else {
                    pairs.append(Pair(name, try Self.text(value)))
                    continue
                }
                for (index, item) in items.enumerated() {
                    do throws(FieldError) {
                        pairs.append(Pair(name, try Self.text(item)))
                    } catch {
                        throw error.under(.index(index))
                    }
                }
            } catch {
                throw error.under(.key(name))
            }
        }
        self.pairs = pairs
    }

    /// As `application/x-www-form-urlencoded` (WHATWG URL, section 5.2).
    public var formText: String { text(spaceAsPlus: true) }
    /// As a query: a space is `%20`, which every server reads.
    public var queryText: String { text(spaceAsPlus: false) }

    private func text(spaceAsPlus: Bool) -> String {
        pairs.map { pair in
            PercentEncoding.encode(pair.name, spaceAsPlus: spaceAsPlus) + "="
                + PercentEncoding.encode(pair.value, spaceAsPlus: spaceAsPlus)
        }.joined(separator: "&")
    }

    private static func text(_ value: Value) throws(FieldError) -> String {
        switch value {
        case .string(let text): text
        case .int, .double, .bool: value.json()
        default: throw .expected("a string, a number, true or false", found: value)
        }
    }
}
