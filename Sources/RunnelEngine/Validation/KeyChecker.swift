import JSONSchema
import RunnelKit
import Synchronization
import YAML

/// Validates data of a file against field declarations, and reports errors at their positions.
struct KeyChecker {
    /// The owner of the keys: "http.fetch".
    let subject: String
    let schema: Value
    let problems: (_ key: String, _ value: Value) -> [FieldError]
    /// The default hint.
    let advice: String
    /// The key of the checked mapping, which begins the paths in messages; nil for those of a file or a `with:`.
    var key: String?
    /// Hints for unknown keys of the mapping itself, not of objects in it.
    var hints: [NameHint] = []
    /// Keys of the checked mapping whose values are checked elsewhere.
    var except: Set<String> = []

    /// Issues that the schema describes better than the fields: about keys, and words among others.
    private static let described: Set<String> = ["additionalProperties", "required", "enum"]

    /// - Parameters:
    ///   - node: The source node of `tree`; nil if it was not written.
    ///   - place: The position of missing keys if `node` is nil.
    func check(_ tree: TemplateTree, node: YAMLNode?, place: YAMLNode, into diagnostics: inout DiagnosticList) {
        let checked = CheckedSchema.of(schema)
        if let node { diagnostics.addSecrets(secrets(in: node, checked.place)) }
        let before = diagnostics.items.count
        let members: [(key: String, value: TemplateTree)] =
            switch tree {
            case .object(let members): members
            case .literal(.object(let object)): object.map { ($0.key, .literal($0.value)) }
            default: []
            }
        var knowledge: [InstancePath: PartialKnowledge] = [:]
        let value = tree.skeleton(path: InstancePath(), knowledge: &knowledge)
        let rules = checkRules(checked.rules?.objects(in: value) ?? [], node, place, into: &diagnostics)
        let issues = schemaIssues(checked.compiled, value, knowledge)
        let found = fieldProblems(members).filter { !rules.reported.contains($0.path) }
        let strangers = Strangers(issues, unmet: rules.unmet)
        for issue in issues {
            let path = issue.path.fieldPath
            let isNull = value.value(at: path)?.isNull == true
            let better = found.first { $0.path == path }
            if !Self.described.contains(issue.keyword), !isNull, let better, let node = node?[better.key] {
                report(better.problem, key: better.key, in: node, into: &diagnostics)
            } else if !strangers.explains(issue) {
                report(issue, strangers, better?.problem.hint, in: value, node, place, into: &diagnostics)
            }
        }
        guard let node else { return }
        let reported = issues.map(\.path.fieldPath)
        for (path, problem, key) in found {
            guard let node = node[key], !reported.contains(where: { path.starts(with: $0) || $0.starts(with: path) })
            else { continue }
            report(problem, key: key, in: node, into: &diagnostics)
        }
        guard diagnostics.items.count == before else { return }
        warnAboutLiterals(in: tree, checked.place, node, into: &diagnostics)
        guard !diagnostics.isStored else { return }
        // In templates they have been reported.
        if case .literal = tree { diagnostics.refuseNonFinite(in: node, except: except) }
        PlainScalarChecker(owner: key.map { "\($0)." } ?? "", except: except).check(node, schema, into: &diagnostics)
    }

