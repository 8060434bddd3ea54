public import RunnelKit
import Templates
public import YAML

/// Why a run, or one of its steps, failed. Secrets are masked in it.
public struct RunError: Error, Sendable {
    /// Stable and in kebab case.
    public var code: String
    public var message: String
    public var hint: String?
    public var stepID: String?
    /// The place in the pipeline file, where there is one.
    public var file: String?
    public var range: YAMLRange?
    /// Whether trying again later could help.
    public var isTransient = false
    public var retryAfter: Duration?
    /// What had been produced when it failed.
    public var partialOutput: Value?

    public init(_ code: String, _ message: String, hint: String? = nil, stepID: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
        self.stepID = stepID
    }

    /// What a step threw.
    init(_ error: any Error, step: PipelineStep, in source: YAMLSource) {
        switch error {
        case let error as StepError:
            self.init(error.code, error.message, hint: error.hint, stepID: step.id)
            isTransient = error.isTransient
            retryAfter = error.retryAfter
            partialOutput = error.partialOutput
            range = step.usesNode.range
        case let error as PlacedTemplateFailure:
            self.init(error.failure.code, error.failure.message, hint: error.failure.hint, stepID: step.id)
            range = source.range(ofUTF8Range: error.failure.utf8Range, in: error.node)
        default:
            self.init("step-failed", "\(error)", stepID: step.id)
            range = step.usesNode.range
        }
        file = source.name
    }

    /// The worker of the run died again and again, also when it worked on nothing else.
    ///
    /// - Parameter steps: What went on when it died.
    public static func killedItsWorker(_ runID: String, deaths: Int, steps: [String]) -> RunError {
        let going =
            steps.isEmpty ? "" : " while " + steps.map { "\"\($0)\"" }.joined(separator: ", ") + " was going on"
        return RunError(
            "killed-its-worker",
            "the process that worked on the run died \(deaths) times\(going), without a step ending in between",
            hint: "find out from the system's log how it died, for want of memory or by a crash of a library; "
                + "`runnel runs retry \(runID)` tries it again", stepID: steps.count == 1 ? steps[0] : nil)
    }

    /// The same with secrets masked.
    func redacted(by redactor: Redactor) -> RunError {
        var copy = self
        copy.message = redactor.redact(message)
        copy.hint = hint.map(redactor.redact)
        copy.partialOutput = partialOutput.map { redactor.redact($0) }
        return copy
    }

    /// As a diagnostic, to be printed with its place; nil where it has none.
    public var diagnostic: Diagnostic? {
        guard let file, let range else { return nil }
        return Diagnostic(code, file: file, range: range, message, hint: hint)
    }

    public var json: Value {
        var object: ValueObject = ["code": .string(code), "message": .string(message)]
        object["hint"] = hint.map { .string($0) }
        object["step"] = stepID.map { .string($0) }
        if let file, let range {
            object["file"] = .string(file)
            object["line"] = .int(Int64(range.start.line))
            object["column"] = .int(Int64(range.start.column))
        }
        object["partial_output"] = partialOutput
        return .object(object)
    }

    /// Reads ``json``. What is not there is left out; an error that is none has the code `unknown`.
    public init(json: Value) {
        let object = json.asObject ?? [:]
        self.init(
            object["code"]?.asString ?? "unknown", object["message"]?.asString ?? "the reason was not kept",
            hint: object["hint"]?.asString, stepID: object["step"]?.asString)
        partialOutput = object["partial_output"]
        if let file = object["file"]?.asString, let line = object["line"]?.asInt, let column = object["column"]?.asInt {
            self.file = file
            let start = YAMLPosition(line: Int(clamping: line), column: Int(clamping: column))
            range = YAMLRange(start: start, end: start)
        }
    }

    /// `error` as the steps of `on_failure` and `finally` see it.
    var scopeValue: Value {
        [
            "code": .string(code), "message": .string(message), "hint": .string(hint ?? ""),
            "step": .string(stepID ?? ""), "output": partialOutput ?? .null,
        ]
    }
}
