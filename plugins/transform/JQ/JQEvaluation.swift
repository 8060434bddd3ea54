import RunnelKit
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// One evaluation on a thread of ``WorkerPool``, which can be given up at any moment.
///
/// Giving up answers the caller at once and stops the program. The thread may be inside of libjq for a while yet; that
/// is safe because the job holds this object and the state, both end with the job, and the answer it comes to is dropped.
final class JQEvaluation: Sendable {
    private struct Progress {
        var continuation: CheckedContinuation<JQOutputs, any Error>?
        /// The state while it is used here, so that it is stopped only then.
        var state: JQState?
        /// Why nobody wants the outputs any more.
        var reason: (any Error)?
        var isAnswered = false
    }

    private let states: JQStatePool
    private let progress = Mutex(Progress())

    init(states: JQStatePool) {
        self.states = states
    }

    /// Cancelling the task gives the evaluation up.
    func run(_ input: Value) async throws -> JQOutputs {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let reason = progress.withLock { progress in
                    if progress.reason == nil { progress.continuation = continuation }
                    return progress.reason
                }
                if let reason { return continuation.resume(throwing: reason) }
                do {
                    try WorkerPool.shared.submit(self) { self.work(input) }
                } catch {
                    answer(.failure(error))
                }
            }
        } onCancel: {
            abandon(CancellationError())
        }
    }

    /// Answers the caller with `reason` now, and ends the program as soon as libjq allows it.
    func abandon(_ reason: any Error) {
        let isLate = progress.withLock { progress in
            guard !progress.isAnswered, progress.reason == nil else { return true }
            progress.reason = reason
            progress.state?.stop()
            return false
        }
        guard !isLate else { return }
        WorkerPool.shared.leave(self)
        answer(.failure(reason))
    }

    private func work(_ input: Value) {
        Self.current.set(self)
        defer { Self.current.set(nil) }
        guard progress.withLock({ $0.reason == nil }) else { return }
        do {
            let state = try states.take()
            let isWanted = progress.withLock { progress in
                guard progress.reason == nil else { return false }
                progress.state = state
                return true
            }
            guard isWanted else { return states.give(back: state) }
            JQMemoryWatch.shared.begin(self)
            let result = Result { () throws(StepError) in try state.outputs(for: input) }
            JQMemoryWatch.shared.end(self)
            // From here on the state is not stopped any more: it may already serve another evaluation.
            progress.withLock { $0.state = nil }
            states.give(back: state)
            answer(result.mapError { $0 as any Error })
        } catch {
            answer(.failure(error))
        }
    }

    /// The first answer counts, unless the evaluation was given up: then the reason for that does.
    private func answer(_ result: Result<JQOutputs, any Error>) {
        let (continuation, reason) = progress.withLock { progress in
            progress.isAnswered = true
            defer { progress.continuation = nil }
            return (progress.continuation, progress.reason)
        }
        continuation?.resume(with: reason.map { .failure($0) } ?? result)
    }

    // MARK: - Out of memory

    /// The evaluation of the running thread.
    private static let current = ThreadValue()

    /// For libjq, which ends the process when this returns. So it does not: the evaluation fails, and its thread stays
    /// where it is, one of the few that ``WorkerPool`` allows to be left.
    static func endThreadWithoutMemory() {
        current.get()?.abandon(JQMessage.noMemory)
        let never = ThreadSignal()
        while true { never.wait() }
    }

    /// A place of each thread that holds an evaluation.
    private struct ThreadValue: Sendable {
        private let key: pthread_key_t

        init() {
            var key = pthread_key_t()
            pthread_key_create(&key, nil)
            self.key = key
        }

        /// The caller keeps the evaluation alive until it sets another.
        func set(_ evaluation: JQEvaluation?) {
            pthread_setspecific(key, evaluation.map { Unmanaged.passUnretained($0).toOpaque() })
        }

        func get() -> JQEvaluation? {
            pthread_getspecific(key).map { Unmanaged<JQEvaluation>.fromOpaque($0).takeUnretainedValue() }
        }
    }
}
