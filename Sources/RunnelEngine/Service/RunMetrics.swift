import Metrics
import RunnelKit

/// Measures runs and steps through swift-metrics. Labels hold names of pipelines and of types of steps, and nothing of
/// what a run works with.
enum RunMetrics {
    /// - Parameter pipeline: The name of the run's pipeline.
    static func observe(_ event: RunEvent, of pipeline: String) {
        switch event.kind {
        case .stepSucceeded(let place, _, let took): count(place, "succeeded", took)
        case .stepFailed(let place, _, let took, let retryIn):
            count(place, retryIn == nil ? "failed" : "retried", took)
        case .stepCancelled(let place, let took): count(place, "cancelled", took)
        case .stepSkipped(let place):
            Counter(label: "runnel_steps_total", dimensions: [("uses", place.uses), ("outcome", "skipped")]).increment()
        case .runFinished(let outcome, _): observe(1, of: pipeline, endedAs: outcome.state)
        case .runStarted, .stepStarted, .stepText, .stepNote, .stepHeld: break
        }
    }

    /// Counts ends of runs.
    ///
    /// - Parameter state: The final state.
    static func observe(_ count: Int, of pipeline: String, endedAs state: String) {
        Counter(label: "runnel_runs_total", dimensions: [("pipeline", pipeline), ("state", state)])
            .increment(by: Int64(count))
    }

    /// Records how long this process worked on a run that has ended.
    static func observe(worked: Duration, on pipeline: String) {
        timer("runnel_run_duration_seconds", [("pipeline", pipeline)], worked)
    }

    /// Counts the model tokens that the server told. Unknown ones are not zero: they are left out.
    static func observe(_ usage: UsageRecord) {
        for (direction, tokens) in [("input", usage.inputTokens), ("output", usage.outputTokens)] {
            guard let tokens else { continue }
            Counter(label: "runnel_chat_tokens_total", dimensions: [("direction", direction)])
                .increment(by: Int64(tokens))
        }
    }

    /// Measures the time to the first token, if the step describes its attempt by one.
    static func observe(_ attributes: ValueObject) {
        guard let milliseconds = attributes["time_to_first_token_ms"]?.asInt, milliseconds >= 0 else { return }
        timer("runnel_chat_first_token_seconds", [], .milliseconds(milliseconds))
    }

    /// Measures the time from what a trigger event is about until its run was on disk.
    ///
    /// - Parameter kind: The type of the trigger.
    static func observe(lag: Duration, of kind: String) {
        timer("runnel_trigger_lag_seconds", [("type", kind)], lag)
    }

    private static func count(_ place: RunEvent.StepPlace, _ outcome: String, _ took: Duration) {
        Counter(label: "runnel_steps_total", dimensions: [("uses", place.uses), ("outcome", outcome)]).increment()
        timer("runnel_step_duration_seconds", [("uses", place.uses)], took)
    }

    private static func timer(_ label: String, _ dimensions: [(String, String)], _ took: Duration) {
        Timer(label: label, dimensions: dimensions).recordNanoseconds(took.nanoseconds)
    }
}
