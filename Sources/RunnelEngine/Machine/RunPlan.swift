/// The part of a pipeline that the run machine needs.
struct RunPlan: Sendable {
    var steps: [PlanStep]
    var onFailure: [PlanStep] = []
    var finally: [PlanStep] = []
    /// The timeout of `steps` as a whole, counting worked time over all claims of the run.
    var timeout: Duration?
    /// The time worked on the run in earlier claims.
    var worked: Duration = .zero
    /// Whether the `timeout` of the run or of a group counts the worked time.
    var isTimed = false
}

/// The part of a step that the run machine needs.
struct PlanStep: Sendable {
    var id: String
    /// Empty for a group.
    var uses = ""
    /// The steps of a group; nil for a step with `uses`.
    var children: [PlanStep]?
    /// Whether the steps of the group run in parallel.
    var isParallel = false
    var isForEach = false
    /// The maximum number of concurrent items, or steps of a parallel group; nil means 1 for items and unlimited for a
    /// group.
    var maxParallel: Int?
    var hasCondition = false
    var retry: RetryDeclaration?
    /// The pause between the rounds of a loop, and their maximum number.
    var loop: (pause: Duration, limit: Int)?
    /// The timeout of a group, counting worked time over all claims of the run. The timeout of a single step applies to each
    /// of its attempts.
    var groupTimeout: Duration?
    var continuesOnError = false
    /// See ``PipelineStep/scope``.
    var scope: String?
    /// Whether it sees what is visible outside of the group that it stands in, and its output is no `input`.
    var isOutside = false
}

extension RunPlan {
    init(_ pipeline: Pipeline) {
        steps = pipeline.steps.map(PlanStep.init)
        onFailure = pipeline.onFailure.map(PlanStep.init)
        finally = pipeline.finally.map(PlanStep.init)
        timeout = pipeline.timeout
        isTimed = timeout != nil || (steps + onFailure + finally).contains(where: \.isTimed)
    }
}

extension PlanStep {
    /// Whether it or a step inside has a ``groupTimeout``.
    fileprivate var isTimed: Bool { groupTimeout != nil || (children ?? []).contains(where: \.isTimed) }

    init(_ step: PipelineStep) {
        id = step.id
        uses = step.uses
        children = step.group?.map(PlanStep.init)
        isParallel = step.isParallel
        isForEach = step.forEach != nil
        maxParallel = step.maxParallel
        hasCondition = step.condition != nil
        retry = step.retry
        loop = step.loop.map { ($0.pause, $0.limit) }
        groupTimeout = step.group == nil ? nil : step.timeout
        continuesOnError = step.onError == .continue
        scope = step.scope
        isOutside = step.added?.kind == .inputs
    }
}
