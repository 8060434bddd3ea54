import Synchronization

/// Work inside of a task group that can be cancelled alone, and given up when it does not end then.
///
/// A task group cannot leave a child behind, and a step that ignores its cancellation would hold the run for ever. So
/// the work is a task of its own, which belongs to the child that awaits ``run(_:)``: cancelling the child cancels it,
/// and only ``abandon()`` ends the one before the other.
final class DetachableTask<Success: Sendable>: Sendable {
    private struct State {
        var task: Task<Void, Never>?
        var waiter: CheckedContinuation<Result<Success, any Error>?, Never>?
        var isCancelled = false
        var isOver = false
    }

    private let state = Mutex(State())
    private let executor: (any TaskExecutor)?

    /// - Parameter executor: Runs the work; the default one when left out.
    init(on executor: (any TaskExecutor)? = nil) {
        self.executor = executor
    }

    var isCancelled: Bool { state.withLock { $0.isCancelled } }

    /// What `body` came to; nil when it was abandoned.
    func run(_ body: @escaping @Sendable () async throws -> Success) async -> Result<Success, any Error>? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { waiter in
                state.withLock { $0.waiter = waiter }
                let task = Task(executorPreference: executor) {
                    do {
                        self.finish(.success(try await body()))
                    } catch {
                        self.finish(.failure(error))
                    }
                }
                let isCancelled = state.withLock { state in
                    state.task = task
                    return state.isCancelled
                }
                if isCancelled { task.cancel() }
            }
        } onCancel: {
            cancel()
        }
    }

    func cancel() {
        let task = state.withLock { state in
            state.isCancelled = true
            return state.task
        }
        task?.cancel()
    }

    /// Waits no longer. The work goes on to whatever end it finds, and nobody hears of it.
    func abandon() {
        finish(nil)
    }

    private func finish(_ result: Result<Success, any Error>?) {
        let waiter = state.withLock { state in
            guard !state.isOver else { return nil as CheckedContinuation<Result<Success, any Error>?, Never>? }
            state.isOver = true
            state.task = nil
            return state.waiter
        }
        waiter?.resume(returning: result)
    }
}
