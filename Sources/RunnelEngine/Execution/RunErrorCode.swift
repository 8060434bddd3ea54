public import RunnelKit

/// The codes of errors of runs.
public enum RunErrorCode: String, ErrorCode {
    case badForEach = "bad-for-each"
    case definitionGone = "definition-gone"
    case definitionInvalid = "definition-invalid"
    case killedItsWorker = "killed-its-worker"
    case loopExhausted = "loop-exhausted"
    case runTimeout = "run-timeout"
    case stepFailed = "step-failed"
    case stepTimeout = "step-timeout"
    case unknownStep = "unknown-step"

    /// The heading in the reference.
    public static let part = "Runs and the journal"

    /// What it means, and what to do.
    public var explanation: ErrorExplanation {
        switch self {
        case .badForEach:
            ErrorExplanation(
                "`for_each.…`: expected a list, found …", "`for_each` has more than … combinations",
                "`for_each`: expected a list, found …", hints: "convert an object to a list with jq: `to_entries`")
        case .definitionGone: ErrorExplanation("the journal does not contain the pipeline of the run")
        case .definitionInvalid:
            ErrorExplanation(
                "the pipeline of the run is no longer valid: …", hints: "`runnel runs retry` uses the current file")
        case .killedItsWorker:
            ErrorExplanation(
                "the worker of the run died … times… without progress",
                hints: """
                    check the system log for the cause, such as out of memory or a crash in a library; \
                    `runnel runs retry …` runs it again
                    """)
        case .loopExhausted:
            ErrorExplanation(
                "the condition of the loop is not met after … round…",
                hints: "raise `max_rounds`, or check the condition")
        case .runTimeout: ErrorExplanation("the run took longer than its `timeout` of …")
        case .stepFailed: ErrorExplanation("a step ended with an error that has no code")
        case .stepTimeout:
            ErrorExplanation(
                "the step took longer than its `timeout` of …", "the group took longer than its `timeout` of …")
        case .unknownStep:
            ErrorExplanation(
                "unknown step \"…\"", hints: "its plugin may have been removed; `runnel steps` lists all steps")
        }
    }
}
