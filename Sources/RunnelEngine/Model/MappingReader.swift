import RunnelKit
import YAML

/// Reads a mapping of which all keys are known beforehand, and says what is unknown, missing or of the wrong kind.
struct MappingReader {
    let node: YAMLNode
    /// What the mapping describes: "a step".
    let what: String
    private let pairs: [String: YAMLPair]

    /// nil when the node is no mapping, which is then an error.
    init?(_ node: YAMLNode, _ what: String, keys known: [String], into diagnostics: inout DiagnosticList) {
        guard case .mapping(let pairs) = node.content else {
            diagnostics.error(
                "wrong-type", node, "\(what) is written as keys and values, found \(node.found)")
            return nil
        }
        self.node = node
        self.what = what
        var byKey: [String: YAMLPair] = [:]
        for pair in pairs {
            let key = pair.key.keyText
            if known.contains(key) {
                byKey[key] = pair
            } else {
                let closest = Suggestion.closest(to: key, among: known)
                diagnostics.error(
                    "unknown-key", pair.key, "\(what) has no key \"\(key)\"",
                    hint: closest.map { "did you mean \"\($0)\"?" } ?? "it knows \(known.joined(separator: ", "))")
            }
        }
        self.pairs = byKey
    }

    /// The value of `key`, also a null: a key that is written is given.
    subscript(key: String) -> YAMLNode? { pairs[key]?.value }

    /// The value of `key`; nil when it is missing or null, which is an empty section: one with no keys in it.
    func section(_ key: String) -> YAMLNode? { self[key].flatMap { $0.isNull ? nil : $0 } }

    func keyNode(_ key: String) -> YAMLNode? { pairs[key]?.key }

    /// A string that has to be there.
    func requiredString(_ key: String, example: String, into diagnostics: inout DiagnosticList) -> YAMLNode? {
        guard let value = section(key) else {
            diagnostics.error(
                "missing-key", pairs[key]?.key ?? node.firstKeyOrSelf, "\(what) needs the key \"\(key)\"",
                hint: "write `\(key): \(example)`")
            return nil
        }
        return string(value, key, into: &diagnostics) == nil ? nil : value
    }

    func string(_ key: String, into diagnostics: inout DiagnosticList) -> String? {
        self[key].flatMap { string($0, key, into: &diagnostics) }
    }

    private func string(_ value: YAMLNode, _ key: String, into diagnostics: inout DiagnosticList) -> String? {
        if let text = Value(value).asString { return text }
        guard !diagnostics.refusesNull(value, key, expected: "a string") else { return nil }
        diagnostics.error(
            "wrong-type", value, "`\(key)`: expected a string, found \(value.found)",
            hint: value.isScalar ? "put it in quotes if it is meant as text" : nil)
        return nil
    }

    /// The items of a list.
    func list(_ key: String, into diagnostics: inout DiagnosticList) -> [YAMLNode]? {
        guard let value = self[key] else { return nil }
        if case .sequence(let items) = value.content { return items }
        guard !diagnostics.refusesNull(value, key, expected: "a list") else { return nil }
        diagnostics.error("wrong-type", value, "`\(key)`: expected a list, found \(value.found)")
        return nil
    }

    /// A value of a type that knows how to read itself.
    func field<Field: FieldValue>(_ type: Field.Type, _ key: String, into diagnostics: inout DiagnosticList) -> Field? {
        guard let value = self[key] else { return nil }
        do {
            return try Field(field: Value(value))
        } catch {
            diagnostics.fieldError(error, key: key, in: value)
            return nil
        }
    }
}

extension DiagnosticList {
    /// Whether the value is null, which is then an error.
    mutating func refusesNull(_ value: YAMLNode, _ key: String, expected: String) -> Bool {
        guard value.isNull else { return false }
        error("empty-value", value, "`\(key)`: expected \(expected), found null", hint: YAMLNode.nullHint)
        return true
    }

    /// What a field had to say of its value, at the place the error leads to.
    mutating func fieldError(_ problem: FieldError, key: String, in node: YAMLNode) {
        let place = node.nearest(to: problem.path)
        let message = "`\(problem.under(.key(key)).place)`: \(problem.message)"
        let code = problem.code ?? "wrong-value"
        if let offset = problem.utf8Offset {
            error(code, in: place, utf8Range: offset..<offset + 1, message, hint: problem.hint)
        } else {
            error(code, place, message, hint: problem.hint ?? (place.isNull ? YAMLNode.nullHint : nil))
        }
    }
}

extension YAMLNode {
    /// What to do about a null that cannot stand where it does.
    static let nullHint = "leave it out, or give it a value"

    var isScalar: Bool {
        if case .scalar = content { true } else { false }
    }

    /// The node as the second half of "expected …, found …".
    var found: String {
        switch Value(self) {
        case .null: "null"
        case .list: "a list"
        case .object: "keys and values"
        case let value: value.quoted()
        }
    }

    /// The first key of a mapping: a better place for a caret than all of its lines.
    var firstKeyOrSelf: YAMLNode {
        if case .mapping(let pairs) = content, let first = pairs.first { first.key } else { self }
    }
}
