import RunnelEngine
import RunnelKit
import Templates
import YAML

/// What a drawing says of a step beside its name.
struct StepFacts: Sendable {
    let step: PipelineStep

    /// `http.fetch`; `group` or `side by side` for a group.
    var kind: String {
        guard step.group != nil else { return PlainLine.text(step.uses) }
        let limit = step.forEach == nil ? step.maxParallel.map { ", \($0) at once" } ?? "" : ""
        return step.isParallel ? "side by side\(limit)" : "one after another"
    }

    /// What is said of trying, waiting and failing.
    var handling: [String] {
        var facts: [String] = []
        if let retry = step.retry { facts.append("\(retry.attempts.number) attempts") }
        if let timeout = step.timeout { facts.append("timeout \(DurationText.format(timeout))") }
        if step.onError == .continue { facts.append("may fail") }
        return facts
    }

    var condition: String? {
        step.condition.map { PlainLine.expression($0.expression.text) }
    }

    /// `for each item of steps.list, 4 at once`.
    var loop: String? {
        guard let list = step.forEach else { return nil }
        let what =
            switch list {
            case .template(_, let node): "item of " + PlainLine.expression(node.scalar?.text ?? "")
            case .list(let items): count(items.count)
            case .literal(let value): count(value.asList?.count ?? 0)
            case .object: "item"
            }
        return "for each \(what)" + (step.maxParallel.map { ", \($0) at once" } ?? "")
    }

    private func count(_ number: Int) -> String { number == 1 ? "of 1 item" : "of \(number) items" }
}
