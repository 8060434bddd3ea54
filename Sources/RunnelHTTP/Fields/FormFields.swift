public import RunnelKit
internal import RunnelSupport

/// Names and values as a form or a query holds them. A list repeats its name.
public struct FormFields: FieldValue, Hashable {
    /// A name with its value.
    public struct Pair: Sendable, Hashable {
        /// As it is before it is encoded.
        public let name: String
        /// As it is before it is encoded.
        public let value: String

        /// A pair.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// In order; names may be repeated.
    public let pairs: [Pair]

    /// Fields of these pairs.
    public init(pairs: [Pair] = []) {
        self.pairs = pairs
    }

    /// An object of texts, numbers and lists of them.
    public static var schema: Value {
        let single: Value = ["type": ["string", "number", "boolean"]]
        return ["type": "object", "additionalProperties": ["anyOf": [single, ["type": "array", "items": single]]]]
    }

    /// Reads an object; a list gives its name several times.
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

/// A body that is sent as it is: a string or binary data.
public struct BodyText: FieldValue {
    /// The text as a body.
    public let body: RequestBody

    /// A string.
    public static var schema: Value { ["type": "string"] }

    /// Reads a text.
    public init(field value: Value) throws(FieldError) {
        switch value {
        case .string(let text): body = .text(text)
        case .bytes(let bytes): body = .bytes(bytes)
        default:
            var error = FieldError.expected("a string or binary data", found: value)
            error.hint = "structured data goes under `json` or `form`"
            throw error
        }
    }
}
