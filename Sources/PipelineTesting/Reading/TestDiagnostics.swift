import RunnelEngine
import RunnelKit
import YAML

/// Collects what is to be said about a test file, and reads values while saying what is wrong with them.
struct TestDiagnostics {
    let file: String
    private(set) var items: [Diagnostic] = []

    init(file: String) {
        self.file = file
    }

    mutating func error(_ code: TestErrorCode, _ node: YAMLNode?, _ message: String, hint: String? = nil) {
        error(reported: code.rawValue, node, message, hint: hint)
    }

    /// Adds an error whose code comes from elsewhere, such as from a field.
    mutating func error(reported: String, _ node: YAMLNode?, _ message: String, hint: String? = nil) {
        items.append(Diagnostic(reported: reported, file: file, range: node?.range, message, hint: hint))
    }

    mutating func text(_ node: YAMLNode?, _ key: String) -> String? {
        guard let node else { return nil }
        if let text = node.asString { return text }
        if isNull(node, key, "a string") { return nil }
        error(
            TestErrorCode.wrongType, node, "`\(key)`: expected a string, found \(node.found)",
            hint: node.scalar == nil ? nil : "put it in quotes if it is meant as text")
        return nil
    }

    /// Whether the value is null, which is then an error.
    private mutating func isNull(_ node: YAMLNode, _ key: String, _ expected: String) -> Bool {
        guard node.isNull else { return false }
        error(
            TestErrorCode.emptyValue, node, "`\(key)`: expected \(expected), found null",
            hint: "remove it, or give it a value")
        return true
    }

    mutating func list(_ node: YAMLNode?, _ key: String) -> [YAMLNode]? {
        guard let node else { return nil }
        if let items = node.items { return items }
        if isNull(node, key, "a list") { return nil }
        error(TestErrorCode.wrongType, node, "`\(key)`: expected a list, found \(node.found)")
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
            if isNull(item, key, "a string") { return nil }
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
        let closest = Suggestion.closest(to: word, among: known)
        let hint =
            closest.map { "did you mean \"\($0)\"?" }
            ?? (known.isEmpty ? none : "there are \(known.joined(separator: ", "))")
        error(TestErrorCode.unknownReference, node, "there is no \(what) \"\(word)\"", hint: hint)
    }
}

extension YAMLNode {
    /// The text of a key as it was written.
    var keyText: String { scalar?.text ?? Value(self).json() }

    /// The node as the second half of "expected …, found …".
    var found: String {
        switch Value(self) {
        case .null: "nothing"
        case .list: "a list"
        case .object: "keys and values"
        case let value: value.quoted()
        }
    }

    /// The first key of a mapping: a better place for a caret than all of its lines.
    var firstKeyOrSelf: YAMLNode { pairs?.first?.key ?? self }
}

/// A mapping of which all keys are known beforehand.
struct TestKeys {
    let node: YAMLNode
    let what: String
    private let byKey: [String: YAMLPair]
    /// The known keys that unknown ones stand for.
    private let meant: Set<String>

    /// nil when the node is no mapping, which is then an error. So is every unknown key.
    ///
    /// - Parameter what: What the mapping describes: "a test".
    init?(_ node: YAMLNode, _ what: String, _ known: [String], into diagnostics: inout TestDiagnostics) {
        guard let pairs = node.pairs else {
            diagnostics.error(
                TestErrorCode.wrongType, node, "\(what) is written as keys and values, found \(node.found)")
            return nil
        }
        self.node = node
        self.what = what
        var byKey: [String: YAMLPair] = [:]
        var meant: Set<String> = []
        for pair in pairs {
            let key = pair.key.keyText
            guard !known.contains(key) else {
                byKey[key] = pair
                continue
            }
            let closest = Suggestion.closest(to: key, among: known)
            if let closest { meant.insert(closest) }
            diagnostics.error(
                TestErrorCode.unknownKey, pair.key, "\(what) has no key \"\(key)\"",
                hint: closest.map { "did you mean \"\($0)\"?" } ?? "it knows \(known.joined(separator: ", "))")
        }
        self.byKey = byKey
        self.meant = meant
    }

    /// The value of `key`, also a null: a key that is written is given.
    subscript(key: String) -> YAMLNode? { byKey[key]?.value }

    /// Whether the key is missing because another, unknown one was written for it.
    func isMisspelled(_ key: String) -> Bool { byKey[key] == nil && meant.contains(key) }

    func keyNode(_ key: String) -> YAMLNode? { byKey[key]?.key }

    /// Of `keys`, those that are given. More than one is an error.
    func atMostOne(_ keys: [String], into diagnostics: inout TestDiagnostics) -> String? {
        let given = keys.filter { self[$0] != nil }
        if given.count > 1 {
            diagnostics.error(
                TestErrorCode.badKeys, keyNode(given[1]),
                "\(what) takes only one of \(keys.map { "`\($0)`" }.joined(separator: ", "))")
        }
        return given.first
    }
}
