import CRunnelJQ
import Synchronization

/// One request to an evaluator. The first result counts.
final class EvaluatorCall: Sendable {
    typealias Outcome = Result<EvaluatorAnswer, EvaluatorFailure>

    private enum Progress {
        case open(handler: (@Sendable (Outcome) -> Void)?)
        case finished(Outcome)
    }

    /// The text of the program, which evaluators keep compiled.
    let program: String
    let request: [UInt8]
    /// Of CPU time; after many times as long by the clock the call is given up.
    let limit: Duration
    /// Whether a thread is blocked until it is answered, so that it goes before others and need not wait for a program.
    let isUrgent: Bool
    let began = SuspendingClock.now
    private let progress = Mutex(Progress.open(handler: nil))

    init(program: String, request: [UInt8], limit: Duration, isUrgent: Bool = false) {
        self.program = program
        self.isUrgent = isUrgent
        self.request = request
        // Longer than anyone waits, and short enough to be multiplied.
        self.limit = min(limit, .seconds(1_000_000))
    }

    var isFinished: Bool {
        progress.withLock { if case .finished = $0 { true } else { false } }
    }

    func finish(_ outcome: Outcome) {
        let handler = progress.withLock { progress -> (@Sendable (Outcome) -> Void)? in
            guard case .open(let handler) = progress else { return nil }
            progress = .finished(outcome)
            return handler
        }
        handler?(outcome)
    }

    /// Calls `handler` once, now when the call is finished already.
    func onFinish(_ handler: @escaping @Sendable (Outcome) -> Void) {
        let outcome = progress.withLock { progress -> Outcome? in
            if case .finished(let outcome) = progress { return outcome }
            progress = .open(handler: handler)
            return nil
        }
        if let outcome { handler(outcome) }
    }
}

/// What an evaluator made of a request.
struct EvaluatorAnswer: Sendable {
    var end = RUNNEL_JQ_MORE
    /// For ``JQReader``.
    var values: [UInt8] = []
}

/// Why there is no answer.
enum EvaluatorFailure: Error, Hashable {
    case cancelled
    /// The evaluator reached its limit of CPU time.
    case outOfTime
    /// It reached its limit of memory.
    case outOfMemory
    /// A signal that a program caused: an assertion of libjq, an access out of bounds, a stack that overflows.
    case crashed(signal: CInt)
    /// Somebody else, such as the kernel when memory runs out, ended it.
    case killed(signal: CInt)
    /// It ended by itself, with this exit status; -1 when somebody else took the status.
    case ended(status: CInt)
    /// It answered what is no answer.
    case unreadable
    /// It did not answer for so long.
    case stalled(Duration)
    /// No evaluator could be started, for the reason that `errno` says.
    case unavailable(errno: CInt)

    /// Whether another try may go well.
    var isTransient: Bool {
        switch self {
        case .killed, .ended, .stalled, .unavailable, .cancelled: true
        case .outOfTime, .outOfMemory, .crashed, .unreadable: false
        }
    }
}
