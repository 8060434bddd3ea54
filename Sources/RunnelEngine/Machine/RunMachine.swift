import RunnelKit

/// The state machine of a run. Pure: without clock, disk or tasks.
///
/// Events go in, actions come out. After a crash it replays the stored records, makes the same decisions, and resumes
/// where the run was.
struct RunMachine: Sendable {
    let plan: RunPlan
    /// Stored records that have not been replayed yet.
    var records: [ExecutionKey: StepRecord]
    var frames: [Int: Frame] = [:]
    var nextFrame = 0
    var executions: [ExecutionKey: Execution] = [:]
    /// Ended executions whose enclosing frame has not been notified yet.
    var ended: [(frame: Int, step: PlanStep, end: End)] = []
    var actions: [Action] = []
    private(set) var phase: Phase = .steps
    var phaseFrame: Int?
    /// The outcome of the steps; later phases can only worsen it.
    private var outcome: RunOutcome?
    private(set) var error: RunError?
    /// Outputs and input at the end of the last phase, passed to the next.
    private var handedOn: (outputs: ValueObject, input: Value)
    var isStopping = false
    /// The timers whose `timeout` was used up before this claim, outermost first.
    private var overdue: [TimerID] = []
    /// Whether the answer to ``Action/renderOutput`` is awaited: the run is about to end.
    private var isRendering = false
    private var cancellations = 0
    /// The requests before this claim that have not taken effect again.
    private var earlierCancellations = 0
    /// Whether `finally` was cancelled before this claim.
    private var isFinallyCancelled = false
    private var isOver = false
    var now: Int64 = 0

    enum Phase: Sendable { case steps, onFailure, finally }

    init(plan: RunPlan, input: Value, records: [StepRecord] = []) {
        self.plan = plan
        self.records = Dictionary(records.map { ($0.key, $0) }, uniquingKeysWith: { _, last in last })
        handedOn = ([:], input)
    }

    /// The outputs by step id that are visible at the end.
    var outputs: ValueObject { phaseFrame.flatMap { frames[$0]?.outputs } ?? handedOn.outputs }

    /// The last output that was produced, at the end.
    var flow: Value { phaseFrame.flatMap { frames[$0]?.input } ?? handedOn.input }

    mutating func handle(_ event: Event) -> [Action] {
        guard !isOver else { return [] }
        switch event {
        case .begin(let now, let cancellations):
            self.now = now
            (earlierCancellations, isFinallyCancelled) = (cancellations, cancellations > 1)
            if let timeout = plan.timeout { startTimer(.run, timeout, used: plan.worked) }
            beginPhase(.steps, plan.steps)
        case .decided(let key, let decision): decided(key, decision)
        case .succeeded(let key, let output): succeeded(key, output)
        case .again(let key, let output): again(key, output)
        case .failed(let key, let error, let jitter): failed(key, error, jitter: jitter)
        case .postponed(let key, let delay, let reason): postponed(key, delay, reason: reason)
        case .cancelled(let key, let error): cancelled(key, error)
        case .due(let timer): due(timer)
        case .rendered(let result):
            isRendering = false
            switch result {
            case .success(let output): ranThrough(.succeeded(output: output))
            case .failure(let error): ranThrough(.failed(error))
            }
        case .cancel: cancel()
        case .stop: stop()
        }
        drain()
        // `on_failure` and `finally` may be restored with the answer to ``Action/renderOutput`` only.
        let isRestored =
            switch event {
            case .begin, .rendered: !isRendering
            default: false
            }
        // After the groups are restored, so that the steps that they had begun are recorded as cancelled.
        if isRestored {
            for _ in 0..<earlierCancellations { cancel() }
            earlierCancellations = 0
            drain()
        }
        while !overdue.isEmpty {
            due(overdue.removeFirst())
            drain()
        }
        if isRestored { beginCancelled() }
        if isStopping, !isOver, !isRendering, executions.values.allSatisfy({ $0.phase != .running }) {
            actions.append(.release)
            isOver = true
        }
        defer { actions = [] }
        return actions
    }

    /// Notifies frames of ended executions. A loop instead of recursion, because a list can have many items.
    private mutating func drain() {
        var next = 0
        while next < ended.count {
            let (frame, step, end) = ended[next]
            next += 1
            childEnded(frame, step, end)
        }
        ended = []
    }

    /// Whether steps under `finally` have begun and not all of them ended.
    var isInFinally: Bool { phase == .finally && phaseFrame != nil }

    /// The executions that wait for a retry, if nothing else is running: then the whole run can wait in the journal. A
    /// group with a `timeout` keeps the run in the process, because its time continues.
    var resting: [ExecutionKey]? {
        guard !isOver, !isStopping else { return nil }
        var waiting: [ExecutionKey] = []
        for (key, execution) in executions {
            switch execution.phase {
            case .deciding, .running, .cancelled: return nil
            case .waiting: waiting.append(key)
            case .inside: if execution.step.groupTimeout != nil { return nil }
            }
        }
        return waiting.isEmpty ? nil : waiting
    }

