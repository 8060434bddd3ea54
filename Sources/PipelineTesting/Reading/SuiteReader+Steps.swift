import RunnelEngine
import RunnelKit
import YAML

extension SuiteReader {
    /// `steps:`: what comes of steps that are not carried out.
    mutating func standIns(_ node: YAMLNode?) -> [String: StandInStep] {
        var steps: [String: StandInStep] = [:]
        for (id, keyNode, value) in diagnostics.pairs(node, "steps") {
            guard let id = stepID(id, keyNode) else { continue }
            if pipeline.allSteps.contains(where: { $0.id == id && $0.group != nil }) {
                diagnostics.error("bad-keys", keyNode, "\"\(id)\" is a group of steps", hint: "name the steps inside")
            }
            let outcomes = (value.items ?? [value]).compactMap { outcome($0) }
            steps[id] = StandInStep(outcomes: outcomes, isForAll: value.items == nil, node: value)
        }
        return steps
    }

    private mutating func outcome(_ node: YAMLNode) -> StandInStep.Outcome? {
        guard let keys = TestKeys(node, "a stand-in", ["output", "error"], into: &diagnostics) else { return nil }
        if let output = keys["output"], keys["error"] == nil { return .output(Value(output)) }
        guard keys.atMostOne(["output", "error"], into: &diagnostics) != nil, let error = keys["error"] else {
            diagnostics.error(
                "missing-key", node.firstKeyOrSelf, "a stand-in needs `output` or `error`",
                hint: "write `{ output: what the step comes to }`")
            return nil
        }
        let known = ["code", "message", "transient"]
        guard let keys = TestKeys(error, "an error", known, into: &diagnostics) else { return nil }
        return .error(
            StepError(
                diagnostics.text(keys["code"], "code") ?? "error",
                diagnostics.text(keys["message"], "message") ?? "the step failed",
                isTransient: diagnostics.field(Bool.self, keys["transient"], "transient") ?? false))
    }
}
