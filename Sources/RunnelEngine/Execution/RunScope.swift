import RunnelKit
import Templates

/// The names a template can use, at one point of a run.
struct RunScope: TemplateScope {
    let request: RunRequest
    let values: ProjectValues
    let run: Value
    let now: Int64
    /// The last output that was produced.
    private(set) var input: Value
    /// By step id; null for a skipped step.
    private(set) var outputs = ValueObject()
    /// Set while `on_failure` and `finally` run.
    var error: RunError?

    init(request: RunRequest, pipeline: String, values: ProjectValues, now: Int64) {
        self.request = request
        self.values = values
        self.now = now
        input = request.input
        run = [
            "id": .string(request.id), "pipeline": .string(pipeline),
            "started_at": .string(Timestamp.text(nanoseconds: now)),
        ]
    }

    mutating func record(_ output: Value, of step: String) {
        outputs[step] = output
        input = output
    }

    /// A skipped step has a null output, and the pipe passes it by.
    mutating func recordSkip(of step: String) {
        outputs[step] = .null
    }

    func value(named name: String) -> Value? {
        switch name {
        case "input": input
        case "inputs": .object(request.inputs)
        case "steps": .object(outputs)
        case "trigger": request.trigger
        case "secrets":
            .object(ValueObject(values.secrets.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
        case "env": .object(ValueObject(values.env.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
        case "run": run
        // Without an error, `finally` finds null here, and `error` without `default` fails in words.
        case "error": error.map(\.scopeValue) ?? .null
        default: nil
        }
    }

    var knownNames: [String] { ["input", "inputs", "steps", "trigger", "secrets", "env", "run", "error"] }
}
