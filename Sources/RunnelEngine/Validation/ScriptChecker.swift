public import RunnelKit
import Templates
import YAML

/// Finds the scripts that a pipeline executes, and refuses templates that would become part of them (script injection).
struct ScriptChecker {
    let registry: StepRegistry

    func check(_ step: PipelineStep, _ definition: StepDefinition, into diagnostics: inout DiagnosticList) {
        for (path, tree) in definition.settings(in: step, ofFormat: ScriptText.format) {
            let key = FieldError("", path: path).place
            for (template, node) in tree.templates {
                let reference = template.references.first
                let written = reference.map { Self.path($0) } ?? "trigger.path"
                let name = Self.variable(reference)
                Self.report(
                    "`\(key)`: a template in a script would make its value part of the program (script injection)",
                    template, node,
                    hint: "pass it as a variable: `env: { \(name): \"{{ \(written) }}\" }`, and write \"$\(name)\" in "
                        + "the script; braces of the script itself stand between {% raw %} and {% endraw %}",
                    into: &diagnostics)
            }
        }
        for (path, tree) in definition.settings(in: step, ofFormat: ScriptVariables.format) {
            if case .template(let template, let node) = tree {
                let whole = template.references.first.map { Self.path($0) + ".name" } ?? "trigger.body.name"
                Self.report(
                    ScriptVariables.injectionOfNames(path, example: whole), template, node, into: &diagnostics)
            }
            guard case .object(let members) = tree else { continue }
            for (name, value) in members where ScriptVariables.isControlling(name) {
                for (template, node) in value.templates {
                    Self.report(
                        ScriptVariables.injection(into: name, path + [.key(name)]), template, node,
                        into: &diagnostics)
                }
            }
        }
    }

    /// The first step that executes a script of the file; nil for none.
    func firstScript(of pipeline: Pipeline) -> PipelineStep? {
        pipeline.allSteps.first { step in
            registry[step.uses].map { !$0.settings(in: step, ofFormat: ScriptText.format).isEmpty } ?? false
        }
    }

    private static func report(
        _ error: FieldError, _ template: Template, _ node: YAMLNode, into diagnostics: inout DiagnosticList
    ) {
        report("`\(error.place)`: \(error.message)", template, node, hint: error.hint, into: &diagnostics)
    }

    /// Reports the error at the first expression of the template.
    private static func report(
        _ message: String, _ template: Template, _ node: YAMLNode, hint: String?,
        into diagnostics: inout DiagnosticList
    ) {
        if let reference = template.references.first {
            diagnostics.error(
                PipelineErrorCode.scriptInjection, in: node, utf8Range: reference.utf8Range, message, hint: hint)
        } else {
            diagnostics.error(PipelineErrorCode.scriptInjection, node, message, hint: hint)
        }
    }

    private static func path(_ reference: Reference) -> String {
        reference.path.reduce(reference.root) { text, element in
            switch element {
            case .key(let key): text + "." + key
            case .index(let index): text + "[\(index)]"
            }
        }
    }

    /// The name of a variable for the value: `TITLE` for `trigger.body.title`.
    private static func variable(_ reference: Reference?) -> String {
        let last = reference?.path.reversed().lazy.compactMap { element in
            if case .key(let key) = element { key } else { nil }
        }.first
        let word = (last ?? reference?.root ?? "VALUE").uppercased()
        let name = word.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }
        return name.first?.isLetter ?? false ? String(name) : "V_" + String(name)
    }
}

extension StepDefinition {
    /// The settings of the step whose schema has this `format`, and templates whose values may hold such settings.
    fileprivate func settings(
        in step: PipelineStep, ofFormat format: String
    ) -> [(path: [FieldError.PathElement], tree: TemplateTree)] {
        step.with.settings(ofFormat: format, place, at: [])
    }
}

extension TemplateTree {
    fileprivate func settings(
        ofFormat format: String, _ place: SchemaPlace, at path: [FieldError.PathElement]
    ) -> [(path: [FieldError.PathElement], tree: TemplateTree)] {
        let isHere = place.has(format: format)
        switch self {
        case .literal: return isHere ? [(path, self)] : []
        case .template: return place.contains(format: format) ? [(path, self)] : []
        case .object where isHere: return [(path, self)]
        case .list(let items):
            return items.enumerated().flatMap { index, item in
                place[index].map { item.settings(ofFormat: format, $0, at: path + [.index(index)]) } ?? []
            }
        case .object(let members):
            return members.flatMap { key, member in
                place[key].map { member.settings(ofFormat: format, $0, at: path + [.key(key)]) } ?? []
            }
        }
    }
}

extension Pipeline {
    /// A script or program that the pipeline executes.
    public struct Script: Sendable, Hashable {
        /// The id of the step.
        public let step: String
        /// The type of the step.
        public let uses: String
        /// The text of the script, or the words of the program's command.
        public let text: String
        /// From 1.
        public let line: Int
        /// The file that is included and holds it; nil for the pipeline's own.
        public let file: String?

        /// One line: `7 executes shell: df -h`.
        public var summary: String { "\(line)\(file.map { " of \($0)" } ?? "") \(words)" }

        /// One line with the file that holds it: `pipelines/space.yaml:7 executes shell: df -h`.
        ///
        /// - Parameter pipeline: The pipeline's own file.
        public func summary(in pipeline: String) -> String { "\(file ?? pipeline):\(line) \(words)" }

        /// The first line that is no comment.
        private var words: String {
            let lines = text.split(whereSeparator: \.isNewline).map { $0.drop { $0.isWhitespace } }.filter {
                !$0.isEmpty
            }
            let code = lines.filter { !$0.hasPrefix("#") }
            let shown = code.isEmpty ? lines : code
            let first = shown.first.map { $0.count > 100 ? $0.prefix(100) + "…" : String($0) } ?? ""
            let rest = shown.count - 1
            return "executes \(uses): \(first)" + (rest > 0 ? " (and \(rest) more line\(rest == 1 ? "" : "s"))" : "")
        }
    }

    /// The scripts and programs that the pipeline executes, in the order of the file.
    public func scripts(_ registry: StepRegistry) -> [Script] {
        allSteps.flatMap { step -> [Script] in
            guard let definition = registry[step.uses] else { return [] }
            let program =
                definition.program.isEmpty
                ? []
                : [
                    Script(
                        step: step.id, uses: step.uses, text: definition.program.joined(separator: " "),
                        line: step.usesNode.range.start.line, file: step.source?.name)
                ]
            return program
                + definition.settings(in: step, ofFormat: ScriptText.format).compactMap { path, tree in
                    guard let text = tree.literal?.asString else { return nil }
                    return Script(
                        step: step.id, uses: step.uses, text: text,
                        line: (step.withNode ?? step.node).nearest(to: path).range.start.line,
                        file: step.source?.name)
                }
        }
    }
}
