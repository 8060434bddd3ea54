import JSONSchema
public import RunnelKit
public import Templates
public import YAML

/// Data from a pipeline file whose strings may be templates.
public indirect enum TemplateTree: Sendable {
    case literal(Value)
    case template(Template, YAMLNode)
    case list([TemplateTree])
    case object([(key: String, value: TemplateTree)])

    /// All templates, with their scalars.
    public var templates: [(template: Template, node: YAMLNode)] {
        switch self {
        case .literal: []
        case .template(let template, let node): [(template, node)]
        case .list(let items): items.flatMap(\.templates)
        case .object(let members): members.flatMap(\.value.templates)
        }
    }

    /// Renders all templates.
    public func render(_ scope: any TemplateScope) throws(LocatedTemplateError) -> Value {
        switch self {
        case .literal(let value): return value
        case .template(let template, let node):
            do {
                return try template.render(scope)
            } catch {
                throw LocatedTemplateError(failure: error, node: node)
            }
        case .list(let items):
            var values: [Value] = []
            for item in items { values.append(try item.render(scope)) }
            return .list(values)
        case .object(let members):
            var object = ValueObject()
            for (key, value) in members { object[key] = try value.render(scope) }
            return .object(object)
        }
    }
}

extension TemplateTree {
    /// The error of the expression that produced the null reported by `error`; `error` itself if it has another cause,
    /// or the null is literal.
    ///
    /// - Parameters:
    ///   - error: The error of a step or trigger that decoded the rendered tree.
    ///   - fallback: The suggested default for a null of this type.
    func attributing(_ error: StepError, fallback: String = #""…""#) -> any Error {
        guard error.has(.emptyValue), let (template, node, isWhole) = template(at: error.field[...]),
            let (text, range) = template.singleExpression
        else { return error }
        let source = isWhole ? "the value of `\(text)`" : "which is in the value of `\(text)`"
        let advice =
            isWhole
            ? "add `| default(\(fallback))` if it may be missing"
            : "give it a value, or leave it out, where `\(text)` comes from"
        return LocatedTemplateError(
            failure: TemplateFailure(
                PipelineErrorCode.emptyValue, "\(error.message), \(source)", range, hint: advice),
            node: node)
    }

    /// The template at or above `path`, and whether it is exactly at it.
    private func template(
        at path: ArraySlice<FieldError.PathElement>
    ) -> (template: Template, node: YAMLNode, isWhole: Bool)? {
        switch (self, path.first) {
        case (.template(let template, let node), _): (template, node, path.isEmpty)
        case (.list(let items), .index(let index)?) where items.indices.contains(index):
            items[index].template(at: path.dropFirst())
        case (.object(let members), .key(let key)?):
            members.first { $0.key == key }?.value.template(at: path.dropFirst())
        default: nil
        }
    }
}

extension TemplateTree {
    /// The keys whose text refers to anything but configuration, each with the literal text before its first expression.
    var dataKeys: [String: String] {
        guard case .object(let members) = self else { return [:] }
        let configuration: Set = ["secrets", "env", "vars", "run"]
        var keys: [String: String] = [:]
        for (key, member) in members {
            guard case .template(let template, _) = member,
                template.references.contains(where: { !configuration.contains($0.root) })
            else { continue }
            keys[key] = template.literalPrefix
        }
        return keys
    }
}

/// A template error with the scalar that contains the template.
public struct LocatedTemplateError: Error, CustomStringConvertible {
    package let failure: TemplateFailure
    package let node: YAMLNode

    /// The line, the message and the hint.
    public var description: String {
        let place = "line \(node.range.start.line): \(failure.message)"
        return failure.hint.map { "\(place); \($0)" } ?? place
    }
}

extension TemplateTree {
    /// Parses every string in `node`. Errors are collected; an invalid template counts as empty.
    init(_ node: YAMLNode, environment: TemplateEnvironment, into diagnostics: inout DiagnosticList) {
        switch node.content {
        case .scalar(let scalar):
            if diagnostics.refusesNonFinite(node) {
                self = Self.unknown(node, environment)
                return
            }
            guard case .string(let text) = scalar.value,
                let template = Template.parse(text, node, environment, &diagnostics)
            else {
                self = .literal(Value(node))
                return
            }
            if !template.isLiteral, text.contains("${{") {
                diagnostics.warning(
                    PipelineErrorCode.dollarTemplate, node, "the `$` before `{{` stays in the text",
                    hint: "write `{{ … }}`; `${{ … }}` is the form of GitHub Actions")
            }
            if text.contains("{#"), text.contains("#}"), !text.contains("% raw"), !text.contains("%- raw") {
                diagnostics.warning(
                    PipelineErrorCode.unrenderedTemplate, node, "`{# … #}` stays in the text",
                    hint: "write comments in YAML, after `#`; `{% raw %}` marks text that stays")
            }
            self = template.isLiteral ? .literal(.string(template.literalPrefix)) : .template(template, node)
        case .sequence(let items):
            self = .list(items.map { TemplateTree($0, environment: environment, into: &diagnostics) })
        case .mapping(let pairs):
            // YAML reads an unquoted `{{ x }}` as a mapping whose key is a mapping.
            if let pair = pairs.first(where: { !$0.key.isScalar }) {
                let isTemplate = pair.key.pairs != nil
                diagnostics.error(
                    PipelineErrorCode.unquotedTemplate, isTemplate ? node : pair.key,
                    "a key must be a text, found \(pair.key.found)",
                    hint: isTemplate ? "put a template in quotes: \"{{ … }}\"" : nil)
                self = Self.unknown(node, environment)
                return
            }
            self = .object(
                pairs.map { ($0.key.keyText, TemplateTree($0.value, environment: environment, into: &diagnostics)) })
        }
    }

