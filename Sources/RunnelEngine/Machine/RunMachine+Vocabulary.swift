import RunnelKit

extension RunMachine {
    /// What the machine is told.
    enum Event: Sendable {
        /// Once, first.
        case begin(now: Int64)
        /// The answer to ``Action/decide(_:_:)``.
        case decided(ExecutionKey, Decision)
        case succeeded(ExecutionKey, Value)
        /// - jitter: Between 0 and 1; see ``RetryPlan``.
        case failed(ExecutionKey, RunError, jitter: Double)
        /// An attempt ended because it was cancelled.
        case cancelled(ExecutionKey)
        case due(TimerID)
        /// The answer to ``Action/renderOutput``.
        case rendered(Result<Value, RunError>)
        /// Somebody wants the run to end.
        case cancel
        /// The process is about to end; the run goes on in another.
        case stop
    }

    /// What the machine wants to be done, in this order.
    enum Action: Sendable {
        case decide(ExecutionKey, Question)
        case attempt(ExecutionKey, number: Int)
        case cancelAttempts([ExecutionKey])
        case startTimer(TimerID, Duration)
        case stopTimer(TimerID)
        /// To be on disk before any attempt that stands behind it begins.
        case record(Change)
        case renderOutput
        /// The run has ended; the last action of all.
        case finish(RunOutcome)
        /// The run rests where it is, to be taken up by another process; the last action of all.
        case release
    }

    enum Question: Sendable {
        /// Is the step's `if` true?
        case condition
        /// What does its `for_each` go through?
        case items
    }

    enum Decision: Sendable {
        case run
        case skip
        case items([Value])
        case failed(RunError)
    }

    enum TimerID: Sendable, Hashable {
        /// Of all steps.
        case run
        case group(ExecutionKey)
        case retry(ExecutionKey)
    }

    /// What has become of one execution.
    struct Change: Sendable {
        var key: ExecutionKey
        var uses: String
        var state: StepRecord.State
        var attempt: Int
        var output: Value?
        var error: RunError?
        var items: [Value]?
        var retryIn: Duration?
    }
}
