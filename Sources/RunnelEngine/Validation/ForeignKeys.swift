import RunnelKit

/// Hints for names of other tools, and of other places in Runnel's files: what to write instead.
///
/// The lists here are for the keys of pipelines. Steps and triggers declare their own; see `NameHint`.
struct ForeignKeys {
    let registry: StepRegistry

    /// A hint for an unknown key of a pipeline; nil if there is none.
    func hint(forPipeline key: String) -> String? {
        if let hint = Self.pipeline.hint(for: key) ?? allHints.hint(for: key, in: .pipeline) { return hint }
        return registry.trigger(named: key).map { "write `on: { \($0.name): … }`" }
    }

    /// A hint for an unknown key of a step; nil if there is none.
    ///
    /// - Parameters:
    ///   - uses: The name of the step; nil if it is missing.
    ///   - known: The keys of a step.
    func hint(forStepKey key: String, uses: String?, known: [String]) -> String? {
        if let hint = Self.step.hint(for: key) ?? allHints.hint(for: key, in: .step) { return hint }
        if uses == nil, registry[key] != nil { return "write `uses: \(key)` and `with: { … }`" }
        let isOwn = uses.map { declares($0, key) } ?? false
        // A misspelled key of the step is more likely than a setting of another step.
        let isOther = Suggestion.closest(to: key, among: known) == nil && registry.names.contains { declares($0, key) }
        return isOwn || isOther ? "indent `\(key)` below `with:`" : nil
    }

    /// A hint for the name of a step that does not exist; nil if there is none.
    func hint(forStep name: String) -> String? { registry.stepHints.hint(for: name, in: .name) }

    /// A hint for the name of a trigger that does not exist; nil if there is none.
    func hint(forTrigger name: String) -> String? {
        Self.triggers.hint(for: name) ?? registry.triggerHints.hint(for: name, in: .name)
    }

    private var allHints: [NameHint] { registry.stepHints + registry.triggerHints }

    private func declares(_ step: String, _ key: String) -> Bool {
        registry[step]?.fields.contains { $0.key == key } ?? false
    }

    private static let pipeline = [
        NameHint("a pipeline has one list of `steps`", for: ["jobs", "tasks", "stages", "workflow"]),
        NameHint("write `on:`", for: ["triggers", "trigger"]),
        NameHint("write `on_failure:` with a list of steps", for: ["errors"]),
        NameHint("`env:` stands in runnel.yaml; templates read `{{ env.NAME }}`", for: ["env"]),
        NameHint("`vars:` stands in runnel.yaml; templates read `{{ vars.NAME }}`", for: ["vars", "variables"]),
        NameHint("`secrets:` stands in runnel.yaml; templates read `{{ secrets.NAME }}`", for: ["secrets"]),
    ]

    private static let step = [
        NameHint("write `uses: …`", for: ["type", "action"]),
        NameHint("write `with: { … }`", for: ["params", "parameters", "args", "inputs"]),
        NameHint(
            "write `on_error: continue`", for: ["continue-on-error", "continue_on_error", "continueOnError"]),
        NameHint("write `on_error: continue` here, or `on_failure:` at the pipeline", for: ["on_failure"]),
        NameHint("write `if: …`", for: ["when"]),
        NameHint(
            "give each step, or each group of `steps`, an `if:` of its own", for: ["switch", "cases", "then", "else"]),
        NameHint("write `for_each: …` for the items of a list, or `until: …`", for: ["loop"]),
        NameHint("write `retry: { attempts: … }`", for: ["retries"]),
        NameHint(
            "a step gets its values through `with`; programs see what their plugin's manifest lists", for: ["env"]),
        NameHint(
            "steps run in the order in which they are written; a group with `parallel: true` runs its steps at once",
            for: ["needs", "depends", "depends_on", "dependsOn"]),
    ]

    /// For the keys of `retry`.
    static let retry = [
        NameHint(
            "write `attempts: …`",
            for: ["max", "max_attempts", "maxAttempts", "maxTries", "limit", "count", "times"]),
        NameHint("write `backoff: …`", for: ["delay", "interval", "wait", "waitBetweenTries"]),
    ]

    private static let triggers = [
        NameHint("leave it out: runs by hand are always possible", for: ["workflow_dispatch"])
    ]
}
