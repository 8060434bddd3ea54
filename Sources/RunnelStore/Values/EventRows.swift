import RunnelEngine
import RunnelKit

/// The events of a run, in rows of several: a JSON list, and the number of its first event.
enum EventRows {
    /// - Parameters:
    ///   - rows: In the order of the numbers.
    ///   - number: Events before it are left out.
    static func list(
        _ rows: [(first: Int, text: String)], from number: Int = 0, limit: Int = .max
    ) -> [(number: Int, event: Value)] {
        var events: [(number: Int, event: Value)] = []
        for row in rows {
            let list = (try? Value.json(Array(row.text.utf8)))?.asList ?? []
            for (index, event) in list.enumerated() where row.first + index >= number && events.count < limit {
                events.append((row.first + index, event))
            }
        }
        return events
    }
}

/// The events of a commit with their JSON. It is written before the transaction, because transactions wait for each other.
struct EncodedEvents: Sendable {
    private static let maximumCount = 5000
    private static let maximumBytes = 1 << 20

    private let events: [Value]
    private let text: String

    /// nil if there are none.
    init?(_ events: [Value]) {
        guard !events.isEmpty else { return nil }
        self.events = events
        text = Value.list(events).json()
    }

    /// The row of the events. Beyond the limits of a run, text events are dropped; state changes of steps are not.
    ///
    /// - Parameters:
    ///   - count: The number of events of the run that are written already.
    ///   - bytes: The size of their JSON.
    /// - Returns: nil if nothing is written.
    func row(after count: Int, _ bytes: Int) -> (count: Int, text: String)? {
        guard count > Self.maximumCount || bytes > Self.maximumBytes else { return (events.count, text) }
        let kept = events.filter { RunEvent.Name(of: $0)?.isText != true }
        return kept.isEmpty ? nil : (kept.count, Value.list(kept).json())
    }
}
