import RunnelKit
import YAML

/// Checks that every trigger exists and that its keys match its declaration.
struct TriggerChecker {
    let registry: StepRegistry
    let paths: PathChecker

    func check(_ pipeline: Pipeline, into diagnostics: inout DiagnosticList) {
        if let trigger = pipeline.triggers.first {
            for input in pipeline.inputs where input.isRequired && input.defaultValue == nil {
                diagnostics.error(
                    PipelineErrorCode.missingDefault, input.node.firstKeyOrSelf,
                    "the input \"\(input.name)\" needs a `default`: runs started by `\(trigger.kind)` cannot set it"
                )
            }
        }
        checkIDs(pipeline, into: &diagnostics)
        for trigger in pipeline.triggers {
            guard let definition = registry.trigger(named: trigger.kind) else {
                let names = registry.triggerNames + ["manual"]
                let closest = Suggestion.closest(to: trigger.kind, among: names)
                diagnostics.error(
                    PipelineErrorCode.unknownKey, trigger.keyNode, "unknown trigger \"\(trigger.kind)\"",
                    hint: closest.map { "did you mean \"\($0)\"?" }
                        ?? "valid triggers: \(names.joined(separator: ", "))")
                continue
            }
            let isMapping = if case .mapping = trigger.node.content { true } else { trigger.node.isNull }
            guard isMapping else {
                diagnostics.error(
                    PipelineErrorCode.wrongType, trigger.node,
                    "`\(trigger.kind)`: expected a mapping, found \(trigger.node.found)",
                    hint: definition.fields.form(accepting: Value(trigger.node)).map {
                        "write `\(trigger.kind): \($0)`"
                    })
                continue
            }
            let before = diagnostics.items.count
            KeyChecker(
                subject: trigger.kind, schema: definition.schema, rules: definition.rules,
                problems: definition.problems,
                advice: "its keys are "
                    + (definition.fields.map(\.key) + TriggerDeclaration.sharedKeys).joined(separator: ", ")
            ).check(
                trigger.entry, node: trigger.node.isNull ? nil : trigger.node, place: trigger.keyNode,
                into: &diagnostics)
            if diagnostics.items.count == before, let places = definition.paths {
                paths.check(places, trigger.entry, node: trigger.node, into: &diagnostics)
            }
            // Checks across keys, as far as values are known.
            let context = ValidationContext(pipeline: pipeline.name, project: paths.project)
            if diagnostics.items.count == before,
                let problem = definition.partialCheck(trigger.entry.partialSettings, context)
            {
                let node = trigger.node.isNull ? trigger.keyNode : trigger.node
                diagnostics.groupError(problem, of: trigger.kind, in: node)
            }
            if diagnostics.items.count == before, let entry = trigger.entry.literal?.asObject {
                for warning in definition.warnings(entry) {
                    diagnostics.warning(
                        PipelineErrorCode.doubtfulValue, trigger.node.nearest(to: warning.path),
                        "`\(warning.place)`: \(warning.message)", hint: warning.hint)
                }
            }
        }
    }

    private func checkIDs(_ pipeline: Pipeline, into diagnostics: inout DiagnosticList) {
        var seen: Set<String> = []
        for trigger in pipeline.triggers {
            guard let id = trigger.id, !seen.insert(trigger.kind + " " + id).inserted else { continue }
            diagnostics.error(
                PipelineErrorCode.duplicateID, trigger.node["id"],
                "two `\(trigger.kind)` triggers have the id \"\(id)\"",
                hint: "give each its own")
        }
    }
}
