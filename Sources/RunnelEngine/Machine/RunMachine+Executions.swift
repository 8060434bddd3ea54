import RunnelKit

extension RunMachine {
    /// An execution that has started and not ended.
    struct Execution: Sendable {
        enum Phase: Sendable {
            case deciding, running, waiting, inside
            /// Was cancelled before this claim. It ends when the cancellation or the `timeout` takes effect again.
            case cancelled
        }

        let step: PlanStep
        /// The frame it is in.
        let frame: Int
        var phase: Phase = .deciding
        /// The number of the last attempt, from 1; 0 before the first.
        var attempt = 0
        /// The number of attempts that failed since the last one that succeeded, in a loop.
        var failures = 0
        /// The number of attempts that failed before that one.
        var earlierFailures = 0
        /// The frame of its group or `for_each`.
        var frameInside: Int?
    }

    mutating func start(_ step: PlanStep, in frame: Int) {
        guard let around = frames[frame] else { return }
        let key = ExecutionKey(step.id, items: around.items)
        executions[key] = Execution(step: step, frame: frame)
        if let record = records.removeValue(forKey: key), takeUp(key, record) { return }
        begin(key)
    }

    private mutating func begin(_ key: ExecutionKey) {
        guard let execution = executions[key] else { return }
        if isEach(execution) {
            actions.append(.decide(key, .items))
        } else if execution.step.hasCondition {
            actions.append(.decide(key, .condition))
        } else {
            proceed(key)
        }
    }

    /// Begins what was cancelled in an earlier life and has not been cancelled again, in the order of the keys.
    mutating func beginCancelled() {
        let keys = executions.filter { $0.value.phase == .cancelled }.keys
        for key in keys.sorted(by: { $0.description < $1.description }) {
            executions[key]?.phase = .deciding
            begin(key)
        }
    }

    /// Whether the execution is a `for_each` with all its items.
    private func isEach(_ execution: Execution) -> Bool {
        execution.step.isForEach && frames[execution.frame]?.kind != .item
    }

    mutating func decided(_ key: ExecutionKey, _ decision: Decision) {
        guard let execution = executions[key], execution.phase == .deciding else { return }
        guard !isAborted(execution.frame) else { return end(key, .aborted, state: .cancelled) }
        switch decision {
        case .run: proceed(key)
        case .skip: end(key, .skipped, state: .skipped)
        case .items(let values): openEach(key, values, isRecorded: false)
        case .failed(let error): end(key, .failed(error), state: .failed, error: error)
        }
    }

    /// Starts the work.
    private mutating func proceed(_ key: ExecutionKey) {
        guard let step = executions[key]?.step else { return }
        if step.children == nil { return attempt(key, number: 1) }
        record(key, .running)
        openGroup(key)
    }

    mutating func attempt(_ key: ExecutionKey, number: Int) {
        executions[key]?.phase = .running
        executions[key]?.attempt = number
        record(key, .running)
        actions.append(.attempt(key, number: number))
    }

    /// - Parameter used: The part of its `timeout` that earlier claims have used.
    private mutating func openGroup(_ key: ExecutionKey, used: Duration = .zero) {
        guard let execution = executions[key], let around = frames[execution.frame] else { return }
        let step = execution.step
        var frame = Frame(
            kind: step.isParallel ? .parallel : .sequence, steps: step.children ?? [], items: key.items,
            input: around.input)
        (frame.parent, frame.owner, frame.scope) = (execution.frame, key, step.scope)
        if let timeout = step.groupTimeout { startTimer(.group(key), timeout, used: used) }
        openInside(key, frame)
    }

    private mutating func openEach(_ key: ExecutionKey, _ values: [Value], isRecorded: Bool) {
        guard let execution = executions[key], let around = frames[execution.frame] else { return }
        if !isRecorded { record(key, .running, items: values) }
        var frame = Frame(kind: .each, steps: [execution.step], items: key.items, input: around.input)
        (frame.parent, frame.owner, frame.values) = (execution.frame, key, values)
        openInside(key, frame)
    }

