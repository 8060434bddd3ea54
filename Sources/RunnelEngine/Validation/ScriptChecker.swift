public import RunnelKit
import Templates
import YAML

/// Finds the scripts that a pipeline executes, and refuses templates in them (script injection).
struct ScriptChecker {
    let registry: StepRegistry

    func check(_ step: PipelineStep, _ definition: StepDefinition, into diagnostics: inout DiagnosticList) {
        for (key, tree) in definition.scripts(in: step) {
            for (template, node) in tree.templates {
                let reference = template.references.first
                let written = reference.map { Self.path($0) } ?? "trigger.path"
                let name = Self.variable(reference)
                let message =
                    "`\(key)`: a template in a script would make its value part of the program (script injection)"
                let hint =
                    "pass it as a variable: `env: { \(name): \"{{ \(written) }}\" }`, and write \"$\(name)\" in the script"
                if let reference {
                    diagnostics.error(
                        PipelineErrorCode.scriptInjection, in: node, utf8Range: reference.utf8Range, message, hint: hint
                    )
                } else {
                    diagnostics.error(PipelineErrorCode.scriptInjection, node, message, hint: hint)
                }
            }
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
    /// The settings of the step that are scripts.
    fileprivate func scripts(in step: PipelineStep) -> [(key: String, tree: TemplateTree)] {
        guard case .object(let members) = step.with else { return [] }
        return members.filter { schema["properties"]?[$0.key]?["format"]?.asString == ScriptText.format }
            .map { ($0.key, $0.value) }
    }
}

extension Pipeline {
    /// A script that the pipeline executes.
    public struct Script: Sendable, Hashable {
        /// The id of the step.
        public let step: String
        /// The type of the step.
        public let uses: String
        /// The text of the script.
        public let text: String
        /// From 1.
        public let line: Int
        /// The file that is included and holds it; nil for the pipeline's own.
        public let file: String?

        /// One line: `7 executes shell: df -h`.
        public var summary: String {
            let lines = text.split(whereSeparator: \.isNewline).map { $0.drop { $0.isWhitespace } }.filter {
                !$0.isEmpty
            }
            let first = lines.first.map { $0.count > 100 ? $0.prefix(100) + "…" : String($0) } ?? ""
            let more = lines.count > 1 ? " (and \(lines.count - 1) more line\(lines.count == 2 ? "" : "s"))" : ""
            return "\(line)\(file.map { " of \($0)" } ?? "") executes \(uses): \(first)\(more)"
        }
    }

    /// The scripts that the pipeline executes, in the order of the file.
    public func scripts(_ registry: StepRegistry) -> [Script] {
        allSteps.flatMap { step -> [Script] in
            guard let definition = registry[step.uses] else { return [] }
            return definition.scripts(in: step).compactMap { key, tree in
                guard let text = tree.literal?.asString else { return nil }
                return Script(
                    step: step.id, uses: step.uses, text: text,
                    line: step.withNode?[key]?.range.start.line ?? step.node.range.start.line,
                    file: step.source?.name)
            }
        }
    }
}
