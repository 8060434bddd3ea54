import RunnelKit
import YAML

/// Checks that every trigger exists and that its keys fit what it declares.
struct TriggerChecker {
    let registry: StepRegistry
    let paths: PathChecker

    func check(_ pipeline: Pipeline, into diagnostics: inout DiagnosticList) {
        if let trigger = pipeline.triggers.first {
            for input in pipeline.inputs where input.isRequired && input.defaultValue == nil {
                diagnostics.error(
                    "missing-default", input.node.firstKeyOrSelf,
                    "the input \"\(input.name)\" needs a `default`: a run that `\(trigger.kind)` starts has nobody to set it"
                )
            }
        }
        for trigger in pipeline.triggers {
            guard let definition = registry.trigger(named: trigger.kind) else {
                let names = registry.triggerNames + ["manual"]
                let closest = Suggestion.closest(to: trigger.kind, among: names)
                diagnostics.error(
                    "unknown-key", trigger.keyNode, "there is no trigger \"\(trigger.kind)\"",
                    hint: closest.map { "did you mean \"\($0)\"?" } ?? "there are \(names.joined(separator: ", "))")
                continue
            }
            let isMapping = if case .mapping = trigger.node.content { true } else { trigger.node.isNull }
            guard isMapping else {
                diagnostics.error(
                    "wrong-type", trigger.node,
                    "`\(trigger.kind)`: expected keys and values, found \(trigger.node.found)")
                continue
            }
            let before = diagnostics.items.count
            KeyChecker(
                subject: trigger.kind, schema: definition.schema, rules: definition.rules, problem: definition.problem,
                advice: "its keys are \(definition.fields.map(\.key).joined(separator: ", "))"
            ).check(
                trigger.entry, node: trigger.node.isNull ? nil : trigger.node, place: trigger.keyNode,
                into: &diagnostics)
            if diagnostics.items.count == before, let places = definition.paths {
                paths.check(places, trigger.entry, node: trigger.node, into: &diagnostics)
            }
            // What only several keys together can tell, where all of them are known.
            if diagnostics.items.count == before, case .object(let entry)? = trigger.entry.literal,
                let problem = definition.check(entry)
            {
                diagnostics.error(
                    problem.code ?? "wrong-value", trigger.node.nearest(to: problem.path),
                    "\(trigger.kind): \(problem.message)", hint: problem.hint)
            }
        }
    }
}
