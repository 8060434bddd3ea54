import RunnelKit
import Synchronization

/// Names of temporary files. Each belongs to one writer of this process at a time.
///
/// A name begins with the run and counts from 0, so that what a killed process left is replaced by the attempt that
/// follows.
enum TemporaryName {
    private static let claimed = Mutex<Set<String>>([])

    static func text(runID: String, number: Int) -> String {
        ".runnel-\(runID)-\(number).tmp"
    }

    /// Runs `body` with a name that nobody else has until it returns.
    static func claiming<Output>(
        runID: String, _ body: (String) throws(StepError) -> Output
    ) throws(StepError) -> Output {
        let name = claimed.withLock { claimed in
            var number = 0
            while !claimed.insert(text(runID: runID, number: number)).inserted { number += 1 }
            return text(runID: runID, number: number)
        }
        defer { _ = claimed.withLock { $0.remove(name) } }
        return try body(name)
    }
}
