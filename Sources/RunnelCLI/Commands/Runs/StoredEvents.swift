import RunnelEngine
import RunnelKit

/// The events of a run, as the journal keeps them.
struct StoredEvents {
    let journal: any Journal
    let run: RunRecord

    private static let page = 1000
    private static let interval = Duration.milliseconds(100)

    /// Calls `show` with each event in order, until the run has ended or the task is cancelled.
    ///
    /// - Parameters:
    ///   - goesOn: Whether to wait for further events.
    ///   - show: Gets the id of the run and the event.
    ///   - pause: Called whenever there is nothing new.
    /// - Returns: The run as it is then, without what it began with.
    func follow(
        goesOn: Bool = true, _ show: (_ id: String, _ event: Value) -> Void, pause: () -> Void = {}
    ) async throws -> RunRecord {
        let id = run.id
        var record = run
        var next = 0
        var version: Int64 = -1
        while !Task.isCancelled {
            // What a cancelled reader throws is no fault of the journal.
            guard let current = try await Self.unlessCancelled({ try await journal.version() }) else { break }
            if current != version {
                version = current
                let now = try await Self.unlessCancelled {
                    try await journal.newEvents(of: id, from: &next, page: Self.page) { events in
                        for (_, event) in events { show(id, event) }
                    }
                }
                record = now.flatMap(\.self) ?? record
            }
            if record.state.isFinal || !goesOn { break }
            pause()
            try? await ContinuousClock().sleep(for: Self.interval)
        }
        return record
    }

    /// What `body` returns; nil when the task is cancelled meanwhile.
    private static func unlessCancelled<Result>(_ body: () async throws -> Result) async throws -> Result? {
        do {
            return try await body()
        } catch {
            guard Task.isCancelled else { throw error }
            return nil
        }
    }
}
