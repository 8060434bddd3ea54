public import RunnelKit

/// An event of a run for watchers. Secrets are redacted.
public struct RunEvent: Sendable {
    package var runID: String
    /// Nanoseconds since 1970.
    public var time: Int64
    package var kind: Kind

    package init(runID: String, time: Int64, kind: Kind) {
        (self.runID, self.time, self.kind) = (runID, time, kind)
    }

    /// What happened.
    public enum Kind: Sendable {
        case runStarted(pipeline: String, steps: Int)
        /// `attempt` counts from 1.
        case stepStarted(StepPlace, attempt: Int)
        case stepText(StepPlace, String)
        case stepNote(StepPlace, String)
        case stepSkipped(StepPlace)
        case stepSucceeded(StepPlace, output: Value, took: Duration)
        /// `retryIn` is set if the step will be retried.
        indirect case stepFailed(StepPlace, RunError, took: Duration, retryIn: Duration?)
        /// A dry run ends here: the step has a cost or a side effect.
        case stepHeld(StepPlace, with: ValueObject, input: Value)
        /// The run was cancelled or timed out while the step was running.
        case stepCancelled(StepPlace, took: Duration)
        case runFinished(RunOutcome, took: Duration)
    }

    /// The step of the pipeline.
    public struct StepPlace: Sendable, Hashable {
        /// Its id in the pipeline.
        public var id: String
        /// Its type; empty for a group.
        public var uses: String

        package init(id: String, uses: String) {
            (self.id, self.uses) = (id, uses)
        }
    }
}

/// How a run ended.
public enum RunOutcome: Sendable {
    case succeeded(output: Value)
    /// Indirect, so that async frames hold a reference instead of the error.
    indirect case failed(RunError)
    case cancelled
}

extension RunEvent {
    /// The event as one JSON object.
    public var json: Value { json(isStored: false) }

    /// The event for the journal: without the run's id and outputs, which are stored separately.
    var journalJSON: Value { json(isStored: true) }

    private func json(isStored: Bool) -> Value {
        var object = ValueObject(minimumCapacity: 7)
        object["event"] = .string(name.rawValue)
        if !isStored { object["run"] = .string(runID) }
        object["time"] = .string(Timestamp.text(nanoseconds: time))
        switch kind {
        case .runStarted(let pipeline, let steps):
            object["pipeline"] = .string(pipeline)
            object["steps"] = .int(Int64(steps))
        case .stepStarted(let place, let attempt):
            object.add(place)
            object["attempt"] = .int(Int64(attempt))
        case .stepText(let place, let text), .stepNote(let place, let text):
            object.add(place)
            object["text"] = .string(text)
        case .stepSkipped(let place): object.add(place)
        case .stepSucceeded(let place, let output, let took):
            object.add(place)
            object["took_ms"] = .double(took.milliseconds)
            if !isStored { object["output"] = output }
        case .stepFailed(let place, let error, let took, let retryIn):
            object.add(place)
            object["took_ms"] = .double(took.milliseconds)
            object["error"] = error.json
            if let retryIn { object["retry_in_ms"] = .double(retryIn.milliseconds) }
        case .stepHeld(let place, let with, let input):
            object.add(place)
            object["with"] = .object(with)
            object["input"] = input
        case .stepCancelled(let place, let took):
            object.add(place)
            object["took_ms"] = .double(took.milliseconds)
        case .runFinished(let outcome, let took):
            object["state"] = .string(outcome.state)
            object["took_ms"] = .double(took.milliseconds)
            switch outcome {
            case .succeeded(let output): if !isStored { object["output"] = output }
            case .failed(let error): object["error"] = error.json
            case .cancelled: break
            }
        }
        return .object(object)
    }

    /// What an event is called in JSON, under `event`.
    public enum Name: String, Sendable, Hashable, CaseIterable {
        case runStarted = "run-started"
        case stepStarted = "step-started"
        case stepText = "step-text"
        case stepNote = "step-note"
        case stepSkipped = "step-skipped"
        case stepSucceeded = "step-succeeded"
        case stepFailed = "step-failed"
        case stepHeld = "step-held"
        case stepCancelled = "step-cancelled"
        case runFinished = "run-finished"

