import RunnelEngine
import RunnelKit

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
    /// Whether the step works on its input because nothing else is given to it.
    let worksOnInput: Bool

    /// What its `with:` reads, and its input where that is what it works on.
    var withReads: [DataRead] { adding(step.with.references.reads) }
    /// Everything that it reads.
    var reads: [DataRead] { adding(step.references.reads) }

    private func adding(_ reads: [DataRead]) -> [DataRead] {
        worksOnInput && !reads.contains(.wholeInput) ? reads + [.wholeInput] : reads
    }
}

/// The steps of a pipeline with the places that their `input` comes from.
struct PipelineMap: Sendable {
    let steps: [MappedStep]
    let onFailure: [MappedStep]
    let finally: [MappedStep]
    /// What `input` is in `output`.
    let end: [MappedStep.Origin]

    init(_ pipeline: Pipeline, _ registry: StepRegistry) {
        func map(_ steps: [PipelineStep], from origins: inout [MappedStep.Origin]?) -> [MappedStep] {
            Self.map(steps, registry, isParallel: false, from: &origins)
        }
        var origins: [MappedStep.Origin]? = [.start]
        steps = map(pipeline.steps, from: &origins)
        end = origins ?? []
        var unknown: [MappedStep.Origin]?
        onFailure = map(pipeline.onFailure, from: &unknown)
        unknown = nil
        finally = map(pipeline.finally, from: &unknown)
    }

    /// - Parameter origins: Afterwards, what the input is behind the steps.
    private static func map(
        _ steps: [PipelineStep], _ registry: StepRegistry, isParallel: Bool,
        from origins: inout [MappedStep.Origin]?
    ) -> [MappedStep] {
        let before = origins
        return steps.map { step in
            let input = isParallel ? before : origins
            var inside = input
            let inner = map(step.group ?? [], registry, isParallel: step.isParallel, from: &inside)
            if !isParallel {
                let own = MappedStep.Origin.step(step.id)
                origins = step.mayPassBy ? origins.map { [own] + $0 } : [own]
            }
            let keys = step.group == nil ? registry[step.uses]?.inputKeys ?? [] : []
            return MappedStep(
                step: step, input: input, inner: inner,
                worksOnInput: !keys.isEmpty && !keys.contains { step.gives($0) })
        }
    }
}

extension PipelineStep {
    /// Whether the key stands in `with:`, or may once that is known.
    fileprivate func gives(_ key: String) -> Bool {
        switch with {
        case .literal(let value): value[key] != nil
        case .object(let members): members.contains { $0.key == key }
        case .template, .list: true
        }
    }

    /// Whether the run may go on with the input that the step had: it was skipped, or its failure does not count.
    fileprivate var mayPassBy: Bool {
        if condition != nil { return true }
        if forEach != nil { return false }
        if onError == .continue { return true }
        return !isParallel && (group?.allSatisfy(\.mayPassBy) ?? false)
    }
}
