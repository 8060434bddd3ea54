import Metrics
import RunnelKit

/// Measures the journal through swift-metrics.
package enum JournalMetrics {
    /// Measures a transaction that was committed, with the fsync that makes it durable.
    package static func committed(after took: Duration) {
        Timer(label: "runnel_journal_commit_seconds").recordNanoseconds(took.nanoseconds)
    }
}
