import RunnelKit

/// A pipeline as its runs need it: computed once, and shared by all of them.
final class ExecutablePipeline: Sendable {
    /// A step at any depth.
    final class Step: Sendable {
        let declaration: PipelineStep
        /// nil for a group, and where the plugin of the step is missing.
        let definition: StepDefinition?
        /// See ``TemplateTree/dataKeys``.
        let dataKeys: [String: String]

        init(_ declaration: PipelineStep, _ registry: StepRegistry) {
            self.declaration = declaration
            definition = declaration.added?.definition ?? registry[declaration.uses]
            dataKeys = declaration.with.dataKeys
        }
    }

    let declaration: Pipeline
    let plan: RunPlan
    /// By id.
    let steps: [String: Step]

    init(_ declaration: Pipeline, _ registry: StepRegistry) {
        self.declaration = declaration
        plan = RunPlan(declaration)
        steps = Dictionary(
            declaration.allSteps.map { ($0.id, Step($0, registry)) }, uniquingKeysWith: { first, _ in first })
    }
}
