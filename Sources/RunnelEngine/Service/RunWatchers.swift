import RunnelKit
import Synchronization

/// Those who watch runs that this process works on.
final class RunWatchers: Sendable {
    enum Message: Sendable {
        case update(RunUpdate)
        case ended
    }

    private struct State {
        var next = 0
        var continuations: [String: [Int: AsyncStream<Message>.Continuation]] = [:]
    }

    /// What a slow watcher may have before it: beyond that, the oldest texts are left out.
    private static let backlog = 1024

    private let state = Mutex(State())

    /// What happens in the run from now on. Ending the task that iterates ends the watching.
    func watch(_ runID: String) -> AsyncStream<Message> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Message.self, bufferingPolicy: .bufferingNewest(Self.backlog))
        let id = state.withLock { state in
            state.next += 1
            state.continuations[runID, default: [:]][state.next] = continuation
            return state.next
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { state in
                state.continuations[runID]?[id] = nil
                if state.continuations[runID]?.isEmpty ?? false { state.continuations[runID] = nil }
            }
        }
        return stream
    }

    func tell(_ event: RunEvent) {
        let message: Message
        switch event.kind {
        case .stepStarted(let place, _): message = .update(.stepStarted(step: place.id))
        case .stepText(let place, let text): message = .update(.text(step: place.id, text))
        case .stepNote(let place, let text): message = .update(.note(step: place.id, text))
        case .stepSkipped(let place), .stepSucceeded(let place, _, _), .stepFailed(let place, _, _, _),
            .stepCancelled(let place, _):
            message = .update(.stepEnded(step: place.id))
        case .runStarted, .runFinished, .stepHeld: return
        }
        for continuation in watchers(of: event.runID) { continuation.yield(message) }
    }

    /// The run is not worked on here any more; what became of it is in the journal.
    func end(_ runID: String) {
        for continuation in watchers(of: runID) {
            continuation.yield(.ended)
            continuation.finish()
        }
    }

    private func watchers(of runID: String) -> [AsyncStream<Message>.Continuation] {
        state.withLock { $0.continuations[runID].map { Array($0.values) } ?? [] }
    }
}
