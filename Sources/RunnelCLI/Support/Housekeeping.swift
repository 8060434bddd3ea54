import RunnelEngine
import RunnelKit

/// Removes what is too old from the journal, once a day however many processes think of it.
struct Housekeeping: Sendable {
    let journal: any Journal
    let retention: Retention

    private static let interval: Int64 = 86_400 * 1_000_000_000
    private static let place = TriggerID(pipeline: "", key: "housekeeping")

    /// What cannot be done now is done the next time.
    func runWhenDue() async {
        let memory = journal.memory(of: Self.place)
        let now = WallClock.nanoseconds()
        guard let last = try? await memory.value(for: "pruned_at")?.asInt else {
            try? await memory.set(["pruned_at": .int(now)])
            return
        }
        // A clock that was set back must not put it off for long.
        guard now - last > Self.interval || last > now else { return }
        try? await memory.set(["pruned_at": .int(now)])
        _ = try? await journal.prune(retention, now: now)
    }
}
