/// Bounds that keep a check from running away, whatever the schema and the value.
struct EvaluationLimits: Sendable {
    /// Issues in a report.
    var issues = 100
    /// Schemas inside schemas being checked at one moment. In a release build they take less than half of the 512 KiB of
    /// stack that a secondary thread has on macOS.
    var depth = 500
    /// Schemas applied to values in one pass; bounds the time.
    var steps = 10_000_000
    /// Instructions of one pattern on one text; so many cost as much time as some hundred thousand schemas.
    var patternSteps = 20_000_000
}
