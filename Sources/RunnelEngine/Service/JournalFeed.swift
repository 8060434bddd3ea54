import RunnelKit
import Synchronization

/// The events of one run as the journal has them, for a watcher in a process that does not work on the run.
///
/// While this process works on the run, its watchers have the events at once, so the feed is silent and leaves out what
/// they have seen.
final class JournalFeed: Sendable {
    private struct State {
        /// The number of the next event.
        var next = 0
        /// Whether this process worked on the run since the last event that was read.
        var wasLocal = false
    }

    /// The longest times between two looks at a run that another process works on, and at one that has no events yet.
    /// They are shorter at first, since most runs end soon.
    private static let interval = Duration.milliseconds(100)
    private static let queuedInterval = Duration.milliseconds(250)
    private static let firstInterval = Duration.milliseconds(10)
    /// How often its state is read even though nothing was written.
    private static let stateInterval = Duration.seconds(1)
    private static let page = 500

    private let journal: any Journal
    private let runID: String
    private let isLocal: @Sendable () -> Bool
    private let state = Mutex(State())

    /// - Parameter isLocal: Whether this process works on the run.
    init(journal: any Journal, runID: String, isLocal: @escaping @Sendable () -> Bool) {
        self.journal = journal
        self.runID = runID
        self.isLocal = isLocal
    }

    /// The watcher has the events of this process.
    func noteLocal() { state.withLock { $0.wasLocal = true } }

    /// Adds events to the watch until the run has ended in another process, or the task is cancelled. Errors of the
    /// journal are waited out.
    ///
    /// - Returns: Whether the run has ended in another process; then the watch is finished.
    func run(into watch: RunWatchers.Watch) async -> Bool {
        let clock = ContinuousClock()
        var version: Int64?
        var stateDue = clock.now
        var pause = Self.firstInterval
        var hadBegun = false
        while !Task.isCancelled {
            if isLocal() {
                noteLocal()
            } else {
                do throws(JournalError) {
                    let current = try await journal.version()
                    if current != version {
                        if try await read({ watch.add($0) }) { stateDue = clock.now }
                        version = current
                    }
                    if clock.now >= stateDue {
                        stateDue = clock.now + Self.stateInterval
                        // Its last events are forwarded then; see ``forward(_:)``.
                        if !isLocal(), try await journal.progress(of: runID)?.state.isFinal ?? true {
                            watch.finish()
                            return true
                        }
                    }
                } catch {
                    version = nil
                }
            }
            let hasBegun = state.withLock { $0.next > 0 || $0.wasLocal }
            if hasBegun, !hadBegun { pause = Self.firstInterval }
            hadBegun = hasBegun
            guard (try? await clock.sleep(for: pause)) != nil else { break }
            pause = min(pause * 2, hasBegun ? Self.interval : Self.queuedInterval)
        }
        return false
    }

    /// Calls `body` for the events of an ended run that have not been forwarded.
    func forward(_ body: (RunUpdate) async -> Void) async throws(JournalError) {
        if state.withLock(\.wasLocal) { return }
        while true {
            let events = try await journal.events(of: runID, from: state.withLock(\.next), limit: Self.page)
            guard let last = events.last else { return }
            state.withLock { $0.next = last.number + 1 }
            for update in events.compactMap(update) { await body(update) }
        }
    }

    /// Reads new events, up to those of this process.
    ///
    /// - Returns: Whether one of them says that the run has finished.
    private func read(_ add: (RunUpdate) -> Void) async throws(JournalError) -> Bool {
        // What this process did is known; it was written before the process stopped working on the run.
        let isSeen = state.withLock(\.wasLocal)
        var isOver = false
        while true {
            let events = try await journal.events(of: runID, from: state.withLock(\.next), limit: Self.page)
            guard let last = events.last else {
                state.withLock { $0.wasLocal = false }
                return isOver
            }
            // It may have begun here since; then the watch has these events.
            if isLocal() {
                noteLocal()
                return false
            }
            if RunEvent.Name(of: last.event) == .runFinished { isOver = true }
            state.withLock { $0.next = last.number + 1 }
            if isSeen { continue }
            for update in events.compactMap(update) { add(update) }
        }
    }

    private func update(_ event: (number: Int, event: Value)) -> RunUpdate? {
        RunEvent(json: event.event, runID: runID).flatMap { RunWatchers.update($0.kind) }
    }
}
