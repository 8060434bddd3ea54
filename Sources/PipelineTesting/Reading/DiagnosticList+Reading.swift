import RunnelEngine
import RunnelKit
import RunnelSupport
import YAML

/// Reads values of a test file, and reports what is wrong with them.
extension DiagnosticList {
    mutating func text(_ node: YAMLNode?, _ key: String) -> String? {
        guard let node else { return nil }
        if let text = node.asString { return text }
        if refusesNull(node, key, expected: "a string") { return nil }
        error(
            TestErrorCode.wrongType, node, "`\(key)`: expected a string, found \(node.found)",
            hint: node.scalar == nil ? nil : "put it in quotes if it is meant as text")
        return nil
    }

    mutating func list(_ node: YAMLNode?, _ key: String) -> [YAMLNode]? {
        guard let node else { return nil }
        if let items = node.items { return items }
        if refusesNull(node, key, expected: "a list") { return nil }
        error(
            TestErrorCode.wrongType, node, "`\(key)`: expected a list, found \(node.found)",
            hint: node.pairs == nil ? nil : "begin each item with `- `")
        return nil
    }

    mutating func pairs(_ node: YAMLNode?, _ key: String) -> [(key: String, keyNode: YAMLNode, value: YAMLNode)] {
        guard let node, !node.isNull else { return [] }
        guard let pairs = node.pairs else {
            error(TestErrorCode.wrongType, node, "`\(key)`: expected keys and values, found \(node.found)")
            return []
        }
        return pairs.map { ($0.key.keyText, $0.key, $0.value) }
    }

    /// A list of texts, or one text. A number is taken as it is written.
    mutating func texts(_ node: YAMLNode, _ key: String) -> [String] {
        (node.items ?? [node]).compactMap { item in
            if refusesNull(item, key, expected: "a string") { return nil }
            if let scalar = item.scalar { return scalar.text }
            error(TestErrorCode.wrongType, item, "`\(key)`: expected a string, found \(item.found)")
            return nil
        }
    }

    /// A value of a type that knows how to read itself.
    mutating func field<Field: FieldValue>(_ type: Field.Type, _ node: YAMLNode?, _ key: String) -> Field? {
        guard let node else { return nil }
        do {
            return try Field(field: Value(node))
        } catch {
            self.error(
                reported: error.code ?? TestErrorCode.wrongValue.rawValue, node, "`\(key)`: \(error.message)",
                hint: error.hint)
            return nil
        }
    }

    /// Says that `word` is none of the known ones, and which was probably meant.
    mutating func unknown(_ what: String, _ word: String, _ node: YAMLNode, among known: [String], none: String) {
        let hint =
            Suggestion.hint(for: word, among: known)
            ?? (known.isEmpty ? none : "there are \(known.joined(separator: ", "))")
        error(TestErrorCode.unknownReference, node, "there is no \(what) \"\(word)\"", hint: hint)
    }
}

extension MappingReader {
    /// Of `keys`, those that are given. More than one is an error.
    func atMostOne(_ keys: [String], into diagnostics: inout DiagnosticList) -> String? {
        let given = keys.filter { self[$0] != nil }
        if given.count > 1 {
            diagnostics.error(
                TestErrorCode.badKeys, keyNode(given[1]), "\(what) takes only one of \(Quote.names(keys))")
        }
        return given.first
    }
}
