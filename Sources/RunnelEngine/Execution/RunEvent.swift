public import RunnelKit

/// Something that happened in a run, as a watcher sees it. Secrets are masked in it.
public struct RunEvent: Sendable {
    public var runID: String
    /// Nanoseconds since 1970.
    public var time: Int64
    public var kind: Kind

    public enum Kind: Sendable {
        case runStarted(pipeline: String, steps: Int)
        /// `attempt` counts from 1.
        case stepStarted(StepPlace, attempt: Int)
        case stepText(StepPlace, String)
        case stepNote(StepPlace, String)
        case stepSkipped(StepPlace)
        case stepSucceeded(StepPlace, output: Value, took: Duration)
        /// `retryIn` is set when the step will be tried again.
        case stepFailed(StepPlace, RunError, took: Duration, retryIn: Duration?)
        /// A dry run ends here: the step would have cost or changed something.
        case stepHeld(StepPlace, with: ValueObject, input: Value)
        /// The run was cancelled, or took too long, while the step went on.
        case stepCancelled(StepPlace, took: Duration)
        case runFinished(RunOutcome, took: Duration)
    }

    /// Which step of the pipeline.
    public struct StepPlace: Sendable, Hashable {
        public var id: String
        public var uses: String
    }
}

/// How a run ended.
public enum RunOutcome: Sendable {
    case succeeded(output: Value)
    case failed(RunError)
    case cancelled
}

extension RunEvent {
    /// The event as one JSON object.
    public var json: Value {
        var object: ValueObject = [
            "event": .string(name), "run": .string(runID), "time": .string(Timestamp.text(nanoseconds: time)),
        ]
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
            object["output"] = output
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
            case .succeeded(let output): object["output"] = output
            case .failed(let error): object["error"] = error.json
            case .cancelled: break
            }
        }
        return .object(object)
    }

    /// The event as the journal keeps it: without outputs, which are kept beside it.
    var journalJSON: Value {
        guard var object = json.asObject else { return json }
        object["output"] = nil
        object["run"] = nil
        return .object(object)
    }

    private var name: String {
        switch kind {
        case .runStarted: "run-started"
        case .stepStarted: "step-started"
        case .stepText: "step-text"
        case .stepNote: "step-note"
        case .stepSkipped: "step-skipped"
        case .stepSucceeded: "step-succeeded"
        case .stepFailed: "step-failed"
        case .stepHeld: "step-held"
        case .stepCancelled: "step-cancelled"
        case .runFinished: "run-finished"
        }
    }
}

extension RunOutcome {
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
    /// With three digits behind the point.
    public var milliseconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) * 1000 + (Double(attoseconds) / 1e12).rounded() / 1000
    }
}
