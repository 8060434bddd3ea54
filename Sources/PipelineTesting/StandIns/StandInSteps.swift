import RunnelKit
import Synchronization

/// The steps of a test that are not carried out.
final class StandInSteps: Sendable {
    private struct State {
        var calls: [String: Int] = [:]
        var missing: [MissingAnswer] = []
    }

    private let steps: [String: StandInStep]
    private let state = Mutex(State())

    init(_ steps: [String: StandInStep]) {
        self.steps = steps
    }

    /// The calls that nothing was said about.
    var missing: [MissingAnswer] { state.withLock { $0.missing } }
    /// The steps that were called less often than the test says.
    var unused: [(id: String, step: StandInStep)] {
        let calls = state.withLock { $0.calls }
        return steps.filter { (calls[$0.key] ?? 0) < $0.value.outcomes.count }.sorted { $0.key < $1.key }
            .map { ($0.key, $0.value) }
    }

    /// All that the plugins bring, with steps that ask here first.
    ///
    /// - Throws: What the registry has to say of the plugins.
    func registry(_ plugins: [any Plugin]) throws -> StepRegistry {
        try StepRegistry(
            plugins.map { plugin in
                WrappedPlugin(base: plugin) { step, with, context in
                    switch self.outcome(of: context.identity.stepID) {
                    case .output(let value)?: value
                    case .error(let error)?: throw error
                    case nil: try await step.run(with, context)
                    }
                }
            })
    }

    /// What comes of a step; nil when it is to be carried out.
    private func outcome(of id: String) -> StandInStep.Outcome? {
        guard let step = steps[id] else { return nil }
        return state.withLock { state in
            let index = state.calls[id, default: 0]
            state.calls[id] = index + 1
            if step.isForAll { return step.outcomes.first }
            guard index < step.outcomes.count else {
                let missing = MissingAnswer(step: id, count: step.outcomes.count)
                state.missing.append(missing)
                return .error(missing.stepError)
            }
            return step.outcomes[index]
        }
    }
}

/// A plugin with something around each execution of its steps.
struct WrappedPlugin: Plugin {
    let base: any Plugin
    let run: @Sendable (StepDefinition, ValueObject, StepContext) async throws -> Value

    var name: String { base.name }
    var triggers: [TriggerDefinition] { base.triggers }
    var filters: [TemplateFilter] { base.filters }

    var steps: [StepDefinition] {
        base.steps.map { step in
            StepDefinition(
                name: step.name, summary: step.summary, documentation: step.documentation, schema: step.schema,
                isRepeatable: step.isRepeatable
            ) { [run] with, context in try await run(step, with, context) }
        }
    }
}