    private mutating func openInside(_ key: ExecutionKey, _ frame: Frame) {
        executions[key]?.phase = .inside
        // Set before anything in it starts, because it may complete at once.
        executions[key]?.frameInside = nextFrame
        _ = open(frame)
    }

    // MARK: - Ends

    mutating func succeeded(_ key: ExecutionKey, _ output: Value) {
        guard executions[key]?.phase == .running else { return }
        end(key, .succeeded(output), state: .succeeded, output: output)
    }

    /// A loop needs another round: the pause is spent like that before a retry.
    mutating func again(_ key: ExecutionKey, _ output: Value) {
        guard let execution = executions[key], execution.phase == .running else { return }
        guard !isAborted(execution.frame) else { return end(key, .aborted, state: .cancelled) }
        let failures = execution.earlierFailures + execution.failures
        let rounds = execution.attempt - failures
        guard let loop = execution.step.loop, rounds < loop.limit else {
            var error = RunError(
                RunErrorCode.loopExhausted,
                "the condition of the loop is not met after \(rounds) round\(rounds == 1 ? "" : "s")",
                hint: "raise `max_rounds`, or check the condition")
            error.stepID = key.description
            return end(key, .failed(error), state: .failed, output: output, error: error)
        }
        executions[key]?.failures = 0
        executions[key]?.earlierFailures = failures
        executions[key]?.phase = .waiting
        record(key, .waiting, output: output, retryIn: loop.pause)
        if !isStopping { actions.append(.startTimer(.retry(key), loop.pause)) }
    }

    mutating func failed(_ key: ExecutionKey, _ error: RunError, jitter: Double) {
        guard let execution = executions[key], execution.phase == .running else { return }
        guard !isAborted(execution.frame) else { return end(key, .aborted, state: .cancelled) }
        let plan = RetryPlan(declaration: execution.step.retry)
        // The rounds of a loop are no failures, and its failures are no rounds.
        let number = execution.step.loop == nil ? execution.attempt : execution.failures + 1
        if execution.step.loop != nil { executions[key]?.failures = number }
        guard let delay = plan.delay(after: error, attempt: number, jitter: jitter) else {
            return end(key, .failed(error), state: .failed, error: error)
        }
        executions[key]?.phase = .waiting
        record(key, .waiting, error: error, retryIn: delay)
        if !isStopping { actions.append(.startTimer(.retry(key), delay)) }
    }

    /// The same attempt is made again later.
    mutating func postponed(_ key: ExecutionKey, _ delay: Duration, reason: String) {
        guard let execution = executions[key], execution.phase == .running else { return }
        guard !isAborted(execution.frame) else { return end(key, .aborted, state: .cancelled) }
        executions[key]?.phase = .waiting
        executions[key]?.attempt = execution.attempt - 1
        record(key, .waiting, retryIn: delay, reason: reason)
        if !isStopping { actions.append(.startTimer(.retry(key), delay)) }
    }

    mutating func cancelled(_ key: ExecutionKey, _ error: RunError?) {
        guard let execution = executions[key], execution.phase == .running else { return }
        // Attempts interrupted by the shutdown stay unchanged on disk, and are repeated by the next worker.
        if isStopping, !isAborted(execution.frame) {
            executions[key] = nil
            return
        }
        end(key, .aborted, state: .cancelled, error: error)
    }

    /// A group or a `for_each` has completed.
    mutating func ownerEnded(_ key: ExecutionKey, _ end: End) {
        switch end {
        case .succeeded(let output): self.end(key, end, state: .succeeded, output: output)
        // Nothing in it produced an output, so it counts as skipped.
        case .skipped: self.end(key, .skipped, state: .skipped)
        case .failed(let error): self.end(key, end, state: .failed, error: error)
        case .aborted: self.end(key, end, state: .cancelled)
        }
    }

    /// Ends the execution, and notifies the enclosing frame.
    mutating func end(
        _ key: ExecutionKey, _ end: End, state: StepRecord.State, output: Value? = nil, error: RunError? = nil
    ) {
        record(key, state, output: output, error: error)
        guard let execution = executions.removeValue(forKey: key) else { return }
        ended.append((execution.frame, execution.step, end))
    }

