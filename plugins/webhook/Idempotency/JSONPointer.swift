internal import RunnelKit

/// A place in a JSON document (RFC 6901): `/data/id`, `/items/0`.
struct JSONPointer: FieldValue, Hashable {
    let text: String
    private let tokens: [String]

    static var schema: Value { ["type": "string", "pattern": "^(/([^~/]|~[01])*)+$", "examples": ["/data/id"]] }

    init?(_ text: String) {
        guard text.hasPrefix("/") else { return nil }
        var tokens: [String] = []
        for token in text.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            let escapes = token.split(separator: "~", omittingEmptySubsequences: false).dropFirst()
            guard escapes.allSatisfy({ $0.first == "0" || $0.first == "1" }) else { return nil }
            tokens.append(String(token).replacing("~1", with: "/").replacing("~0", with: "~"))
        }
        self.text = text
        self.tokens = tokens
    }

    init(field value: Value) throws(FieldError) {
        guard let text = value.asString, let pointer = JSONPointer(text) else {
            throw .expected("a JSON pointer such as \"/id\" or \"/data/id\"", found: value)
        }
        self = pointer
    }

    /// What stands there; nil where there is no such place.
    func value(in document: Value) -> Value? {
        tokens.reduce(document as Value?) { found, token in
            switch found {
            case .object(let object): object[token]
            case .list(let items): Self.index(token).flatMap { items.indices.contains($0) ? items[$0] : nil }
            default: nil
            }
        }
    }

    private static func index(_ token: String) -> Int? {
        guard token.utf8.allSatisfy({ (0x30...0x39).contains($0) }), token == "0" || !token.hasPrefix("0") else {
            return nil
        }
        return Int(token)
    }
}