    // MARK: - Phases

    private mutating func beginPhase(_ phase: Phase, _ steps: [PlanStep]) {
        self.phase = phase
        // The next worker starts the phase.
        if isStopping, !steps.isEmpty { return }
        // Set before anything in it starts, because it may complete at once.
        phaseFrame = nextFrame
        _ = open(Frame(kind: .sequence, steps: steps, items: [], input: handedOn.input, outputs: handedOn.outputs))
        let isCancelled = phase == .finally ? isFinallyCancelled : phase == .onFailure && cancellations > 0
        if isCancelled, let phaseFrame { abort(phaseFrame, .cancelled) }
    }

    /// `steps`, `on_failure` or `finally` has completed.
    mutating func phaseEnded(_ frame: Frame, _ end: End) {
        phaseFrame = nil
        handedOn = (frame.outputs, frame.input)
        switch (phase, end) {
        case (.steps, .succeeded), (.steps, .skipped):
            isRendering = true
            actions.append(.renderOutput)
        case (.steps, .failed(let error)): ranThrough(.failed(error))
        case (.steps, .aborted): ranThrough(.cancelled)
        case (.onFailure, _): beginPhase(.finally, plan.finally)
        case (.finally, .failed(let error)):
            if case .succeeded? = outcome { outcome = .failed(error) }
            finish()
        case (.finally, _): finish()
        }
    }

    private mutating func ranThrough(_ outcome: RunOutcome) {
        self.outcome = outcome
        if plan.timeout != nil { actions.append(.stopTimer(.run)) }
        guard case .failed(let error) = outcome else { return beginPhase(.finally, plan.finally) }
        self.error = error
        beginPhase(.onFailure, plan.onFailure)
    }

    private mutating func finish() {
        guard let outcome else { return }
        actions.append(.finish(outcome))
        isOver = true
    }

    // MARK: - From outside

    private mutating func cancel() {
        cancellations += 1
        // The first request aborts the steps, and `finally` runs; another one aborts that too. One that comes before
        // `finally` has begun does not, so that nobody skips it by asking twice.
        guard let phaseFrame, phase != .finally || cancellations > 1 else { return }
        abort(phaseFrame, .cancelled)
    }

    private mutating func stop() {
        isStopping = true
        for (key, execution) in executions where execution.phase == .waiting {
            actions.append(.stopTimer(.retry(key)))
        }
    }

    /// Starts the timer of a `timeout`.
    ///
    /// - Parameter used: The part of the `timeout` that earlier claims have used.
    mutating func startTimer(_ timer: TimerID, _ timeout: Duration, used: Duration) {
        actions.append(.startTimer(timer, max(.zero, timeout - used)))
        if used >= timeout { overdue.append(timer) }
    }

    private mutating func due(_ timer: TimerID) {
        switch timer {
        case .run:
            guard phase == .steps, let phaseFrame, let limit = plan.timeout else { return }
            let error = RunError(
                RunErrorCode.runTimeout, "the run took longer than its `timeout` of \(DurationText.format(limit))")
            abort(phaseFrame, .failed(error))
        case .group(let key):
            guard let execution = executions[key], let frame = execution.frameInside, !isAborted(frame) else { return }
            let limit = DurationText.format(execution.step.groupTimeout ?? .zero)
            let error = RunError(
                RunErrorCode.stepTimeout, "the group took longer than its `timeout` of \(limit)",
                stepID: key.description)
            abort(frame, .failed(error))
        case .retry(let key):
            guard let execution = executions[key], execution.phase == .waiting else { return }
            attempt(key, number: execution.attempt + 1)
        }
    }
}

extension RunMachine {
    /// An event for the machine.
    enum Event: Sendable {
        /// The first event, once. A `timeout` that was used up before this claim takes effect at once, so that steps that
        /// were cancelled then do not begin again.
        ///
        /// - cancellations: The number of requests before this claim; the second one came during `finally`.
        case begin(now: Int64, cancellations: Int = 0)
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
        /// See ``Execution/failures``.
        var failures = 0
        var earlierFailures = 0
        /// Whether a group with a `timeout` begins: its time counts from now on.
        var isGroupStart = false

        /// The error as the step's record stores it. In an unfinished loop, it includes the numbers of failures, so that a
        /// resumed run continues to count.
        var recordedError: Value? {
            guard !state.isFinal, failures + earlierFailures > 0 else { return error?.json }
            var object: ValueObject = error?.json.asObject ?? [:]
            object[StepRecord.failuresKey] = .int(Int64(failures))
            if earlierFailures > 0 { object[StepRecord.earlierFailuresKey] = .int(Int64(earlierFailures)) }
            return .object(object)
        }
    }
}
