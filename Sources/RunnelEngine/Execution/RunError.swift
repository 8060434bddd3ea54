public import RunnelKit
import Templates
package import YAML

/// The error of a failed run or step. Secrets are redacted.
public struct RunError: Error, Sendable {
    /// Stable and in kebab case.
    public var code: String
    package var message: String
    package var hint: String?
    package var stepID: String?
    /// The position in the pipeline file, if there is one.
    public var file: String?
    package var range: YAMLRange?
    /// Whether a later retry may succeed.
    public var isTransient = false
    package var retryAfter: Duration?
    /// The partial output at the time of the failure.
    public var partialOutput: Value?

    /// An error with a code that is declared.
    public init(_ code: any ErrorCode, _ message: String, hint: String? = nil, stepID: String? = nil) {
        self.init(reported: code.rawValue, message, hint: hint, stepID: stepID)
    }

    /// An error whose code comes from a step, the journal or another process.
    public init(reported code: String, _ message: String, hint: String? = nil, stepID: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
        self.stepID = stepID
    }

    /// What the journal had to say about one run.
    init(_ error: JournalError) {
        self.init(error.code, error.message, hint: error.hint)
    }

    /// Converts an error thrown by a step.
    init(_ error: any Error, step: PipelineStep, in source: YAMLSource) {
        switch error {
        case let error as StepError:
            self.init(reported: error.code, error.message, hint: error.hint, stepID: step.id)
            isTransient = error.isTransient
            retryAfter = error.retryAfter
            partialOutput = error.partialOutput
            range = step.usesNode.range
        case let error as LocatedTemplateError:
            self.init(reported: error.failure.code, error.failure.message, hint: error.failure.hint, stepID: step.id)
            range = source.range(ofUTF8Range: error.failure.utf8Range, in: error.node)
        default:
            self.init(RunErrorCode.stepFailed, "\(error)", stepID: step.id)
            range = step.usesNode.range
        }
        file = source.name
    }

    /// The run's worker died repeatedly, also when it worked on nothing else.
    ///
    /// - Parameter steps: The steps that were running when it died.
    public static func killedItsWorker(_ runID: String, deaths: Int, steps: [String]) -> RunError {
        let going =
            steps.isEmpty ? "" : " while " + steps.map { "\"\($0)\"" }.joined(separator: ", ") + " was running"
        return RunError(
            RunErrorCode.killedItsWorker,
            "the worker of the run died \(deaths) times\(going) without progress",
            hint: "check the system log for the cause, such as out of memory or a crash in a library; "
                + "`runnel runs retry \(runID)` runs it again", stepID: steps.count == 1 ? steps[0] : nil)
    }

    /// Whether the error has this code.
    public func has(_ code: any ErrorCode) -> Bool { self.code == code.rawValue }

    /// The error without secrets, its texts truncated.
    func redacted(by redactor: Redactor) -> RunError {
        var copy = self
        // A program chooses its own codes; they may contain a secret.
        copy.code = redactor.redact(code)
        copy.message = redactor.redactPluginMessage(message)
        copy.hint = hint.map(redactor.redactPluginMessage)
        copy.partialOutput = partialOutput.map { redactor.redact($0) }
        return copy
    }

    /// The error as a diagnostic with its position; nil if it has none.
    public var diagnostic: Diagnostic? {
        guard let file, let range else { return nil }
        return Diagnostic(reported: code, file: file, range: range, message, hint: hint)
    }

    /// The error as the journal and the API show it.
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

    /// Decodes ``json``. Missing keys are ignored; an invalid error gets the code `unknown`.
    public init(json: Value) {
        let object = json.asObject ?? [:]
        self.init(
            reported: object["code"]?.asString ?? "unknown", object["message"]?.asString ?? "the reason was not stored",
            hint: object["hint"]?.asString, stepID: object["step"]?.asString)
        partialOutput = object["partial_output"]
        if let file = object["file"]?.asString, let line = object["line"]?.asInt, let column = object["column"]?.asInt {
            self.file = file
            let start = YAMLPosition(line: Int(clamping: line), column: Int(clamping: column))
            range = YAMLRange(start: start, end: start)
        }
    }

    /// The value of `error` in `on_failure` and `finally`.
    var scopeValue: Value {
        [
            "code": .string(code), "message": .string(message), "hint": .string(hint ?? ""),
            "step": .string(stepID ?? ""), "output": partialOutput ?? .null,
        ]
    }
}
