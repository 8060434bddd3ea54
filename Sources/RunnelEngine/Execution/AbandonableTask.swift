import Synchronization

/// A child task that can be cancelled separately, and abandoned if it does not end.
///
/// A task group waits for all its children, so a step that ignores cancellation would block the run forever. Therefore
/// the work runs in an unstructured task, which is cancelled with the child that awaits ``run(_:)``; only ``abandon()``
/// lets the child end first.
final class AbandonableTask<Success: Sendable>: Sendable {
    private struct State {
        var task: Task<Void, Never>?
        var waiter: CheckedContinuation<Result<Success, any Error>?, Never>?
        var isCancelled = false
        var isOver = false
    }

    private let state = Mutex(State())
    private let executor: (any TaskExecutor)?

    /// - Parameter executor: The executor of the work; nil for the default.
    init(on executor: (any TaskExecutor)? = nil) {
        self.executor = executor
    }

    var isCancelled: Bool { state.withLock { $0.isCancelled } }

    /// The result of `body`; nil if it was abandoned.
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

    /// Stops waiting. The work continues detached, and its result is discarded.
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
