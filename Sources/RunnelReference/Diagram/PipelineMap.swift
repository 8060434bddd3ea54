import RunnelEngine

/// A step with what is known of the data around it.
struct MappedStep: Sendable {
    /// Where a value can come from that flows from step to step.
    enum Origin: Hashable, Sendable {
        /// What the run was started with.
        case start
        case step(String)
    }

    let step: PipelineStep
    /// What `input` can be here, the likeliest first; nil where that depends on how the run went.
    let input: [Origin]?
    let inner: [MappedStep]
}

/// The steps of a pipeline with the places that their `input` comes from.
struct PipelineMap: Sendable {
    let steps: [MappedStep]
    let onFailure: [MappedStep]
    let finally: [MappedStep]
    /// What `input` is in `output`.
    let end: [MappedStep.Origin]

    init(_ pipeline: Pipeline) {
        var origins: [MappedStep.Origin]? = [.start]
        steps = Self.map(pipeline.steps, isParallel: false, from: &origins)
        end = origins ?? []
        var unknown: [MappedStep.Origin]?
        onFailure = Self.map(pipeline.onFailure, isParallel: false, from: &unknown)
        unknown = nil
        finally = Self.map(pipeline.finally, isParallel: false, from: &unknown)
    }

    /// - Parameter origins: Afterwards, what the input is behind the steps.
    private static func map(
        _ steps: [PipelineStep], isParallel: Bool, from origins: inout [MappedStep.Origin]?
    ) -> [MappedStep] {
        let before = origins
        return steps.map { step in
            let input = isParallel ? before : origins
            var inside = input
            let inner = map(step.group ?? [], isParallel: step.isParallel, from: &inside)
            if !isParallel {
                let own = MappedStep.Origin.step(step.id)
                origins = step.mayPassBy ? origins.map { [own] + $0 } : [own]
            }
            return MappedStep(step: step, input: input, inner: inner)
        }
    }
}

extension PipelineStep {
    /// Whether the run may go on with the input that the step had: it was skipped, or its failure does not count.
    fileprivate var mayPassBy: Bool {
        if condition != nil { return true }
        if forEach != nil { return false }
        if onError == .continue { return true }
        return !isParallel && (group?.allSatisfy(\.mayPassBy) ?? false)
    }
}