    /// Stands in for an invalid value, so that no further errors are reported for it.
    private static func unknown(_ node: YAMLNode, _ environment: TemplateEnvironment) -> TemplateTree {
        .template(Template.parse("{{ input }}", environment: environment).template, node)
    }
}

extension Template {
    /// Parses `text` of the scalar `node` and reports errors at their position in the file.
    fileprivate static func parse(
        _ text: String, _ node: YAMLNode, _ environment: TemplateEnvironment, _ diagnostics: inout DiagnosticList
    ) -> Template? {
        let (template, issues) = Template.parse(text, environment: environment)
        for issue in issues {
            diagnostics.error(
                reported: issue.code, in: node, utf8Range: issue.utf8Range, issue.message, hint: issue.hint)
        }
        diagnostics.report(template.certainFailures, in: node)
        return template
    }
}

extension DiagnosticList {
    /// Warns of a template where none is rendered.
    mutating func warnOfTemplate(in node: YAMLNode?, _ what: String, hint: String) {
        guard let node, let text = Value(node).asString, text.contains("{{") || text.contains("{%") else { return }
        warning(
            PipelineErrorCode.unrenderedTemplate, node,
            "templates are not rendered in \(what); the text stays as it is",
            hint: hint)
    }
}

extension TemplateTree {
    /// Whether it can never render to a list.
    var isSurelyNoList: Bool {
        switch self {
        case .literal(let value): value.asList == nil
        case .object: true
        case .list: false
        case .template(let template, _): !template.isSingleExpression
        }
    }
}

extension TemplateTree {
    /// The data, if it contains no template.
    var literal: Value? {
        switch self {
        case .literal(let value): return value
        case .template: return nil
        case .list(let items):
            let values = items.compactMap(\.literal)
            return values.count == items.count ? .list(values) : nil
        case .object(let members):
            var object = ValueObject()
            for (key, value) in members {
                guard let value = value.literal else { return nil }
                object[key] = value
            }
            return .object(object)
        }
    }

    /// The text of a literal; of a template, its literal prefix and suffix with `…` between them.
    var text: String? {
        switch self {
        case .literal(let value): value.asString
        case .template(let template, _): template.literalPrefix + "…" + template.literalSuffix
        case .list, .object: nil
        }
    }

    /// The settings as a step or trigger can check them before anything is rendered.
    var partialSettings: PartialSettings {
        PartialSettings(filled: { filled(standIn: $0) }, knowledge: { knowledge(at: $0[...]) })
    }

    /// The data with a text in the place of each template.
    private func filled(standIn: String) -> Value {
        switch self {
        case .literal(let value): value
        case .template(let template, _): .string(template.literalPrefix + standIn + template.literalSuffix)
        case .list(let items): .list(items.map { $0.filled(standIn: standIn) })
        case .object(let members):
            .object(ValueObject(members.map { ($0.key, $0.value.filled(standIn: standIn)) }))
        }
    }

    private func knowledge(at path: ArraySlice<FieldError.PathElement>) -> PartialSettings.PartialKnowledge {
        switch (self, path.first) {
        case (.literal, _): .known
        case (.template, _): .unknown
        case (.list(let items), .index(let index)?) where items.indices.contains(index):
            items[index].knowledge(at: path.dropFirst())
        case (.object(let members), .key(let key)?):
            members.first { $0.key == key }?.value.knowledge(at: path.dropFirst()) ?? .known
        default: templates.isEmpty ? .known : .partly
        }
    }

    /// The data with a placeholder for each template, and the knowledge about those places.
    func skeleton(path: InstancePath, knowledge: inout [InstancePath: PartialKnowledge]) -> Value {
        switch self {
        case .literal(let value): return value
        // The value of this expression is known.
        case .template(let template, _) where template.singleExpression?.text == "null": return .null
        case .template(let template, _):
            knowledge[path] = template.isSingleExpression ? .unknown : .someString
            return .string("")
        case .list(let items):
            return .list(
                items.enumerated().map {
                    $0.element.skeleton(path: path.appending(.index($0.offset)), knowledge: &knowledge)
                })
        case .object(let members):
            return .object(
                ValueObject(
                    members.map {
                        ($0.key, $0.value.skeleton(path: path.appending(.key($0.key)), knowledge: &knowledge))
                    }))
        }
    }
}
