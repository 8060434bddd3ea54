internal import Synchronization

/// Generates names of temporary files. Each is used by one writer of this process at a time.
///
/// A name consists of the run and a counter from 0, so that the next attempt replaces the leftover of a killed process.
enum TemporaryName {
    private static let claimed = Mutex<Set<String>>([])

    static func text(runID: String, number: Int) -> String {
        ".runnel-\(runID)-\(number).tmp"
    }

    /// Runs `body` with a name that is unique until it returns.
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
