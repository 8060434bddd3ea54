import Dispatch
import Synchronization

/// Runs the tasks of a test and tells when none of them can go on without the clock: no job runs or is due, and no call
/// of the journal is under way.
final class IdleExecutor: TaskExecutor {
    private struct State {
        var jobs = 0
        var calls = 0
        var waiters: [CheckedContinuation<Void, Never>] = []

        var isIdle: Bool { jobs == 0 && calls == 0 }
    }

    private let state = Mutex(State())

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLock { $0.jobs += 1 }
        DispatchQueue.global().async {
            job.runSynchronously(on: self.asUnownedTaskExecutor())
            self.change { $0.jobs -= 1 }
        }
    }

    func beginCall() { change { $0.calls += 1 } }
    func endCall() { change { $0.calls -= 1 } }

    /// Returns at once when the executor is idle. The task that waits does not count.
    func waitUntilIdle() async {
        await withCheckedContinuation { waiter in change { $0.waiters.append(waiter) } }
    }

    private func change(_ body: (inout State) -> Void) {
        let waiters = state.withLock { state in
            body(&state)
            guard state.isIdle else { return [] as [CheckedContinuation<Void, Never>] }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
