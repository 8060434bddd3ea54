import RunnelKit
package import YAML

/// Reads a mapping with a fixed set of keys, and reports unknown, missing and mistyped ones.
package struct MappingReader {
    package let node: YAMLNode
    /// The subject of the mapping for messages: "a step".
    package let what: String
    private let pairs: [String: YAMLPair]
    /// The known keys that unknown ones stand for; an empty text for a key of another tool.
    private let meant: Set<String>

    /// nil if the node is not a mapping, which is reported as an error.
    ///
    /// - Parameters:
    ///   - allowsExtensions: Whether keys that begin with `x-` are passed over: places for YAML anchors.
    ///   - hint: Returns a hint for an unknown key, such as a key of another tool; nil if there is none.
    package init?(
        _ node: YAMLNode, _ what: String, keys known: [String], allowsExtensions: Bool = false,
        hint: (_ key: String) -> String? = { _ in nil }, into diagnostics: inout DiagnosticList
    ) {
        guard case .mapping(let pairs) = node.content else {
            diagnostics.error(
                PipelineErrorCode.wrongType, node, "\(what) must be a mapping, found \(node.found)",
                hint: what.hasPrefix("the input ")
                    ? "write `{ type: … }`, or `{ default: … }`"
                    : Value(node).asString.flatMap { LookalikeHint.key(in: $0) })
            return nil
        }
        self.node = node
        self.what = what
        var byKey: [String: YAMLPair] = [:]
        var meant: Set<String> = []
        for pair in pairs {
            let key = pair.key.keyText
            if known.contains(key) {
                byKey[key] = pair
            } else if !(allowsExtensions && key.hasPrefix("x-")) {
                let counterpart = hint(key) ?? LookalikeHint.key(in: key)
                let closest = counterpart == nil ? Suggestion.closest(to: key, among: known) : nil
                if counterpart != nil { meant.insert("") } else if let closest { meant.insert(closest) }
                diagnostics.error(
                    PipelineErrorCode.unknownKey, pair.key, "\(what) has no key \"\(key)\"",
                    hint: counterpart ?? closest.map { "did you mean \"\($0)\"?" }
                        ?? "known keys: \(known.joined(separator: ", "))")
            }
        }
        self.pairs = byKey
        self.meant = meant
    }

    /// The value of `key`, also null: a key that is written is set.
    package subscript(key: String) -> YAMLNode? { pairs[key]?.value }

    /// The value of a section; nil if it is missing or null (empty).
    func section(_ key: String) -> YAMLNode? { self[key].flatMap { $0.isNull ? nil : $0 } }

    package func keyNode(_ key: String) -> YAMLNode? { pairs[key]?.key }

    /// Whether the key is missing because another, unknown one was written for it.
    package func isMisspelled(_ key: String) -> Bool { pairs[key] == nil && meant.contains(key) }

    /// Whether the mapping has a key that belongs to another tool.
    var isForeign: Bool { meant.contains("") }

    /// A required string.
    func requiredString(_ key: String, example: String, into diagnostics: inout DiagnosticList) -> YAMLNode? {
        guard let value = section(key) else {
            if isMisspelled(key) || isForeign { return nil }
            diagnostics.error(
                PipelineErrorCode.missingKey, pairs[key]?.key ?? node.firstKeyOrSelf,
                "\(what) needs the key \"\(key)\"",
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
        let message = "expected a string, found \(value.found)"
        diagnostics.error(
            PipelineErrorCode.wrongType, value, "`\(key)`: \(message)", hint: value.typeHint(for: message))
        return nil
    }

    /// The items of a list.
    func list(_ key: String, into diagnostics: inout DiagnosticList) -> [YAMLNode]? {
        guard let value = self[key] else { return nil }
        if case .sequence(let items) = value.content { return items }
        guard !diagnostics.refusesNull(value, key, expected: "a list") else { return nil }
        diagnostics.error(
            PipelineErrorCode.wrongType, value, "`\(key)`: expected a list, found \(value.found)",
            hint: value.isMapping ? "begin each item with `- `" : nil)
        return nil
    }

    /// A value of a `FieldValue` type.
    ///
    /// - Parameter hints: Hints for unknown keys of a group.
    func field<Field: FieldValue>(
        _ type: Field.Type, _ key: String, hints: [NameHint] = [], into diagnostics: inout DiagnosticList
    ) -> Field? {
        guard let value = self[key] else { return nil }
        if let group = type as? any FieldGroup.Type, Value(value).asObject != nil {
            let before = diagnostics.items.count
            checkKeys(of: group, key, value, hints, into: &diagnostics)
            guard diagnostics.items.count == before else { return nil }
        }
        do {
            return try Field(field: Value(value))
        } catch {
            diagnostics.fieldError(error, key: key, in: value)
            return nil
        }
    }

    /// Reports everything that is wrong with the keys of a group, each at its place.
    private func checkKeys<Group: FieldGroup>(
        of group: Group.Type, _ key: String, _ node: YAMLNode, _ hints: [NameHint],
        into diagnostics: inout DiagnosticList
    ) {
        KeyChecker(
            subject: "`\(key)`", schema: group.schema, problems: group.problems,
            advice: "its keys are \(group.fields.map(\.key).joined(separator: ", "))", key: key, hints: hints
        ).check(.literal(Value(node)), node: node, place: node, into: &diagnostics)
    }
}

extension DiagnosticList {
    /// Whether the value is null, which is reported as an error.
    package mutating func refusesNull(_ value: YAMLNode, _ key: String, expected: String) -> Bool {
        guard value.isNull else { return false }
        error(
            PipelineErrorCode.emptyValue, value, "`\(key)`: expected \(expected), found null", hint: YAMLNode.nullHint)
        return true
    }

    /// Whether the value is a number that JSON lacks, which is reported as an error.
    mutating func refusesNonFinite(_ value: YAMLNode) -> Bool {
        guard case .scalar(let scalar) = value.content, case .float(let number) = scalar.value, !number.isFinite else {
            return false
        }
        error(
            PipelineErrorCode.wrongValue, value, "the number \(value.found) cannot be written in JSON",
            hint: YAMLNode.quotesHint)
        return true
    }

    /// Reports the numbers in data that JSON lacks.
    ///
    /// - Parameter except: Keys of the outermost mapping whose values are checked elsewhere.
    package mutating func refuseNonFinite(in data: YAMLNode, except: Set<String> = []) {
        switch data.content {
        case .scalar: _ = refusesNonFinite(data)
        case .sequence(let items): for item in items { refuseNonFinite(in: item) }
        case .mapping(let pairs):
            for pair in pairs where !except.contains(pair.key.keyText) { refuseNonFinite(in: pair.value) }
        }
    }

    /// Reports an error of a field at the position of its path.
    mutating func fieldError(_ problem: FieldError, key: String, in node: YAMLNode) {
        let place = node.nearest(to: problem.path)
        let message = "`\(problem.under(.key(key)).place)`: \(problem.message)"
        let code = problem.code ?? PipelineErrorCode.wrongValue.rawValue
        let owner = (key.split(separator: ".").last ?? key[...])
        let hint =
            problem.hint
            ?? problem.form.map { form -> String in
                let name = if case .key(let name)? = problem.path.last { name } else { String(owner) }
                return "write `\(name): \(form)`"
            } ?? place.typeHint(for: problem.message)
        if let offset = problem.utf8Offset {
            error(reported: code, in: place, utf8Range: offset..<offset + 1, message, hint: hint)
        } else {
            error(reported: code, place, message, hint: hint ?? (place.isNull ? YAMLNode.nullHint : nil))
        }
    }
}

extension DiagnosticList {
    /// What the check of a whole group says: what several keys make wrong together.
    mutating func groupError(_ problem: FieldError, of subject: String, in node: YAMLNode) {
        let place = problem.path.isEmpty ? subject : "`\(problem.place)`"
        error(
            reported: problem.code ?? PipelineErrorCode.wrongValue.rawValue, node.nearest(to: problem.path),
            "\(place): \(problem.message)",
            hint: problem.hint)
    }
}

extension YAMLNode {
    /// The hint for a null that is not allowed.
    static let nullHint = "remove it, or give it a value"
    /// The hint for a scalar that YAML does not read as a string.
    static let quotesHint = "put it in quotes if it is meant as text"

    /// A hint for a number or boolean where a string is expected, and for a string such as `yes` where a boolean is
    /// expected; nil otherwise.
    ///
    /// - Parameter message: The error message about the node, such as `expected a string, found …`.
    func typeHint(for message: String) -> String? {
        if message.hasPrefix("expected a string"), isScalar, !isNull, asString == nil {
            return Self.quotesHint
        }
        guard message.hasPrefix("expected true or false"), let word = asString?.lowercased() else { return nil }
        if ["yes", "y", "on", "true"].contains(word) { return "write `true`" }
        return ["no", "n", "off", "false"].contains(word) ? "write `false`" : nil
    }

    var isMapping: Bool {
        if case .mapping = content { true } else { false }
    }

    var isScalar: Bool {
        if case .scalar = content { true } else { false }
    }

    /// The node for "expected …, found …".
    package var found: String {
        switch Value(self) {
        case .null: "null"
        case .list: "a list"
        case .object: "keys and values"
        case let value: value.quoted()
        }
    }

    /// The first key of a mapping, a better position for a caret than all its lines.
    package var firstKeyOrSelf: YAMLNode {
        if case .mapping(let pairs) = content, let first = pairs.first { first.key } else { self }
    }
}
