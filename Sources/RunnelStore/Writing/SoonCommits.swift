import Dispatch
import RunnelEngine
import Synchronization

/// Commits that need not be durable at once. Those of a run are merged, and written with its next durable commit, or
/// after ``patience``.
final class SoonCommits: Sendable {
    private struct State {
        var commits: [Lease: RunCommit] = [:]
        var isTimerSet = false
    }

    private static let patience = DispatchTimeInterval.milliseconds(50)
    /// The maximum number of runs with such commits; those of further ones are written at once (backpressure).
    private static let limit = 4096

    private let state = Mutex(State())
    /// Enqueues the write of a commit. Called under the lock, so that no later commit of the run overtakes it.
    private let submit: @Sendable (RunCommit) -> Void

    init(_ submit: @escaping @Sendable (RunCommit) -> Void) {
        self.submit = submit
    }

    /// - Returns: False if there are too many.
    func add(_ commit: RunCommit) -> Bool {
        enum Outcome { case added, first, refused }
        let outcome = state.withLock { state -> Outcome in
            if let earlier = state.commits[commit.lease] {
                state.commits[commit.lease] = earlier.merged(with: commit)
                return .added
            }
            guard state.commits.count < Self.limit else { return .refused }
            state.commits[commit.lease] = commit
            defer { state.isTimerSet = true }
            return state.isTimerSet ? .added : .first
        }
        if outcome == .first {
            DispatchQueue.global(qos: .userInitiated).asyncAfter(deadline: .now() + Self.patience) { self.flush() }
        }
        return outcome != .refused
    }

    /// The commit with those of its run that have not been written, which it takes over.
    func joined(_ commit: RunCommit) -> RunCommit {
        state.withLock { $0.commits.removeValue(forKey: commit.lease) }?.merged(with: commit) ?? commit
    }

    /// Enqueues the writes of these leases, or of all.
    func flush(_ leases: [Lease]? = nil) {
        state.withLock { state in
            for lease in leases ?? Array(state.commits.keys) {
                if let commit = state.commits.removeValue(forKey: lease) { submit(commit) }
            }
            if leases == nil { state.isTimerSet = false }
        }
    }
}
