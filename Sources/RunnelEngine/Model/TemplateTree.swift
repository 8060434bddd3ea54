public import RunnelKit
public import Templates
public import YAML

/// Data from a pipeline file in which strings may be templates.
public indirect enum TemplateTree: Sendable {
    case literal(Value)
    case template(Template, YAMLNode)
    case list([TemplateTree])
    case object([(key: String, value: TemplateTree)])

    /// All templates, with the scalars they stand in.
    public var templates: [(template: Template, node: YAMLNode)] {
        switch self {
        case .literal: []
        case .template(let template, let node): [(template, node)]
        case .list(let items): items.flatMap(\.templates)
        case .object(let members): members.flatMap(\.value.templates)
        }
    }

    /// The data with everything rendered.
    public func render(_ scope: any TemplateScope) throws(PlacedTemplateFailure) -> Value {
        switch self {
        case .literal(let value): return value
        case .template(let template, let node):
            do {
                return try template.render(scope)
            } catch {
                throw PlacedTemplateFailure(failure: error, node: node)
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
    /// The failure of the expression that gave the null which `error` is about; `error` itself where it is about
    /// something else, or the null was written out.
    ///
    /// - Parameters:
    ///   - error: Of a step or trigger that read what this tree was rendered to.
    ///   - fallback: What a template can write for a null of this kind.
    func attributing(_ error: StepError, fallback: String = #""…""#) -> any Error {
        guard error.code == "empty-value", let (template, node, isWhole) = template(at: error.field[...]),
            let (text, range) = template.singleExpression
        else { return error }
        let source = isWhole ? "the value of `\(text)`" : "which is in the value of `\(text)`"
        let advice =
            isWhole
            ? "write `| default(\(fallback))` behind it if it may be missing"
            : "give it a value, or leave it out, where `\(text)` comes from"
        return PlacedTemplateFailure(
            failure: TemplateFailure(
                "empty-value", "\(error.message), \(source)", range, hint: advice),
            node: node)
    }

    /// The template that `path` leads to or into, and whether to it as a whole.
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

/// A template that could not be rendered, and the scalar it stands in.
public struct PlacedTemplateFailure: Error, CustomStringConvertible {
    public let failure: TemplateFailure
    public let node: YAMLNode

    public var description: String {
        let place = "line \(node.range.start.line): \(failure.message)"
        return failure.hint.map { "\(place); \($0)" } ?? place
    }
}

extension TemplateTree {
    /// Parses every string in `node`. What is wrong is collected; a broken template counts as an empty one.
    init(_ node: YAMLNode, environment: TemplateEnvironment, into diagnostics: inout DiagnosticList) {
        switch node.content {
        case .scalar(let scalar):
            guard case .string(let text) = scalar.value,
                let template = Template.parse(text, node, environment, &diagnostics)
            else {
                self = .literal(Value(node))
                return
            }
            self = template.isLiteral ? .literal(Value(node)) : .template(template, node)
        case .sequence(let items):
            self = .list(items.map { TemplateTree($0, environment: environment, into: &diagnostics) })
        case .mapping(let pairs):
            // To YAML, `{{ x }}` without quotes is a mapping whose key is a mapping.
            if let pair = pairs.first(where: { !$0.key.isScalar }) {
                diagnostics.error(
                    "unquoted-template", node, "a key has to be a text, found \(pair.key.found)",
                    hint: "put a template in quotes: \"{{ … }}\"")
                self = .literal(.null)
                return
            }
            self = .object(
                pairs.map { ($0.key.keyText, TemplateTree($0.value, environment: environment, into: &diagnostics)) })
        }
    }
}

extension Template {
    /// Parses `text` of the scalar `node` and says what is wrong at its place in the file.
    fileprivate static func parse(
        _ text: String, _ node: YAMLNode, _ environment: TemplateEnvironment, _ diagnostics: inout DiagnosticList
    ) -> Template? {
        let (template, issues) = Template.parse(text, environment: environment)
        for issue in issues {
            diagnostics.error(issue.code, in: node, utf8Range: issue.utf8Range, issue.message, hint: issue.hint)
        }
        return template
    }
}

extension TemplateTree {
    /// Whether no rendering can make a list of it.
    var isSurelyNoList: Bool {
        switch self {
        case .literal(let value): value.asList == nil
        case .object: true
        case .list, .template: false
        }
    }
}