    /// Reports objects whose keys do not go together.
    ///
    /// - Returns: The paths of these objects; and by object what is missing, where an unknown key may have been written
    ///   for it.
    private func checkRules(
        _ objects: [KeyRules.Object], _ node: YAMLNode?, _ place: YAMLNode, into diagnostics: inout DiagnosticList
    ) -> (reported: Set<[FieldError.PathElement]>, unmet: [[FieldError.PathElement]: String]) {
        var reported: Set<[FieldError.PathElement]> = []
        var unmet: [[FieldError.PathElement]: String] = [:]
        for object in objects {
            let (path, keys, declared) = (object.path, object.keys, object.rules.declared)
            let unknown = keys.filter { !declared.contains($0) }
            let meant = unknown.compactMap { Suggestion.closest(to: $0, among: declared) }
            let hasStrangers = object.rules.isClosed && meant.count < unknown.count
            for rule in object.rules.own {
                // A misspelled key is reported once, as such.
                guard let message = rule.violation(in: keys), rule.violation(in: keys.union(meant)) != nil
                else { continue }
                if hasStrangers, declared.contains(where: { rule.violation(in: keys.union([$0])) == nil }) {
                    unmet[path] = unmet[path] ?? message
                } else {
                    let owner = key.map { "\($0)." } ?? ""
                    let what = path.isEmpty ? subject : "`\(owner)\(FieldError("", path: path).place)`"
                    diagnostics.error(
                        PipelineErrorCode.badKeys, (node?.nearest(to: path) ?? place).firstKeyOrSelf,
                        "\(what): \(message)")
                    reported.insert(path)
                }
            }
        }
        return (reported, unmet)
    }

    /// What the fields say of literals: they know what a schema cannot say, and have better words for the rest.
    private func fieldProblems(
        _ members: [(key: String, value: TemplateTree)]
    ) -> [(path: [FieldError.PathElement], problem: FieldError, key: String)] {
        members.flatMap { key, tree -> [(path: [FieldError.PathElement], problem: FieldError, key: String)] in
            guard let literal = tree.literal else { return [] }
            return problems(key, literal).map { ([.key(key)] + $0.path, $0, key) }
        }
    }

    private func warnAboutLiterals(
        in tree: TemplateTree, _ place: SchemaPlace, _ node: YAMLNode, into diagnostics: inout DiagnosticList
    ) {
        for path in literalSecrets(in: tree, place) {
            diagnostics.warning(
                PipelineErrorCode.literalSecret, node.nearest(to: path),
                "`\(FieldError("", path: path).place)` is a literal in the file",
                hint: "use `{{ secrets.NAME }}`, so that the file can be shared")
        }
    }

    /// Finds values that may be secrets by the schema:
    /// - values whose schema is `writeOnly`,
    /// - a scalar or list where the schema has a mapping with a `writeOnly` key,
    /// - values of unknown keys in such a mapping, unless the key is close to a known key that is not `writeOnly`.
    ///
    /// - Parameter members: Returns the members of a mapping or list; none for a scalar.
    private func secrets<Part>(
        in part: Part, _ place: SchemaPlace, at path: [FieldError.PathElement] = [],
        members: (Part) -> [(FieldError.PathElement, Part)]
    ) -> [(path: [FieldError.PathElement], part: Part, isDeclared: Bool)] {
        let secret = place.secretKeys
        var found: [(path: [FieldError.PathElement], part: Part, isDeclared: Bool)] = []
        if place.isSecret { found.append((path, part, true)) }
        let inside = members(part)
        var isMapping = false
        for (element, member) in inside {
            let inner: SchemaPlace?
            switch element {
            case .key(let key):
                isMapping = true
                inner = place[key]
                if !place.accepts(key), !secret.isEmpty {
                    let meant = Suggestion.closest(to: key, among: place.keys)
                    if meant.map({ secret.contains($0) }) ?? true { found.append((path + [element], member, false)) }
                }
            case .index(let index): inner = place[index]
            }
            if let inner { found += secrets(in: member, inner, at: path + [element], members: members) }
        }
        if !isMapping, inside.isEmpty || place[0] == nil, !secret.isEmpty { found.append((path, part, false)) }
        return found
    }

    /// The nodes that may be secrets by the schema.
    private func secrets(in node: YAMLNode, _ place: SchemaPlace) -> [YAMLNode] {
        secrets(in: node, place) { (node: YAMLNode) -> [(FieldError.PathElement, YAMLNode)] in
            switch node.content {
            case .mapping(let pairs): pairs.map { (.key($0.key.keyText), $0.value) }
            case .sequence(let items): items.enumerated().map { (.index($0.offset), $0.element) }
            case .scalar: []
            }
        }.map(\.part)
    }

