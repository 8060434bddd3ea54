import RunnelKit
import Synchronization

/// Those who watch runs that this process works on, and what those runs have said.
final class RunWatchers: Sendable {
    /// What happened in a run and what happens from now on, until the run is not worked on here any more. What became
    /// of it is in the journal.
    struct Watch: Sendable {
        /// Ending the task that iterates ends the watching.
        let updates: AsyncStream<RunUpdate>
        fileprivate let continuation: AsyncStream<RunUpdate>.Continuation

        /// Ends the updates behind what has happened.
        func finish() { continuation.finish() }
    }

    private struct State {
        var nextID = 0
        var continuations: [String: [Int: AsyncStream<RunUpdate>.Continuation]] = [:]
        /// Of the runs that are worked on here.
        var live: [String: RunHistory] = [:]
        /// Of the last runs that were: one may end before whoever started it begins to watch.
        var past: [String: RunHistory] = [:]
        /// The oldest first.
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
            while pastOrder.count > maximumPast || pastSize > maximumPastSize, let oldest = pastOrder.first {
                _ = takePast(oldest)
            }
        }
    }

    /// What a slow watcher may have before it: beyond that, the oldest updates are left out.
    private static let backlog = RunHistory.maximumCount + 1024
    private static let maximumPast = 64
    /// Bytes of text.
    private static let maximumPastSize = 1 << 20

    private let state = Mutex(State())

    /// - Parameter isWhole: Whether what has happened is wanted as well.
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

    /// Whether the run is worked on here, so that those who watch it will hear of its end.
    func isLive(_ runID: String) -> Bool {
        state.withLock { $0.live[runID] != nil }
    }

    /// How many runs are remembered that are not worked on any more.
    var remembered: Int { state.withLock { $0.past.count } }

    func tell(_ event: RunEvent) {
        state.withLock { state in
            var history = state.live[event.runID] ?? state.takePast(event.runID) ?? RunHistory()
            // So that there is one owner, who can change it in place.
            state.live[event.runID] = nil
            if let update = Self.update(event.kind) {
                history.append(update)
                for continuation in state.continuations[event.runID, default: [:]].values { continuation.yield(update) }
            }
            state.live[event.runID] = history
        }
    }

    /// The run is not worked on here any more; what became of it is in the journal.
    func end(_ runID: String) {
        let continuations = state.withLock { state in
            if let history = state.live.removeValue(forKey: runID) { state.keepPast(runID, history) }
            return state.continuations.removeValue(forKey: runID) ?? [:]
        }
        for continuation in continuations.values { continuation.finish() }
    }

    private static func update(_ kind: RunEvent.Kind) -> RunUpdate? {
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