    private mutating func record(
        _ key: ExecutionKey, _ state: StepRecord.State, output: Value? = nil, error: RunError? = nil,
        items: [Value]? = nil, retryIn: Duration? = nil, reason: String? = nil
    ) {
        guard let execution = executions[key] else { return }
        actions.append(
            .record(
                Change(
                    key: key, uses: execution.step.uses, state: state, attempt: execution.attempt, output: output,
                    error: error, items: items, retryIn: retryIn, reason: reason, failures: execution.failures,
                    earlierFailures: execution.earlierFailures,
                    isGroupStart: state == .running && items == nil && execution.step.groupTimeout != nil)))
    }

    // MARK: - From an earlier life

    /// Restores the execution from its record.
    ///
    /// - Returns: Whether the execution is completely restored.
    private mutating func takeUp(_ key: ExecutionKey, _ record: StepRecord) -> Bool {
        guard let execution = executions[key] else { return false }
        executions[key]?.attempt = record.attempt
        executions[key]?.failures = record.failures
        executions[key]?.earlierFailures = record.earlierFailures
        if record.state.isFinal, record.state != .cancelled {
            restore(inside: execution.step, key.items, into: execution.frame)
        }
        switch record.state {
        case .succeeded: recovered(key, .succeeded(record.output ?? .null))
        case .skipped: recovered(key, .skipped)
        case .failed: recovered(key, .failed(RunError(json: record.error ?? .null)))
        case .running where record.items != nil: openEach(key, record.items?.asList ?? [], isRecorded: true)
        case .running where execution.step.children != nil:
            openGroup(key, used: record.groupStart.map { max(.zero, plan.worked - $0) } ?? .zero)
        // An interruption is not a failure, so the same attempt is repeated.
        case .running: attempt(key, number: max(1, record.attempt))
        case .waiting:
            executions[key]?.phase = .waiting
            let rest = max(0, (record.retryAt ?? now) - now)
            // A clock that was set back must not extend the pause.
            let longest = record.longestPause(execution.step.retry, loop: execution.step.loop?.pause)
            actions.append(.startTimer(.retry(key), min(.nanoseconds(rest), longest)))
        case .cancelled where isEach(execution): return false
        // It was cancelled before its `if` was evaluated: nothing in it has begun.
        case .cancelled where execution.step.hasCondition && !hasRecords(inside: execution.step, key.items):
            return false
        case .cancelled where execution.step.children == nil: executions[key]?.phase = .cancelled
        // What is in a group is restored one by one.
        case .cancelled: proceed(key)
        }
        return true
    }

    /// True for a step without others inside.
    private func hasRecords(inside group: PlanStep, _ items: [Int]) -> Bool {
        group.children?.contains { records[ExecutionKey($0.id, items: items)] != nil } ?? true
    }

    /// Ends an execution whose end is on disk.
    mutating func recovered(_ key: ExecutionKey, _ end: End) {
        guard let execution = executions.removeValue(forKey: key) else { return }
        ended.append((execution.frame, execution.step, end))
    }

    /// Restores the outputs inside a completed group: those that ``childEnded(_:_:_:)`` had set.
    private mutating func restore(inside group: PlanStep, _ items: [Int], into frame: Int) {
        // Outputs inside an item or an included file are not visible after it.
        guard !group.isForEach, group.scope == nil else { return }
        for step in group.children ?? [] {
            restore(inside: step, items, into: frame)
            guard let record = records.removeValue(forKey: ExecutionKey(step.id, items: items)) else { continue }
            switch record.state {
            case .succeeded: frames[frame]?.outputs[step.id] = record.output ?? .null
            case .skipped: frames[frame]?.outputs[step.id] = .null
            case .failed where step.continuesOnError: frames[frame]?.outputs[step.id] = .null
            case .failed, .cancelled, .running, .waiting: break
            }
        }
    }
}
