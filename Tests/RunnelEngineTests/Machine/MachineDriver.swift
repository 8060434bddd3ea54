import RunnelKit

@testable import RunnelEngine

/// Plays the world around a run machine: pure, and a value, so that every way on can be tried from any point.
struct MachineDriver {
    var machine: RunMachine
    /// What would be on disk.
    var records: [ExecutionKey: StepRecord] = [:]
    /// In the order in which they were first recorded.
    var order: [ExecutionKey] = []
    var running: [ExecutionKey: Int] = [:]
    var cancelled: Set<ExecutionKey> = []
    var timers: [RunMachine.TimerID] = []
    var outcome: RunOutcome?
    var isReleased = false
    /// Every attempt that was begun.
    var attempts: [String] = []
    /// The time worked on the run, including the time before crashes.
    var worked = Duration.zero
    /// What must not have happened.
    var violations: [String] = []
    let script: Script

    /// What the world answers.
    struct Script: Sendable {
        var condition: @Sendable (ExecutionKey) -> Bool = { _ in true }
        var items: @Sendable (ExecutionKey) -> Int = { _ in 3 }
        /// nil: the attempt succeeds.
        var failure: @Sendable (ExecutionKey, Int) -> RunError? = { _, _ in nil }
        /// Whether the condition of a loop asks for another round after this attempt.
        var again: @Sendable (ExecutionKey, Int) -> Bool = { _, _ in false }
        /// nil: the output of the run is the last one of its steps.
        var output: Result<Value, RunError>?
    }

    /// Something that can happen next.
    enum Choice: Hashable, CustomStringConvertible {
        case attempt(ExecutionKey)
        case timer(RunMachine.TimerID)

        var description: String {
            switch self {
            case .attempt(let key): "end of \(key)"
            case .timer(let id): "\(id)"
            }
        }
    }

    init(
        _ plan: RunPlan, script: Script = Script(), input: Value = "in", records: [StepRecord] = [],
        cancellations: Int = 0
    ) {
        self.script = script
        worked = plan.worked
        machine = RunMachine(plan: plan, input: input, records: records)
        for record in records {
            self.records[record.key] = record
            order.append(record.key)
        }
        tell(.begin(now: 0, cancellations: cancellations))
    }

    var isOver: Bool { outcome != nil || isReleased }

    var choices: [Choice] {
        running.keys.sorted { $0.description < $1.description }.map { .attempt($0) } + timers.map { .timer($0) }
    }

    mutating func choose(_ choice: Choice) {
        switch choice {
        case .timer(let id):
            timers.removeAll { $0 == id }
            tell(.due(id))
        case .attempt(let key):
            guard let number = running.removeValue(forKey: key) else { return }
            if cancelled.remove(key) != nil {
                tell(.cancelled(key))
            } else if let error = script.failure(key, number) {
                tell(.failed(key, error, jitter: 1))
            } else if script.again(key, number) {
                tell(.again(key, .string("\(key)#\(number)")))
            } else {
                tell(.succeeded(key, .string("\(key)")))
            }
        }
    }

    mutating func tell(_ event: RunMachine.Event) {
        var queue = machine.handle(event)
        var next = 0
        var begun: [(ExecutionKey, Int)] = []
        while next < queue.count {
            let action = queue[next]
            next += 1
            if outcome != nil { violations.append("an action after the end: \(action)") }
            switch action {
            case .decide(let key, .condition):
                queue += machine.handle(.decided(key, script.condition(key) ? .run : .skip))
            case .decide(let key, .items):
                let values = (0..<script.items(key)).map { Value.int(Int64($0)) }
                queue += machine.handle(.decided(key, .items(values)))
            case .attempt(let key, let number): begun.append((key, number))
            case .cancelAttempts(let keys):
                let unbegun = begun.filter { keys.contains($0.0) }
                begun.removeAll { keys.contains($0.0) }
                for (key, _) in unbegun { queue += machine.handle(.cancelled(key)) }
                cancelled.formUnion(keys.filter { running[$0] != nil })
            case .startTimer(let id, _): timers.append(id)
            case .stopTimer(let id): timers.removeAll { $0 == id }
            case .record(let change): record(change)
            case .renderOutput: queue += machine.handle(.rendered(script.output ?? .success(machine.flow)))
            case .finish(let outcome): self.outcome = outcome
            case .release: isReleased = true
            }
        }
        for (key, number) in begun {
            if running[key] != nil { violations.append("\(key) runs twice at once") }
            if let state = records[key]?.state, state.isFinal {
                violations.append("\(key) begins though it is \(state)")
            }
            attempts.append("\(key)#\(number)")
            running[key] = number
        }
        if outcome != nil, !running.isEmpty { violations.append("the run ended while \(running.keys) went on") }
    }

    private mutating func record(_ change: RunMachine.Change) {
        if let state = records[change.key]?.state, state.isFinal, state != .cancelled {
            violations.append("\(change.key) is \(change.state) though it is \(state)")
        }
        if records[change.key] == nil { order.append(change.key) }
        var record = StepRecord(change.key, uses: change.uses, state: change.state, attempt: change.attempt)
        record.output = change.output
        record.error = change.recordedError
        record.items = change.items.map { .list($0) } ?? records[change.key]?.items
        record.retryAt = change.retryIn.map { _ in 5 }
        if change.isGroupStart { record.groupStart = worked }
        records[change.key] = record
    }

    /// The process dies, and another one goes on with what is on disk.
    ///
    /// - Parameter cancellations: How often it has been cancelled.
    func crashed(cancellations: Int = 0) -> MachineDriver {
        var plan = machine.plan
        plan.worked = worked
        return MachineDriver(
            plan, script: script, records: order.compactMap { records[$0] }, cancellations: cancellations)
    }

    /// Lets everything happen, the first choice first.
    mutating func finish() {
        var steps = 0
        while !isOver, let choice = choices.first(where: { $0 != .timer(.run) }) ?? choices.first {
            choose(choice)
            steps += 1
            if steps > 100_000 { return violations.append("it does not end") }
        }
        if !isOver { violations.append("it is stuck") }
    }
}

func leaf(_ id: String, retry: Int? = nil, continuing: Bool = false, condition: Bool = false) -> PlanStep {
    var step = PlanStep(id: id, uses: "x", hasCondition: condition, continuesOnError: continuing)
    if let retry {
        var declaration = RetryDeclaration()
        declaration.attempts = PositiveCount(retry)
        step.retry = declaration
    }
    return step
}

func loop(_ id: String, rounds: Int, retry: Int? = nil) -> PlanStep {
    var step = leaf(id, retry: retry)
    step.loop = (.seconds(10), rounds)
    return step
}

func group(_ id: String, parallel: Bool = false, _ children: [PlanStep]) -> PlanStep {
    PlanStep(id: id, children: children, isParallel: parallel)
}

func each(_ step: PlanStep, width: Int = 1) -> PlanStep {
    var step = step
    (step.isForEach, step.maxParallel) = (true, width)
    return step
}

let busy: RunError = {
    var error = RunError(reported: "busy", "try later")
    error.isTransient = true
    return error
}()