    /// The paths of secrets that are literals in the file.
    private func literalSecrets(in tree: TemplateTree, _ place: SchemaPlace) -> [[FieldError.PathElement]] {
        let found = secrets(in: tree, place) { (tree: TemplateTree) -> [(FieldError.PathElement, TemplateTree)] in
            switch tree {
            case .literal(.object(let object)): object.map { (.key($0.key), .literal($0.value)) }
            case .object(let members): members.map { (.key($0.key), $0.value) }
            case .literal(.list(let items)): items.enumerated().map { (.index($0.offset), .literal($0.element)) }
            case .list(let items): items.enumerated().map { (.index($0.offset), $0.element) }
            case .literal, .template: []
            }
        }
        return found.filter { secret in
            guard secret.isDeclared, case .literal(.string(let text)) = secret.part else { return false }
            return !text.isEmpty
        }.map(\.path)
    }

    private func schemaIssues(
        _ compiled: JSONSchema?, _ value: Value, _ knowledge: [InstancePath: PartialKnowledge]
    ) -> [SchemaIssue] {
        guard let compiled else { return [] }
        let issues = compiled.validate(value) { knowledge[$0] ?? .known }
        // A wrong type makes all other issues of a value irrelevant.
        let wrongKinds = Set(issues.filter { $0.keyword == "type" }.map(\.path))
        return issues.filter { $0.keyword == "type" || !wrongKinds.contains($0.path) }
    }

    private func report(
        _ problem: FieldError, key: String, in node: YAMLNode, into diagnostics: inout DiagnosticList
    ) {
        guard let owner = self.key else { return diagnostics.fieldError(problem, key: key, in: node) }
        diagnostics.fieldError(problem, key: "\(owner).\(key)", in: node)
    }

    /// - Parameter fieldHint: The hint of the field's own error at the same place, for a missing key.
    private func report(
        _ issue: SchemaIssue, _ strangers: Strangers, _ fieldHint: String?, in value: Value, _ node: YAMLNode?,
        _ place: YAMLNode, into diagnostics: inout DiagnosticList
    ) {
        let found = node?.nearest(to: issue.path.fieldPath) ?? place
        let owner = key.map { issue.path.elements.isEmpty ? "" : "\($0)." } ?? ""
        let path = issue.path.elements.isEmpty ? "" : "`\(owner)\(issue.path)`: "
        let suggestion = issue.hint
        switch issue.keyword {
        case "additionalProperties":
            let key = issue.key ?? ""
            diagnostics.error(
                PipelineErrorCode.unknownKey, found.keyNode(for: key) ?? found,
                "\(path)\(subject) has no key \"\(key)\"", hint: hint(forUnknown: key, issue, suggestion, strangers))
        case "required":
            let missing = issue.key ?? ""
            let similar = similar(to: missing, at: issue.path.fieldPath, in: value)
            let key = similar.flatMap { found.keyNode(for: $0) }
            diagnostics.error(
                PipelineErrorCode.missingKey, node == nil ? place : key ?? found.firstKeyOrSelf,
                "\(path)\(subject) needs the key \"\(missing)\"",
                hint: similar.map { "you wrote \"\($0)\"" } ?? fieldHint ?? advice(at: issue.path.fieldPath))
        case _ where value.value(at: issue.path.fieldPath)?.isNull == true:
            diagnostics.error(PipelineErrorCode.emptyValue, found, path + issue.message, hint: YAMLNode.nullHint)
        default:
            // The suggestion is the hint, so that it is not said twice.
            let message = suggestion.map { issue.message.replacing("; \($0)", with: "") } ?? issue.message
            diagnostics.error(
                PipelineErrorCode.wrongValue, found, path + message, hint: suggestion ?? found.typeHint(for: message))
        }
    }