        /// The name of an event that was written as JSON; nil for one that is not known.
        public init?(of json: Value) {
            guard let text = json["event"]?.asString else { return nil }
            self.init(rawValue: text)
        }

        /// Whether it is what a step says, which a long run may leave out, and not what became of a step.
        public var isText: Bool { self == .stepText || self == .stepNote }
    }

    /// The name of the kind, as watchers see it.
    public var name: Name {
        switch kind {
        case .runStarted: .runStarted
        case .stepStarted: .stepStarted
        case .stepText: .stepText
        case .stepNote: .stepNote
        case .stepSkipped: .stepSkipped
        case .stepSucceeded: .stepSucceeded
        case .stepFailed: .stepFailed
        case .stepHeld: .stepHeld
        case .stepCancelled: .stepCancelled
        case .runFinished: .runFinished
        }
    }

    /// Reads ``json``, also as the journal keeps it: outputs that are not there are null.
    ///
    /// - Parameter runID: The run, where the event does not say.
    /// - Returns: nil if the kind of event is unknown.
    public init?(json: Value, runID: String = "") {
        guard let name = Name(of: json), let time = json["time"]?.asString.flatMap(Timestamp.parse) else { return nil }
        let place = StepPlace(id: json["step"]?.asString ?? "", uses: json["uses"]?.asString ?? "")
        let text = json["text"]?.asString ?? ""
        let took = Duration(readingMilliseconds: json["took_ms"]) ?? .zero
        let output = json["output"] ?? .null
        let kind: Kind
        switch name {
        case .runStarted:
            kind = .runStarted(
                pipeline: json["pipeline"]?.asString ?? "", steps: Int(clamping: json["steps"]?.asInt ?? 0))
        case .stepStarted: kind = .stepStarted(place, attempt: Int(clamping: json["attempt"]?.asInt ?? 1))
        case .stepText: kind = .stepText(place, text)
        case .stepNote: kind = .stepNote(place, text)
        case .stepSkipped: kind = .stepSkipped(place)
        case .stepSucceeded: kind = .stepSucceeded(place, output: output, took: took)
        case .stepFailed:
            kind = .stepFailed(
                place, RunError(json: json["error"] ?? .null), took: took,
                retryIn: Duration(readingMilliseconds: json["retry_in_ms"]))
        case .stepHeld:
            kind = .stepHeld(place, with: json["with"]?.asObject ?? [:], input: json["input"] ?? .null)
        case .stepCancelled: kind = .stepCancelled(place, took: took)
        case .runFinished:
            guard let outcome = RunOutcome(json) else { return nil }
            kind = .runFinished(outcome, took: took)
        }
        self.init(runID: json["run"]?.asString ?? runID, time: time, kind: kind)
    }
}

extension RunOutcome {
    /// Of a `run-finished` event.
    fileprivate init?(_ json: Value) {
        switch json["state"]?.asString {
        case "succeeded": self = .succeeded(output: json["output"] ?? .null)
        case "failed": self = .failed(RunError(json: json["error"] ?? .null))
        case "cancelled": self = .cancelled
        default: return nil
        }
    }

    /// One word for lists and JSON.
    public var state: String {
        switch self {
        case .succeeded: "succeeded"
        case .failed: "failed"
        case .cancelled: "cancelled"
        }
    }
}

extension ValueObject {
    fileprivate mutating func add(_ place: RunEvent.StepPlace) {
        self["step"] = .string(place.id)
        self["uses"] = .string(place.uses)
    }
}

extension Duration {
    /// What ``milliseconds`` wrote, up to a thousand years; nil where there is none.
    fileprivate init?(readingMilliseconds value: Value?) {
        guard let number = value?.asDouble, number.isFinite else { return nil }
        self = .milliseconds(min(max(number, 0), 3.2e13))
    }

    /// The milliseconds, rounded to three decimals.
    public var milliseconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) * 1000 + (Double(attoseconds) / 1e12).rounded() / 1000
    }
}
