/// Bounds that keep a check from running away, whatever the schema and the value.
struct EvaluationLimits: Sendable {
    /// Issues in a report.
    var issues = 100
    /// Schemas inside schemas being checked at one moment; bounds the stack. Twice as many lists inside lists fit into
    /// the 512 KiB of a secondary thread on macOS in a release build.
    var depth = 500
    /// Schemas applied to values in one pass; bounds the time.
    var steps = 10_000_000
    /// Instructions of one pattern on one text; twenty of them count as one step.
    var patternSteps = 20_000_000
}
