import RunnelSupport
import Synchronization

/// A child task that can be cancelled separately, and abandoned if it does not end.
///
/// A task group waits for all its children, so a step that ignores cancellation would block the run forever. Therefore
/// the work runs in an unstructured task, which is cancelled with the child that awaits ``run(_:)``; only ``abandon()``
/// lets the child end first.
final class AbandonableTask<Success: Sendable>: Sendable {
    private struct State {
        var task: Task<Void, Never>?
        var isCancelled = false
    }

    private let state = Mutex(State())
    /// The result of the work; nil once it is abandoned.
    private let outcome = Promise<Result<Success, any Error>?>()
    private let executor: (any TaskExecutor)?

    /// - Parameter executor: The executor of the work; nil for the default.
    init(on executor: (any TaskExecutor)? = nil) {
        self.executor = executor
    }

    var isCancelled: Bool { state.withLock { $0.isCancelled } }

    /// The result of `body`; nil if it was abandoned.
    func run(_ body: @escaping @Sendable () async throws -> Success) async -> Result<Success, any Error>? {
        await withTaskCancellationHandler {
            let task = Task(on: executor) {
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
            guard case .success(let result) = await outcome.settled() else { return nil }
            return result
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
        outcome.fulfil(.success(result))
        state.withLock { $0.task = nil }
    }
}

extension Task where Failure == Never {
    /// Starts a task on the executor, or an ordinary task without one. Preferring no executor is not free: it adds a record
    /// to the task that is read at each switch.
    init(on executor: (any TaskExecutor)?, _ operation: sending @escaping () async -> Success) {
        if let executor {
            self.init(executorPreference: executor, operation: operation)
        } else {
            self.init(operation: operation)
        }
    }
}
