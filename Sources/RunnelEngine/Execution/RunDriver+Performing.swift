import RunnelKit
import RunnelSupport
import Templates
import YAML

extension RunDriver {
    /// Performs the machine's actions and those that follow from them.
    ///
    /// Records are on disk before any later attempt starts.
    ///
    /// - Parameter earlier: The event before those of the actions, which is written with them.
    @inline(never) func perform(
        _ actions: [RunMachine.Action], after earlier: RunEvent.Kind? = nil,
        in group: inout ThrowingTaskGroup<Event, any Error>
    ) async throws {
        let performed = carryOut(actions, after: earlier, in: &group)
        try await write(performed.commit, events: performed.events, before: performed.begun.map(\.key))
        for (key, number) in performed.begun where outcome == nil { begin(key, number, in: &group) }
    }

    /// What performed actions resulted in.
    private struct Performed {
        var commit = RunCommit.empty
        var events: [RunEvent.Kind] = []
        /// The attempts that begin once the commit is written.
        var begun: [(key: ExecutionKey, number: Int)] = []
    }

    /// The synchronous part of performing. A function of its own, so that its variables do not stay in the async frame of a
    /// run.
    @inline(never) private func carryOut(
        _ actions: [RunMachine.Action], after earlier: RunEvent.Kind?,
        in group: inout ThrowingTaskGroup<Event, any Error>
    ) -> Performed {
        var queue = actions
        var next = 0
        var performed = Performed()
        if let earlier { performed.events.append(earlier) }
        while next < queue.count {
            let action = queue[next]
            next += 1
            switch action {
            case .decide(let key, let question): queue += machine.handle(.decided(key, decide(key, question)))
            case .attempt(let key, let number): performed.begun.append((key, number))
            case .cancelAttempts(let keys):
                // Attempts that have not started are dropped.
                let unbegun = performed.begun.filter { keys.contains($0.key) }
                performed.begun.removeAll { keys.contains($0.key) }
                for (key, _) in unbegun { queue += machine.handle(.cancelled(key)) }
                cancelAttempts(keys, in: &group)
            case .startTimer(let id, let delay): startTimer(id, delay, in: &group)
            case .stopTimer(let id): timers.removeValue(forKey: id)?.cancel()
            case .record(let change):
                performed.commit.steps.append(record(change))
                keep(change, in: &performed.commit)
                if let kind = happening(change) { performed.events.append(kind) }
                note(change)
                if let note = retryNote(change) { performed.events.append(note) }
            case .renderOutput: queue += machine.handle(.rendered(renderOutput()))
            case .finish(let outcome):
                (self.outcome, endedAt) = (outcome, runner.now())
                performed.commit.end = end(outcome)
            case .release: isReleased = true
            }
        }
        if machine.isInFinally, !isFinallyRecorded {
            (isFinallyRecorded, performed.commit.beginsFinally) = (true, true)
        }
        if let time = restingTime() {
            (wakeAt, performed.commit.wakeAt, isReleased) = (time, time, true)
        }
        return performed
    }

    /// The time until which the run can wait in the journal, if nothing is running and the next attempt is not due
    /// soon.
    private func restingTime() -> Int64? {
        guard storage != nil, !retryTimes.isEmpty, outcome == nil, !isReleased, let keys = machine.resting,
            let next = keys.map({ retryTimes[$0] ?? 0 }).min(), next > runner.now() + Self.shortestRest
        else { return nil }
        return next
    }

    /// The shortest pause, in nanoseconds, that is spent in the journal.
    private static let shortestRest: Int64 = 1_000_000_000

    // MARK: - Deciding

    private func decide(_ key: ExecutionKey, _ question: RunMachine.Question) -> RunMachine.Decision {
        guard let step = step(key)?.declaration else { return .run }
        let scope = scope(key)
        do {
            switch question {
            case .condition:
                guard let condition = step.condition else { return .run }
                do {
                    return try condition.expression.evaluate(scope).isTruthy ? .run : .skip
                } catch {
                    throw LocatedTemplateError(failure: error, node: condition.node)
                }
            case .items:
                guard let forEach = step.forEach else { return .run }
                let value = try forEach.render(scope)
                if case .object(let lists) = value, step.forEachNode?.isMapping ?? false {
                    return .items(try ItemProduct.items(lists, redactor: runner.redactor))
                }
                if let items = value.asList { return .items(items) }
                if value.isNull {
                    throw forEach.attributing(
                        StepError(.emptyValue, "`for_each`: expected a list, found null"), fallback: "[]")
                }
                throw StepError(
                    RunErrorCode.badForEach,
                    "`for_each`: expected a list, found \(runner.redactor.redact(value).quoted())",
                    hint: "convert an object to a list with jq: `to_entries`")
            }
        } catch {
            return .failed(failure(error, key))
        }
    }

    private func renderOutput() -> Result<Value, RunError> {
        guard let output = pipeline.declaration.output else { return .success(machine.flow) }
        do {
            return .success(try output.render(scope(nil)))
        } catch {
            var failure = RunError(reported: error.failure.code, error.failure.message, hint: error.failure.hint)
            failure.file = pipeline.declaration.source.name
            failure.range = pipeline.declaration.source.range(ofUTF8Range: error.failure.utf8Range, in: error.node)
            return .failure(failure.redacted(by: runner.redactor))
        }
    }

