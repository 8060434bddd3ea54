import RunnelKit

extension RunMachine {
    /// An event for the machine.
    enum Event: Sendable {
        /// The first event, once.
        case begin(now: Int64)
        /// The answer to ``Action/decide(_:_:)``.
        case decided(ExecutionKey, Decision)
        case succeeded(ExecutionKey, Value)
        /// An attempt succeeded, and the step's `until` or `while` asks for another round.
        case again(ExecutionKey, Value)
        /// - jitter: Between 0 and 1; see ``RetryPlan``.
        case failed(ExecutionKey, RunError, jitter: Double)
        /// An attempt cannot begin before a time; see `StepPostponement`.
        case postponed(ExecutionKey, Duration, reason: String)
        /// An attempt ended because it was cancelled. The error, if there is one, keeps what it had produced.
        case cancelled(ExecutionKey, RunError? = nil)
        case due(TimerID)
        /// The answer to ``Action/renderOutput``.
        case rendered(Result<Value, RunError>)
        /// Cancellation was requested.
        case cancel
        /// The process is shutting down; another worker resumes the run.
        case stop
    }

    /// An action of the machine; actions are ordered.
    enum Action: Sendable {
        case decide(ExecutionKey, Question)
        case attempt(ExecutionKey, number: Int)
        case cancelAttempts([ExecutionKey])
        case startTimer(TimerID, Duration)
        case stopTimer(TimerID)
        /// Must be on disk before any later attempt starts.
        case record(Change)
        case renderOutput
        /// The run has ended; the last action of all.
        case finish(RunOutcome)
        /// The run is released, to be resumed by another worker; the last action.
        case release
    }

    enum Question: Sendable {
        /// Evaluate the step's `if`.
        case condition
        /// Evaluate the step's `for_each`.
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

    /// A state change of an execution.
    struct Change: Sendable {
        var key: ExecutionKey
        var uses: String
        var state: StepRecord.State
        var attempt: Int
        var output: Value?
        var error: RunError?
        var items: [Value]?
        var retryIn: Duration?
        /// Why the attempt was postponed.
        var reason: String?
    }
}
