import RunnelKit
import Synchronization

/// The watchers of runs in this process, and the recent events of those runs.
final class RunWatchers: Sendable {
    /// The past and future events of a run, until this process no longer works on it. Its result is in the journal.
    struct Watch: Sendable {
        /// The watch ends with the iterating task.
        let updates: AsyncStream<RunUpdate>
        fileprivate let continuation: AsyncStream<RunUpdate>.Continuation

        /// Ends the updates after the past events.
        func finish() { continuation.finish() }

        /// Adds an update from elsewhere.
        func add(_ update: RunUpdate) { continuation.yield(update) }
    }

    private struct State {
        var nextID = 0
        var continuations: [String: [Int: AsyncStream<RunUpdate>.Continuation]] = [:]
        /// The histories of active runs.
        var live: [String: RunHistory] = [:]
        /// The histories of recently ended runs: a run may end before its starter begins to watch.
        var past: [String: RunHistory] = [:]
        /// The order of ended runs, oldest first.
        var pastOrder: [String] = []
        var pastSize = 0

        mutating func takePast(_ runID: String) -> RunHistory? {
            guard let history = past.removeValue(forKey: runID) else { return nil }
            pastSize -= history.size
            pastOrder.removeAll { $0 == runID }
            return history
        }

        mutating func keepPast(_ runID: String, _ history: RunHistory) {
            past[runID] = history
            pastOrder.append(runID)
            pastSize += history.size
            while pastOrder.count > maximumPast || pastSize > maximumPastSize, !pastOrder.isEmpty {
                pastSize -= past.removeValue(forKey: pastOrder.removeFirst())?.size ?? 0
            }
        }
    }

    /// The maximum number of buffered updates of a slow watcher; beyond it the oldest are dropped.
    private static let backlog = RunHistory.maximumCount + 1024
    private static let maximumPast = 64
    /// The limit of text in bytes.
    private static let maximumPastSize = 1 << 20

    private let state = Mutex(State())

    /// - Parameter isWhole: Whether to include past events.
    func watch(_ runID: String, isWhole: Bool) -> Watch {
        let (updates, continuation) = AsyncStream.makeStream(
            of: RunUpdate.self, bufferingPolicy: .bufferingNewest(Self.backlog))
        let id = state.withLock { state in
            state.nextID += 1
            state.continuations[runID, default: [:]][state.nextID] = continuation
            if isWhole, let history = state.live[runID] ?? state.past[runID] {
                for update in history.updates { continuation.yield(update) }
            }
            return state.nextID
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { state in
                state.continuations[runID]?[id] = nil
                if state.continuations[runID]?.isEmpty ?? false { state.continuations[runID] = nil }
            }
        }
        return Watch(updates: updates, continuation: continuation)
    }

    /// Whether the run is active here, so that its watchers will be notified of its end.
    func isLive(_ runID: String) -> Bool {
        state.withLock { $0.live[runID] != nil }
    }

    /// Whether this process works on the run, or worked on it not long ago.
    func remembers(_ runID: String) -> Bool {
        state.withLock { $0.live[runID] != nil || $0.past[runID] != nil }
    }

    /// The number of remembered ended runs.
    var remembered: Int { state.withLock { $0.past.count } }

    /// Passes an event on. `runStarted` makes the run active; until then, and after its end, other events are ignored: an
    /// abandoned step may still report something.
    func tell(_ event: RunEvent) {
        state.withLock { state in
            if state.live[event.runID] == nil {
                guard case .runStarted = event.kind else { return }
                state.live[event.runID] = state.takePast(event.runID) ?? RunHistory()
            }
            guard let update = Self.update(event.kind) else { return }
            // In place, so that appending does not copy.
            state.live[event.runID]?.append(update)
            guard let continuations = state.continuations[event.runID] else { return }
            for continuation in continuations.values { continuation.yield(update) }
        }
    }

    /// The run is no longer active here; its result is in the journal.
    func end(_ runID: String) {
        let continuations = state.withLock { state in
            if let history = state.live.removeValue(forKey: runID) { state.keepPast(runID, history) }
            return state.continuations.removeValue(forKey: runID) ?? [:]
        }
        for continuation in continuations.values { continuation.finish() }
    }

    static func update(_ kind: RunEvent.Kind) -> RunUpdate? {
        switch kind {
        case .stepStarted(let place, _): .stepStarted(step: place.id)
        case .stepText(let place, let text): .text(step: place.id, text)
        case .stepNote(let place, let text): .note(step: place.id, text)
        case .stepSkipped(let place), .stepSucceeded(let place, _, _), .stepFailed(let place, _, _, _),
            .stepCancelled(let place, _):
            .stepEnded(step: place.id)
        case .runStarted, .runFinished, .stepHeld: nil
        }
    }
}
