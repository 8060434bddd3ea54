import RunnelKit

/// Decides what happens in a run: pure, without clock, disk or tasks.
///
/// It is told what has happened and answers with what is to be done. Given the records of an earlier life it goes
/// through the same decisions again, finds finished steps finished, and goes on where the run was.
struct RunMachine: Sendable {
    let plan: RunPlan
    /// What is known from an earlier life and not looked at yet.
    var records: [ExecutionKey: StepRecord]
    var frames: [Int: Frame] = [:]
    var nextFrame = 0
    var executions: [ExecutionKey: Execution] = [:]
    /// What has ended and is still to be told to the frame around it.
    var ended: [(frame: Int, step: PlanStep, end: End)] = []
    var actions: [Action] = []
    private(set) var phase: Phase = .steps
    var phaseFrame: Int?
    /// How the steps ended; what comes afterwards can only make it worse.
    private var outcome: RunOutcome?
    private(set) var error: RunError?
    /// Outputs and flow at the end of the last phase, from which the next goes on.
    private var handedOn: (outputs: ValueObject, input: Value)
    var isStopping = false
    private var cancellations = 0
    private var isOver = false
    var now: Int64 = 0

    enum Phase: Sendable { case steps, onFailure, finally }

    init(plan: RunPlan, input: Value, records: [StepRecord] = []) {
        self.plan = plan
        self.records = Dictionary(records.map { ($0.key, $0) }, uniquingKeysWith: { _, last in last })
        handedOn = ([:], input)
    }

    /// The outputs by step id, as far as they are visible at the end.
    var outputs: ValueObject { phaseFrame.flatMap { frames[$0]?.outputs } ?? handedOn.outputs }

    /// The last output that was produced, at the end.
    var flow: Value { phaseFrame.flatMap { frames[$0]?.input } ?? handedOn.input }

    mutating func handle(_ event: Event) -> [Action] {
        guard !isOver else { return [] }
        actions = []
        switch event {
        case .begin(let now):
            self.now = now
            if let timeout = plan.timeout { actions.append(.startTimer(.run, max(.zero, timeout - plan.worked))) }
            beginPhase(.steps, plan.steps)
        case .decided(let key, let decision): decided(key, decision)
        case .succeeded(let key, let output): succeeded(key, output)
        case .failed(let key, let error, let jitter): failed(key, error, jitter: jitter)
        case .cancelled(let key): cancelled(key)
        case .due(let timer): due(timer)
        case .rendered(.success(let output)): ranThrough(.succeeded(output: output))
        case .rendered(.failure(let error)): ranThrough(.failed(error))
        case .cancel: cancel()
        case .stop: stop()
        }
        drain()
        if isStopping, !isOver, executions.values.allSatisfy({ $0.phase != .running }) {
            actions.append(.release)
            isOver = true
        }
        return actions
    }

    /// Tells the frames what has ended. A loop instead of calls within calls: a list can have many items.
    private mutating func drain() {
        var next = 0
        while next < ended.count {
            let (frame, step, end) = ended[next]
            next += 1
            childEnded(frame, step, end)
        }
        ended = []
    }

    /// The executions that wait for their next attempt, where nothing else goes on: then the run may rest as a whole,
    /// in the journal instead of in a process. A group with a `timeout` keeps the run here, since its time goes on.
    var resting: [ExecutionKey]? {
        guard !isOver, !isStopping else { return nil }
        var waiting: [ExecutionKey] = []
        for (key, execution) in executions {
            switch execution.phase {
            case .deciding, .running: return nil
            case .waiting: waiting.append(key)
            case .inside: if execution.step.groupTimeout != nil { return nil }
            }
        }
        return waiting.isEmpty ? nil : waiting
    }

    // MARK: - Phases

    private mutating func beginPhase(_ phase: Phase, _ steps: [PlanStep]) {
        self.phase = phase
        // The next process begins the phase: to it, this one has not begun.
        if isStopping, !steps.isEmpty { return }
        phaseFrame = open(
            Frame(kind: .sequence, steps: steps, items: [], input: handedOn.input, outputs: handedOn.outputs))
    }

    /// `steps`, `on_failure` or `finally` is through.
    mutating func phaseEnded(_ frame: Frame, _ end: End) {
        phaseFrame = nil
        handedOn = (frame.outputs, frame.input)
        switch (phase, end) {
        case (.steps, .succeeded), (.steps, .skipped): actions.append(.renderOutput)
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
        // The first request ends the steps and leaves `finally` its turn; another one ends that too.
        guard let phaseFrame, phase != .finally || cancellations > 1 else { return }
        abort(phaseFrame, .cancelled)
    }

    private mutating func stop() {
        isStopping = true
        for (key, execution) in executions where execution.phase == .waiting {
            actions.append(.stopTimer(.retry(key)))
        }
    }

    private mutating func due(_ timer: TimerID) {
        switch timer {
        case .run:
            guard phase == .steps, let phaseFrame, let limit = plan.timeout else { return }
            let error = RunError(
                "run-timeout", "the run took longer than its `timeout` of \(DurationText.format(limit))")
            abort(phaseFrame, .failed(error))
        case .group(let key):
            guard let execution = executions[key], let frame = execution.frameInside else { return }
            let limit = DurationText.format(execution.step.groupTimeout ?? .zero)
            let error = RunError(
                "step-timeout", "the group took longer than its `timeout` of \(limit)", stepID: key.description)
            abort(frame, .failed(error))
        case .retry(let key):
            guard let execution = executions[key], execution.phase == .waiting else { return }
            attempt(key, number: execution.attempt + 1)
        }
    }
}
