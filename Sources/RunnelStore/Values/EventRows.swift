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
