import RunnelKit
import Synchronization

/// Runs jobs that block on threads of their own, a bounded number at a time; the others wait for their turn.
///
/// A job that nobody waits for any more is *left*: it is dropped when it has not begun, and else keeps its thread until
/// it ends by itself, without counting towards the jobs that may run. The number of those is bounded too.
final class WorkerPool: Sendable {
    static let shared = WorkerPool()

    private static let maximumThreads = 16
    private static let maximumLeft = 16
    /// An idle thread ends after this long, which gives its stack back.
    private static let idleSeconds = 5

    private struct Job {
        let id: ObjectIdentifier
        let run: @Sendable () -> Void
    }

    private struct State {
        var waiting: [Job] = []
        var running: Set<ObjectIdentifier> = []
        var left: Set<ObjectIdentifier> = []
        var threads = 0
        var idle = 0

        /// Whether a thread has to be started for what waits.
        mutating func reservesThread() -> Bool {
            guard !waiting.isEmpty, threads - left.count < WorkerPool.maximumThreads else { return false }
            threads += 1
            return true
        }
    }

    private enum Next {
        case wake, start, wait
        case refuse
    }

    private let state = Mutex(State())
    private let wake = ThreadSignal()

    /// Runs `job` when its turn comes. `owner` names it and has to live until it is done or left.
    func submit(_ owner: AnyObject, job: @escaping @Sendable () -> Void) throws(StepError) {
        let id = ObjectIdentifier(owner)
        let next = state.withLock { state -> Next in
            guard state.left.count < Self.maximumLeft else { return .refuse }
            state.waiting.append(Job(id: id, run: job))
            if state.idle > 0 {
                state.idle -= 1
                return .wake
            }
            return state.reservesThread() ? .start : .wait
        }
        switch next {
        case .wait: break
        case .wake: wake.signal()
        case .start:
            guard !startThread() else { break }
            // Another thread takes the job when there is one.
            let isLost = state.withLock { state in
                guard state.threads == 0 else { return false }
                state.waiting.removeAll { $0.id == id }
                return true
            }
            if isLost { throw StepError("no-thread", "no thread could be started", isTransient: true) }
        case .refuse:
            throw StepError(
                "jq-busy", "\(Self.maximumLeft) jq programs that were stopped have not ended yet",
                hint: "look for programs that reach their time limit", isTransient: true)
        }
    }

    /// Says that nobody waits for the job of `owner` any more.
    func leave(_ owner: AnyObject) {
        let id = ObjectIdentifier(owner)
        let starts = state.withLock { state in
            state.waiting.removeAll { $0.id == id }
            guard state.running.contains(id) else { return false }
            state.left.insert(id)
            return state.reservesThread()
        }
        if starts { _ = startThread() }
    }

    private func startThread() -> Bool {
        let isStarted = DeepThread.start { self.work() }
        if !isStarted { state.withLock { $0.threads -= 1 } }
        return isStarted
    }

    private func work() {
        while let job = nextJob() {
            job.run()
            // The job holds its owner, so that no other can have the same identity before it is removed.
            withExtendedLifetime(job) {
                state.withLock { state in
                    state.running.remove(job.id)
                    state.left.remove(job.id)
                }
            }
        }
    }

    /// nil when the thread has been idle for long and is to end.
    private func nextJob() -> Job? {
        while true {
            let job = state.withLock { state -> Job? in
                guard !state.waiting.isEmpty else {
                    state.idle += 1
                    return nil
                }
                let job = state.waiting.removeFirst()
                state.running.insert(job.id)
                return job
            }
            if let job { return job }
            guard !wake.wait(seconds: Self.idleSeconds) else { continue }
            let mayEnd = state.withLock { state in
                // Without an idle thread to give up, somebody has just decided to wake this one.
                guard state.idle > 0 else { return false }
                state.idle -= 1
                state.threads -= 1
                return true
            }
            if mayEnd { return nil }
            wake.wait()
        }
    }
}
