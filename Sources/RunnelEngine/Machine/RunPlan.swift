/// What the run state machine has to know of a pipeline.
struct RunPlan: Sendable {
    var steps: [PlanStep]
    var onFailure: [PlanStep] = []
    var finally: [PlanStep] = []
    /// Of `steps` as a whole: how long they may be worked on, over all lives of the run.
    var timeout: Duration?
    /// How long the run was worked on in earlier lives.
    var worked: Duration = .zero
}

/// What the run state machine has to know of a step.
struct PlanStep: Sendable {
    var id: String
    /// Empty for a group.
    var uses = ""
    /// The steps of a group; nil for a step that does something itself.
    var children: [PlanStep]?
    /// Whether the steps of the group run side by side.
    var isParallel = false
    var isForEach = false
    /// How many items, or steps of a parallel group, run at once; nil: 1 for items, any number for a group.
    var maxParallel: Int?
    var hasCondition = false
    var retry: RetryDeclaration?
    /// Of a group, or of a `for_each` as a whole. The time-out of a single step belongs to its attempts.
    var groupTimeout: Duration?
    var continuesOnError = false
}

extension RunPlan {
    init(_ pipeline: Pipeline) {
        steps = pipeline.steps.map(PlanStep.init)
        onFailure = pipeline.onFailure.map(PlanStep.init)
        finally = pipeline.finally.map(PlanStep.init)
        timeout = pipeline.timeout
    }
}

extension PlanStep {
    init(_ step: PipelineStep) {
        id = step.id
        uses = step.uses
        children = step.group?.map(PlanStep.init)
        isParallel = step.isParallel
        isForEach = step.forEach != nil
        maxParallel = step.maxParallel
        hasCondition = step.condition != nil
        retry = step.retry
        groupTimeout = step.group == nil ? nil : step.timeout
        continuesOnError = step.onError == .continue
    }
}
