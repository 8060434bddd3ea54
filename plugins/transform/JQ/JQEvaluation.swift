import RunnelKit
import Synchronization

/// One evaluation on a thread of its own, which can be given up at any moment.
///
/// Giving up answers the caller at once and halts the program; the thread ends by itself when libjq has noticed, and
/// frees the state then, since it holds the last reference to it.
final class JQEvaluation: Sendable {
    private let state: JQState
    private let waiter = Mutex(Waiter.notYet)

    private enum Waiter {
        case notYet
        case waiting(CheckedContinuation<[Value], any Error>)
        case answered
        /// Given up before the evaluation began.
        case abandoned(any Error)
    }

    init(state: JQState) {
        self.state = state
    }

    /// Cancelling the task gives the evaluation up.
    func run(_ input: Value, returningTo pool: JQStatePool) async throws -> [Value] {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let early: (any Error)? = waiter.withLock { waiter in
                    if case .abandoned(let error) = waiter { return error }
                    waiter = .waiting(continuation)
                    return nil
                }
                if let early { return continuation.resume(throwing: early) }
                WorkThread.start { [self] in
                    let result = Result { () throws(StepError) in
                        try state.outputs(for: input, limit: JQProgram.maximumOutputs)
                    }
                    pool.give(back: state)
                    answer(result.mapError { $0 as any Error })
                } onFailure: { [self] in
                    answer(.failure(StepError("no-thread", "no thread could be started", isTransient: true)))
                }
            }
        } onCancel: {
            abandon(CancellationError())
        }
    }

    func abandon(_ error: any Error) {
        state.halt()
        let isEarly = waiter.withLock { waiter in
            guard case .notYet = waiter else { return false }
            waiter = .abandoned(error)
            return true
        }
        if !isEarly { answer(.failure(error)) }
    }

    /// The first answer counts.
    private func answer(_ result: Result<[Value], any Error>) {
        let continuation: CheckedContinuation<[Value], any Error>? = waiter.withLock { waiter in
            guard case .waiting(let continuation) = waiter else { return nil }
            waiter = .answered
            return continuation
        }
        continuation?.resume(with: result)
    }
}
