import RunnelKit
import YAML

/// Checks that every step type exists, that ids are unique, and that each `with:` matches the step's declaration.
struct StepChecker {
    let registry: StepRegistry
    let paths: PathChecker
    /// See ``PipelineLoader/load(_:file:isStored:)``.
    let isStored: Bool

    func check(_ pipeline: Pipeline, into diagnostics: inout DiagnosticList) {
        checkIDs(pipeline, into: &diagnostics)
        for step in pipeline.allSteps where step.group == nil {
            guard let definition = registry[step.uses] else {
                let before = diagnostics.items.count
                reportUnknown(step, into: &diagnostics)
                if isStored { diagnostics.turnErrorsIntoWarnings(from: before) }
                continue
            }
            ScriptChecker(registry: registry).check(step, definition, into: &diagnostics)
            checkWith(step, definition, of: pipeline, into: &diagnostics)
        }
    }

    private func reportUnknown(_ step: PipelineStep, into diagnostics: inout DiagnosticList) {
        let plugin = String(step.uses.prefix { $0 != "." })
        if let reason = registry.missingPlugins[plugin] {
            diagnostics.error(
                PipelineErrorCode.unknownStep, step.usesNode,
                "the step \"\(step.uses)\" is not available: the plugin \"\(plugin)\" was not loaded", hint: reason)
        } else {
            diagnostics.error(
                PipelineErrorCode.unknownStep, step.usesNode, "unknown step \"\(step.uses)\"",
                hint: hint(for: step.uses))
        }
    }

    private func hint(for name: String) -> String {
        if name.hasPrefix("./") || name.hasPrefix("../") { return "a file with steps ends with .yaml" }
        if let hint = ForeignKeys(registry: registry).hint(forStep: name)
            ?? Suggestion.hint(for: name, among: registry.names)
        {
            return hint
        }
        let plugin = String(name.prefix { $0 != "." })
        let siblings = registry.names.filter { $0.hasPrefix(plugin + ".") }
        switch siblings.count {
        case 0: return "`runnel steps` lists all steps"
        case 1: return "did you mean \"\(siblings[0])\"?"
        default: return "\"\(plugin)\" has the steps \(siblings.joined(separator: ", "))"
        }
    }

    private func checkIDs(_ pipeline: Pipeline, into diagnostics: inout DiagnosticList) {
        var seen: [String: PipelineStep] = [:]
        for step in pipeline.allSteps {
            if let other = seen[step.id] {
                diagnostics.error(
                    PipelineErrorCode.duplicateID, step.node["id"] ?? step.usesNode,
                    "two steps have the id \"\(step.id)\"",
                    hint: "the other one is on line \(other.node.range.start.line)")
            } else {
                seen[step.id] = step
            }
        }
    }

    private func checkWith(
        _ step: PipelineStep, _ definition: StepDefinition, of pipeline: Pipeline,
        into diagnostics: inout DiagnosticList
    ) {
        // The decoder has reported a `with` of another kind.
        guard step.withNode?.isMapping ?? true else { return }
        let before = diagnostics.items.count
        let checker = KeyChecker(
            subject: step.uses, schema: definition.schema, problems: definition.problems,
            advice: IncludePath(step.uses).map { "`inputs` of \($0.path) declares its keys" }
                ?? "`runnel steps \(step.uses)` lists its keys",
            hints: definition.nameHints)
        checker.check(step.with, node: step.withNode, place: step.usesNode, into: &diagnostics)
        if let places = definition.paths {
            paths.check(places, step.with, node: step.withNode, into: &diagnostics)
        }
        let context = ValidationContext(pipeline: pipeline.name, project: paths.project)
        if !isStored, diagnostics.items.count == before,
            let problem = definition.partialCheck(step.with.partialSettings, context)
        {
            // What concerns no key is said at the name of the step.
            let node = problem.path.isEmpty && problem.code != nil ? step.usesNode : step.withNode ?? step.usesNode
            diagnostics.groupError(problem, of: step.uses, in: node)
        }
        // A step that does not accept its settings any more fails alone: the pipeline can handle that, and `finally` runs.
        if isStored { diagnostics.turnErrorsIntoWarnings(from: before) }
    }
}