    private func hint(
        forUnknown key: String, _ issue: SchemaIssue, _ suggestion: String?, _ strangers: Strangers
    ) -> String {
        let isOutermost = issue.path.elements.isEmpty
        if isOutermost, let hint = hints.hint(for: key) { return hint }
        if let slip = LookalikeHint.key(in: key) ?? suggestion { return slip }
        if let missing = strangers.missing(for: issue) { return "it needs \"\(missing)\"; did you mean that?" }
        if let unmet = strangers.unmet[issue.path.fieldPath] { return unmet }
        return advice(at: issue.path.fieldPath)
    }

    /// A key of the object that is close to the missing one, where an open schema lets unknown keys pass.
    private func similar(to key: String, at path: [FieldError.PathElement], in value: Value) -> String? {
        let declared = keys(at: path)
        let written = value.value(at: path)?.asObject?.keys ?? []
        return Suggestion.closest(to: key, among: written.filter { !declared.contains($0) })
    }

    /// The default hint for the object at `path`.
    private func advice(at path: [FieldError.PathElement]) -> String {
        let keys = path.isEmpty ? [] : self.keys(at: path)
        return keys.isEmpty ? advice : "its keys are \(keys.joined(separator: ", "))"
    }

    /// The keys that the schema declares for the object at `path`.
    private func keys(at path: [FieldError.PathElement]) -> [String] {
        var schema = schema as Value?
        for element in path {
            switch element {
            case .key(let key): schema = schema?["properties"]?[key] ?? schema?["additionalProperties"]
            case .index: schema = schema?["items"]
            }
        }
        return schema?["properties"]?.asObject?.keys ?? []
    }
}

/// Unknown keys that stand where others are missing: one slip, which is reported once.
private struct Strangers {
    /// By object: the missing keys, and the unknown ones with what they could be.
    private var missing: [InstancePath: [String]] = [:]
    private var unknown: [InstancePath: [(key: String, suggestion: String?)]] = [:]
    /// By object: the rule across keys that an unknown key may have been written for: `"path" or "glob" is required`.
    let unmet: [[FieldError.PathElement]: String]

    init(_ issues: [SchemaIssue], unmet: [[FieldError.PathElement]: String]) {
        self.unmet = unmet
        for issue in issues {
            guard let key = issue.key else { continue }
            if issue.keyword == "required" { missing[issue.path, default: []].append(key) }
            if issue.keyword == "additionalProperties" {
                unknown[issue.path, default: []].append((key, issue.suggestion))
            }
        }
    }

    /// Whether the issue is a missing key that an unknown one stands for.
    func explains(_ issue: SchemaIssue) -> Bool {
        guard issue.keyword == "required", let unknown = unknown[issue.path] else { return false }
        return unknown.contains { $0.suggestion == issue.key }
            || unknown.count == 1 && unknown[0].suggestion == nil && missing[issue.path]?.count == 1
    }

    /// The key that an unknown one without suggestion stands for.
    func missing(for issue: SchemaIssue) -> String? {
        guard let unknown = unknown[issue.path], unknown.count == 1, let missing = missing[issue.path] else {
            return nil
        }
        return missing.count == 1 ? missing[0] : nil
    }
}

/// The rules over keys in a schema, as ``FieldGroup`` writes them into `allOf`, of an object and of what it contains.
///
/// They are checked apart from the schema, because its messages name one of the keys that could be there.
private final class KeyRules: Sendable {
    /// An object of a value, with its rules.
    struct Object {
        let path: [FieldError.PathElement]
        let keys: Set<String>
        let rules: KeyRules
    }

    /// The rules of the object itself.
    let own: [FieldRule]
    /// Its known keys.
    let declared: [String]
    /// Whether other keys are errors.
    let isClosed: Bool
    private let members: [String: KeyRules]
    private let others: KeyRules?
    private let items: KeyRules?

