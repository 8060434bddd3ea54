public import Synchronization

/// A result that is set once, and that any number of tasks can wait for.
///
/// Public and inlinable, so that the compiler specializes it in other modules: each step of a run waits for one.
public final class Promise<Value: Sendable>: Sendable {
    @usableFromInline
    typealias Waiter = (id: UInt64, continuation: CheckedContinuation<Result<Value, any Error>, Never>)

    @usableFromInline struct State {
        @usableFromInline var result: Result<Value, any Error>?
        /// Rarely more than one.
        @usableFromInline var waiting: [Waiter] = []
        @usableFromInline var nextID: UInt64 = 0

        @inlinable init() {}
    }

    @usableFromInline let state: Mutex<State>

    @inlinable public init() {
        state = Mutex(State())
    }

    /// The result, once there is one.
    @inlinable public var result: Result<Value, any Error>? { state.withLock { $0.result } }

    /// Sets the result. Only the first one counts.
    @inlinable public func fulfil(_ result: Result<Value, any Error>) {
        let waiting = state.withLock { state -> [Waiter] in
            guard state.result == nil else { return [] }
            state.result = result
            defer { state.waiting = [] }
            return state.waiting
        }
        for waiter in waiting { waiter.continuation.resume(returning: result) }
    }

    /// Waits for the result.
    ///
    /// - Throws: `CancellationError` if the waiting task is cancelled first, or the error that was set.
    @inlinable public func value() async throws -> Value {
        let id = nextID()
        return try await withTaskCancellationHandler {
            try await wait(id, isCancellable: true).get()
        } onCancel: {
            let waiting = state.withLock { state in
                state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0).continuation }
            }
            waiting?.resume(returning: .failure(CancellationError()))
        }
    }

    /// Waits for the result, also in a cancelled task.
    @inlinable public func settled() async -> Result<Value, any Error> {
        await wait(nextID(), isCancellable: false)
    }

    @inlinable func nextID() -> UInt64 {
        state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
    }

    @inlinable func wait(_ id: UInt64, isCancellable: Bool) async -> Result<Value, any Error> {
        await withCheckedContinuation { continuation in
            let result = state.withLock { state -> Result<Value, any Error>? in
                if let result = state.result { return result }
                // The handler may have run before the continuation was there.
                if isCancellable, Task.isCancelled { return .failure(CancellationError()) }
                state.waiting.append((id, continuation))
                return nil
            }
            if let result { continuation.resume(returning: result) }
        }
    }
}

extension Promise<Void> {
    /// Lets all who wait go on.
    package func fulfil() { fulfil(.success(())) }
}
