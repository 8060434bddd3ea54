import RunnelKit
import YAML

/// Checks that every step exists, that ids are unique, and that each `with:` fits what its step declares.
struct StepChecker {
    let registry: StepRegistry
    let paths: PathChecker

    func check(_ pipeline: Pipeline, into diagnostics: inout DiagnosticList) {
        checkIDs(pipeline, into: &diagnostics)
        for step in pipeline.allSteps where step.group == nil {
            guard let definition = registry[step.uses] else {
                let plugin = String(step.uses.prefix { $0 != "." })
                if let reason = registry.missingPlugins[plugin] {
                    diagnostics.error(
                        "unknown-step", step.usesNode,
                        "the step \"\(step.uses)\" cannot be had: the plugin \"\(plugin)\" was not loaded",
                        hint: reason)
                    continue
                }
                let closest = Suggestion.closest(to: step.uses, among: registry.names)
                diagnostics.error(
                    "unknown-step", step.usesNode, "there is no step \"\(step.uses)\"",
                    hint: closest.map { "did you mean \"\($0)\"?" } ?? "`runnel steps` lists them all")
                continue
            }
            checkWith(step, definition, into: &diagnostics)
        }
    }

    private func checkIDs(_ pipeline: Pipeline, into diagnostics: inout DiagnosticList) {
        var seen: [String: PipelineStep] = [:]
        for step in pipeline.allSteps {
            if let other = seen[step.id] {
                diagnostics.error(
                    "duplicate-id", step.node["id"] ?? step.usesNode, "two steps have the id \"\(step.id)\"",
                    hint: "the other one is in line \(other.node.range.start.line)")
            } else {
                seen[step.id] = step
            }
        }
    }

    private func checkWith(_ step: PipelineStep, _ definition: StepDefinition, into diagnostics: inout DiagnosticList) {
        let checker = KeyChecker(
            subject: step.uses, schema: definition.schema, rules: definition.rules, problem: definition.problem,
            advice: "`runnel steps \(step.uses)` lists its keys")
        checker.check(step.with, node: step.withNode, place: step.usesNode, into: &diagnostics)
        if let places = definition.paths {
            paths.check(places, step.with, node: step.withNode, into: &diagnostics)
        }
    }
}