    /// - Parameter output: The output of the step itself, for the condition of its loop.
    private func scope(_ key: ExecutionKey?, output: Value? = nil) -> RunScope {
        var visible = machine.visible(from: key)
        if let key, let output {
            visible.outputs[String(key.step.dropFirst(visible.prefix.count))] = output
            visible.input = output
        }
        // A dry run may send what it reads, and must not send a stand-in.
        let values = isDryRun ? runner.values.fetched : runner.values
        return RunScope(
            request: request, values: values, pipeline: pipeline.declaration.name, startedAt: startedAt,
            now: runner.now(), visible: visible)
    }

    // MARK: - Attempts

    @inline(never) private func begin(
        _ key: ExecutionKey, _ number: Int, in group: inout ThrowingTaskGroup<Event, any Error>
    ) {
        guard let step = step(key) else { return }
        let reporter = StepReporter(place: place(key), redactor: runner.redactor) {
            [events, buffer, control, runID = request.id, now = runner.now, isStored = storage != nil] kind in
            let event = RunEvent(runID: runID, time: now(), kind: kind)
            if isStored, buffer.append(event) { control.flush() }
            await events(event)
        }
        let journal = AttemptJournal(
            key: key, uses: step.declaration.uses, checkpoint: checkpoints.removeValue(forKey: key), storage: storage,
            prices: runner.prices, onUsage: runner.onUsage, now: runner.now)
        let attempt = StepAttempt(
            runner: runner, pipeline: pipeline.declaration.name, step: step, key: key, number: number,
            scope: scope(key), epoch: storage?.lease.epoch, isDryRun: isDryRun, journal: journal,
            trace: trace.begin(key, uses: step.declaration.uses, attempt: number), control: control
        ) { await reporter.report($0) }
        // Held once, by the child and by the task that it awaits.
        let work: @Sendable () async throws -> Value = { try await attempt.run() }
        let task = AbandonableTask<Value>(on: runner.executor)
        attempts[key] = RunningAttempt(
            task: task, stopwatch: runner.clock.measureStart(), journal: journal)
        group.addTask {
            let result = await task.run(work)
            await reporter.finish()
            return .attempt(key, result)
        }
    }

    /// Ends a dry run before a step that has a cost or a side effect.
    @inline(never) func end(before held: HeldStep, _ key: ExecutionKey) async {
        guard attempts[key] != nil else { return }
        attempts[key]?.hasEnded = true
        let redactor = runner.redactor
        await events(
            event(
                .stepHeld(
                    place(key), with: redactor.redact(URLCredentials.masked(.object(held.with))).asObject ?? [:],
                    input: redactor.redact(held.input))))
        isReleased = true
    }

    /// The event for the end of an attempt; nil if it is irrelevant.
    func ended(_ key: ExecutionKey, _ result: Result<Value, any Error>?) -> RunMachine.Event? {
        guard let attempt = attempts[key] else { return nil }
        switch result {
        case .success(let output)?:
            guard let loop = step(key)?.declaration.loop else { return .succeeded(key, output) }
            do throws(TemplateFailure) {
                let holds = try loop.condition.expression.evaluate(scope(key, output: output)).isTruthy
                return holds == loop.isWhile ? .again(key, output) : .succeeded(key, output)
            } catch {
                let failure = LocatedTemplateError(failure: error, node: loop.condition.node)
                return .failed(key, self.failure(failure, key), jitter: 0)
            }
        case .failure(let postponement as StepPostponement)? where !attempt.task.isCancelled:
            let delay = min(
                max(Self.shortestRest, postponement.until - runner.now()), StepRecord.longestPostponement)
            let reason = runner.redactor.redactPluginMessage(postponement.reason)
            return .postponed(key, .nanoseconds(delay), reason: reason)
        case .failure(let error)? where !attempt.task.isCancelled:
            return .failed(key, failure(error, key), jitter: runner.jitter())
        case .failure?, nil: return .cancelled(key, cancellation(key, attempt))
        }
    }

    /// Keeps what a cancelled attempt had produced; nil if there is nothing.
    private func cancellation(_ key: ExecutionKey, _ attempt: RunningAttempt) -> RunError? {
        attempt.journal.partialOutput.map { failure(StepError.cancelled(partialOutput: $0), key) }
    }

    private func failure(_ error: any Error, _ key: ExecutionKey) -> RunError {
        guard let step = step(key)?.declaration else { return RunError(RunErrorCode.stepFailed, "\(error)") }
        var failure = RunError(error, step: step, in: step.source ?? pipeline.declaration.source)
        failure.stepID = key.description
        return failure.redacted(by: runner.redactor)
    }

    private func startTimer(
        _ id: RunMachine.TimerID, _ delay: Duration, in group: inout ThrowingTaskGroup<Event, any Error>
    ) {
        let timer = AbandonableTask<Void>(on: runner.executor)
        timers[id] = timer
        let clock = runner.clock
        group.addTask {
            guard case .success? = await timer.run({ try await clock.sleep(for: delay) }) else { return .nothing }
            return .timer(id)
        }
    }

    func place(_ key: ExecutionKey) -> RunEvent.StepPlace {
        RunEvent.StepPlace(id: key.description, uses: step(key)?.declaration.uses ?? "")
    }
}
