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
        case .runFinished(let outcome, let took):
            Counter(label: "runnel_runs_total", dimensions: [("pipeline", pipeline), ("state", outcome.state)])
                .increment()
            timer("runnel_run_duration_seconds", [("pipeline", pipeline)], took)
        case .runStarted, .stepStarted, .stepText, .stepNote, .stepHeld: break
        }
    }

    private static func count(_ place: RunEvent.StepPlace, _ outcome: String, _ took: Duration) {
        Counter(label: "runnel_steps_total", dimensions: [("uses", place.uses), ("outcome", outcome)]).increment()
        timer("runnel_step_duration_seconds", [("uses", place.uses)], took)
    }

    private static func timer(_ label: String, _ dimensions: [(String, String)], _ took: Duration) {
        Timer(label: label, dimensions: dimensions).recordNanoseconds(took.nanoseconds)
    }
}
