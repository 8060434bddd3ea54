import RunnelEngine
import RunnelKit

/// What is known of a run when it is over.
struct TestRun {
    let outcome: RunOutcome
    let outputs: ValueObject
    /// The steps that were skipped, without the items of a list.
    let skipped: Set<String>
    let prompts: [SentPrompt]
    let requests: [SentRequest]
    let copy: ProjectCopy

    /// Those of one step, in the order of its items: items that run side by side ask in any order.
    func prompts(of step: String) -> [SentPrompt] {
        prompts.enumerated().filter { $0.element.step == step }.sorted { left, right in
            let (first, second) = (left.element.items, right.element.items)
            return first == second ? left.offset < right.offset : first.lexicographicallyPrecedes(second)
        }.map(\.element)
    }
}
