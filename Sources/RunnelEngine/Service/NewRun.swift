import RunnelKit

/// A run that is about to be accepted; ``RunService`` makes it.
public struct NewRun: Sendable {
    /// As the journal keeps it, with secrets sealed.
    package var record: RunRecord
    /// Who has started it; decides how much of the queue it may fill.
    package var origin = Origin.operator
    /// What the run begins with.
    package let pipeline: Pipeline
    /// The values as they were given, for the process that accepts the run and works on it; nil where only the sealed
    /// ones are at hand.
    let request: RunRequest?
    /// Finished steps of another run that this one takes over, with secrets sealed.
    package let steps: [StepRecord]
    /// The changes to the memory of the run's trigger, with secrets sealed.
    let memory: MemoryChanges?

    /// The id of the run.
    public var id: String { record.id }

    /// - Parameter priority: nil for that of the pipeline.
    package init(
        _ record: RunRecord, of pipeline: Pipeline, request: RunRequest? = nil, priority: Int? = nil,
        steps: [StepRecord] = [], memory: MemoryChanges? = nil
    ) {
        var record = record
        record.hasFinally = !pipeline.finally.isEmpty
        record.priority = priority ?? pipeline.priority
        self.record = record
        self.pipeline = pipeline
        self.request = request
        self.steps = steps
        self.memory = memory
    }

    /// Makes it a run into which the events of a burst are folded. Secrets in the listed event are masked already.
    mutating func fold(_ debounce: Debounce, until time: Int64, seal: SecretSeal) {
        record.state = .waiting
        record.wakeAt = time
        record.debounce = Debounce(
            key: seal.dedupeKey(debounce.key, of: record.pipeline).sha256, latest: debounce.latest,
            event: debounce.event)
    }

    /// The run with what this process holds of it, so that nothing is read back and opened.
    ///
    /// - Parameter record: As it was claimed.
    func claimed(_ record: RunRecord) -> ClaimedRun {
        var record = record
        // Held once while the run waits for its turn.
        if request != nil { (record.trigger, record.inputs, record.input) = (.null, [:], .null) }
        return ClaimedRun(record, pipeline: pipeline, request: request, steps: steps)
    }
}

extension NewRun {
    /// Who starts a run. A part of the queue is kept for each later case.
    package enum Origin: Sendable, Hashable {
        /// Anybody, such as a caller of a hook without `verify`.
        case anonymous
        case trigger
        case `operator`

        /// How many runs may wait before another one of this origin is refused.
        func maximumQueued(of all: Int) -> Int {
            switch self {
            case .anonymous: all - all / 10
            case .trigger: all - all / 20
            case .operator: all
            }
        }
    }
}

/// A run that belongs to this worker, with what the process holds of it beside the journal.
///
/// A class, so that async frames hold a reference instead of a copy.
final class ClaimedRun: Sendable {
    /// Without trigger, inputs and input where there is a `request`.
    let record: RunRecord
    /// What the run began with; nil: the journal knows.
    let pipeline: Pipeline?
    /// What the run was started with; nil: the record has it, sealed.
    let request: RunRequest?
    /// The steps kept from earlier attempts of the run and from the run that it repeats, sealed; nil: read the journal.
    let steps: [StepRecord]?

    var id: String { record.id }
    /// As the log names the run.
    var name: String { "run \(id) of \(record.pipeline)" }

    init(
        _ record: RunRecord, pipeline: Pipeline? = nil, request: RunRequest? = nil, steps: [StepRecord]? = nil
    ) {
        self.record = record
        self.pipeline = pipeline
        self.request = request
        self.steps = steps
    }
}