    /// nil for a schema without rules at any depth.
    init?(_ schema: Value) {
        let object = Self.alternative(of: schema).flatMap { schema["anyOf"]?[$0] } ?? schema
        let properties = object["properties"]?.asObject ?? [:]
        own = (object["allOf"]?.asList ?? []).compactMap { FieldRule(schema: $0) }
        declared = properties.keys
        isClosed = object["additionalProperties"] == false
        members = Dictionary(
            properties.compactMap { key, schema in KeyRules(schema).map { (key, $0) } }, uniquingKeysWith: { $1 })
        others = Self.others(of: object).flatMap { KeyRules($0) }
        items = Self.items(of: object).flatMap { KeyRules($0) }
        if own.isEmpty, members.isEmpty, others == nil, items == nil { return nil }
    }

    /// The objects of a value that have rules, outermost first. Includes the outermost value even if it is no object.
    func objects(in value: Value, at path: [FieldError.PathElement] = []) -> [Object] {
        var found: [Object] = []
        if !own.isEmpty, path.isEmpty || value.asObject != nil {
            found.append(Object(path: path, keys: Set(value.asObject?.keys ?? []), rules: self))
        }
        for (key, member) in value.asObject ?? [:] {
            guard let inner = declared.contains(key) ? members[key] : others else { continue }
            found += inner.objects(in: member, at: path + [.key(key)])
        }
        if let items {
            for (index, item) in (value.asList ?? []).enumerated() {
                found += items.objects(in: item, at: path + [.index(index)])
            }
        }
        return found
    }

    /// The schema without the rules of the same objects.
    static func removed(from schema: Value) -> Value {
        guard var object = schema.asObject else { return schema }
        if let parts = object["allOf"]?.asList {
            let others = parts.filter { FieldRule(schema: $0) == nil }
            object["allOf"] = others.isEmpty ? nil : .list(others)
        }
        if let properties = object["properties"]?.asObject {
            object["properties"] = .object(ValueObject(properties.map { ($0.key, removed(from: $0.value)) }))
        }
        if let others = others(of: schema) { object["additionalProperties"] = removed(from: others) }
        if let items = items(of: schema) { object["items"] = removed(from: items) }
        if let index = alternative(of: schema), var choices = object["anyOf"]?.asList {
            choices[index] = removed(from: choices[index])
            object["anyOf"] = .list(choices)
        }
        return .object(object)
    }

    /// The place of the only schema in `anyOf` that has keys of its own.
    private static func alternative(of schema: Value) -> Int? {
        let choices = schema["anyOf"]?.asList ?? []
        let withKeys = choices.indices.filter { choices[$0]["properties"] != nil }
        return withKeys.count == 1 ? withKeys[0] : nil
    }

    /// The schema of all keys that are not declared; nil where there are several.
    private static func others(of schema: Value) -> Value? {
        schema["patternProperties"] == nil ? schema["additionalProperties"] : nil
    }

    /// The schema of all items; nil where there are several.
    private static func items(of schema: Value) -> Value? {
        schema["prefixItems"] == nil ? schema["items"] : nil
    }
}

/// A compiled schema. Cached, because compiling takes a hundred times as long as checking the values of a pipeline.
private struct CheckedSchema: Sendable {
    /// Without the ``rules``; nil for an invalid schema.
    let compiled: JSONSchema?
    /// nil if there are none.
    let rules: KeyRules?
    let place: SchemaPlace

    private static let maximum = 256
    private static let known = Mutex<[Value: CheckedSchema]>([:])

    static func of(_ schema: Value) -> CheckedSchema {
        if let checked = known.withLock({ $0[schema] }) { return checked }
        let checked = CheckedSchema(
            compiled: try? JSONSchema(KeyRules.removed(from: schema)), rules: KeyRules(schema),
            place: SchemaPlace(schema))
        known.withLock { known in
            if known.count >= maximum { known.removeAll() }
            known[schema] = checked
        }
        return checked
    }
}
