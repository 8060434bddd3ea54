import RunnelEngine
import RunnelKit

/// Writes each event as one line of JSON on standard output.
struct JSONReporter: RunObserver {
    func report(_ event: RunEvent) {
        Streams.output.write(json: event.json)
    }

    func finish(_ result: RunResult) {}
}
