import RunnelKit
import Testing

@testable import RunnelEngine

@Suite("The run machine") struct MachineTests {
    private func output(_ driver: MachineDriver) -> Value? {
        if case .succeeded(let output)? = driver.outcome { output } else { nil }
    }

    private func error(_ driver: MachineDriver) -> RunError? {
        if case .failed(let error)? = driver.outcome { error } else { nil }
    }

    private func finished(_ driver: MachineDriver) -> MachineDriver {
        var driver = driver
        driver.finish()
        #expect(driver.violations == [])
        return driver
    }

    @Test("steps run in order, and a skipped one passes its input by")
    func sequence() {
        let script = MachineDriver.Script(condition: { _ in false })
        let driver = finished(
            MachineDriver(RunPlan(steps: [leaf("a"), leaf("b", condition: true), leaf("c")]), script: script))
        #expect(driver.attempts == ["a#1", "c#1"])
        #expect(driver.machine.outputs == ["a": "a", "b": .null, "c": "c"])
        #expect(output(driver) == "c")
    }

    @Test("only a transient failure is tried again, as often as it may be")
    func retries() {
        let plan = RunPlan(steps: [leaf("a", retry: 3)])
        let transient = finished(MachineDriver(plan, script: .init(failure: { _, _ in busy })))
        #expect(transient.attempts == ["a#1", "a#2", "a#3"])
        #expect(error(transient)?.code == "busy")
        let final = finished(MachineDriver(plan, script: .init(failure: { _, _ in RunError(reported: "no", "never") })))
        #expect(final.attempts == ["a#1"])
    }

    @Test("a loop goes on round by round while its condition asks for it, and its last output counts")
    func rounds() {
        let plan = RunPlan(steps: [loop("a", rounds: 5), leaf("b")])
        let driver = finished(MachineDriver(plan, script: .init(again: { key, round in key.step == "a" && round < 3 })))
        #expect(driver.attempts == ["a#1", "a#2", "a#3", "b#1"])
        #expect(driver.machine.outputs == ["a": "a", "b": "b"])
        #expect(output(driver) == "b")
    }

    @Test("a loop ends after `max_rounds`, with the output of the last round")
    func exhausted() {
        let plan = RunPlan(steps: [loop("a", rounds: 2), leaf("b")])
        let driver = finished(MachineDriver(plan, script: .init(again: { _, _ in true })))
        #expect(driver.attempts == ["a#1", "a#2"])
        #expect(error(driver)?.code == "loop-exhausted")
        #expect(error(driver)?.message == "the condition of the loop is not met after 2 rounds")
        #expect(error(driver)?.hint == "raise `max_rounds`, or check the condition")
        #expect(error(driver)?.stepID == "a")
        #expect(driver.records[ExecutionKey("a")]?.output == "a#2")
    }

    @Test("the rounds of a loop are no failures: retries are counted anew after each round")
    func retriedRounds() {
        let plan = RunPlan(steps: [loop("a", rounds: 10, retry: 2)])
        let script = MachineDriver.Script(
            failure: { _, attempt in attempt == 2 || attempt == 4 ? busy : nil }, again: { _, round in round < 6 })
        let driver = finished(MachineDriver(plan, script: script))
        #expect(driver.attempts == ["a#1", "a#2", "a#3", "a#4", "a#5", "a#6"])
        #expect(output(driver) == "a")
    }

    @Test("failed attempts of a loop are no rounds, also after crashes", arguments: [false, true])
    func roundsWithFailures(isCrashing: Bool) {
        let key = ExecutionKey("a")
        let script = MachineDriver.Script(failure: { _, attempt in [1, 2, 4].contains(attempt) ? busy : nil }) { _, _ in
            true
        }
        var driver = MachineDriver(RunPlan(steps: [loop("a", rounds: 3, retry: 3)]), script: script)
        var attempts = driver.attempts
        while !driver.isOver, attempts.count < 20 {
            driver.choose(.attempt(key))
            if isCrashing, !driver.isOver { driver = driver.crashed() }
            driver.attempts = []
            driver.choose(.timer(.retry(key)))
            attempts += driver.attempts
        }
        #expect(attempts == ["a#1", "a#2", "a#3", "a#4", "a#5", "a#6"])
        #expect(error(driver)?.message == "the condition of the loop is not met after 3 rounds")
    }

    @Test("the failed attempts of a loop still count after it has waited in the journal")
    func restingRetries() {
        let plan = RunPlan(steps: [loop("a", rounds: 10, retry: 3)])
        var driver = MachineDriver(plan, script: .init(failure: { _, _ in busy }))
        var attempts: [String] = []
        while !driver.isOver, attempts.count < 10 {
            driver.choose(.attempt(ExecutionKey("a")))
            attempts += driver.attempts
            if !driver.isOver {
                driver = driver.crashed()
                driver.choose(.timer(.retry(ExecutionKey("a"))))
            }
        }
        #expect(attempts == ["a#1", "a#2", "a#3"])
        #expect(error(driver)?.code == "busy")
    }

    @Test("the failed attempts of a loop still count after an attempt that a crash interrupted")
    func interruptedRetries() {
        let key = ExecutionKey("a")
        var driver = MachineDriver(
            RunPlan(steps: [loop("a", rounds: 10, retry: 3)]), script: .init(failure: { _, _ in busy }))
        var attempts: [String] = []
        for _ in 0..<20 where !driver.isOver {
            driver = driver.crashed()
            driver.choose(.attempt(key))
            if !driver.isOver { driver.choose(.timer(.retry(key))) }
            attempts += driver.attempts
            // The stored number of failures is not shown as an error of the running attempt.
            if !driver.isOver { #expect(driver.records[key]?.json["error"] == nil) }
        }
        #expect(attempts == ["a#1", "a#2", "a#2", "a#3", "a#3"])
        #expect(error(driver)?.code == "busy")
    }

    @Test("the failed attempts of a loop still count after one that was postponed")
    func postponedRetries() throws {
        let key = ExecutionKey("a")
        let plan = RunPlan(steps: [loop("a", rounds: 10, retry: 2)])
        var driver = MachineDriver(plan, script: .init(failure: { _, _ in busy }))
        driver.choose(.attempt(key))
        driver.choose(.timer(.retry(key)))
        driver.running[key] = nil
        driver.tell(.postponed(key, .seconds(86_400), reason: "the budget is used up"))
        let record = try #require(driver.records[key])
        #expect(record.state == .waiting)
        #expect(record.shownError == nil)
        let longest = record.longestPause(plan.steps[0].retry, loop: .seconds(10))
        #expect(longest == .nanoseconds(StepRecord.longestPostponement))
        driver = driver.crashed()
        driver.choose(.timer(.retry(key)))
        driver.choose(.attempt(key))
        #expect(driver.attempts == ["a#2"])
        #expect(error(driver)?.code == "busy")
    }

    @Test("after a crash between two rounds the loop goes on with the next one")
    func crashedLoop() {
        let plan = RunPlan(steps: [loop("a", rounds: 5)])
        var driver = MachineDriver(plan, script: .init(again: { _, round in round < 2 }))
        driver.choose(.attempt(ExecutionKey("a")))
        #expect(driver.records[ExecutionKey("a")]?.state == .waiting)
        #expect(driver.records[ExecutionKey("a")]?.output == "a#1")
        let resumed = finished(driver.crashed())
        #expect(resumed.attempts == ["a#2"])
        #expect(output(resumed) == "a")
    }

    @Test("a failure runs on_failure and then finally, and one in them does not hide it")
    func afterwards() {
        let plan = RunPlan(steps: [leaf("a"), leaf("b")], onFailure: [leaf("f"), leaf("g")], finally: [leaf("z")])
        let driver = finished(
            MachineDriver(
                plan,
                script: .init(failure: { key, _ in
                    key.step == "z" || key.step == "a" ? RunError(reported: key.step, "") : nil
                }))
        )
        #expect(driver.attempts == ["a#1", "f#1", "g#1", "z#1"])
        #expect(error(driver)?.code == "a")
        let late = finished(
            MachineDriver(
                plan, script: .init(failure: { key, _ in key.step == "z" ? RunError(reported: "z", "") : nil })))
        #expect(late.attempts == ["a#1", "b#1", "z#1"])
        #expect(error(late)?.code == "z")
    }

    @Test("a step whose failure is let pass is null")
    func continuing() {
        let plan = RunPlan(steps: [leaf("a"), leaf("b", continuing: true), leaf("c")])
        let driver = finished(
            MachineDriver(
                plan, script: .init(failure: { key, _ in key.step == "b" ? RunError(reported: "b", "") : nil })))
        #expect(driver.attempts == ["a#1", "b#1", "c#1"])
        #expect(driver.machine.outputs == ["a": "a", "b": .null, "c": "c"])
    }

    @Test("a group's output is its last step's, or an object; what is inside stays visible")
    func groups() {
        let plan = RunPlan(steps: [
            group("s", [leaf("a"), leaf("b")]), group("p", parallel: true, [leaf("c"), leaf("d")]),
        ])
        let driver = finished(MachineDriver(plan))
        #expect(driver.machine.outputs["s"] == "b")
        #expect(driver.machine.outputs["p"] == ["c": "c", "d": "d"])
        #expect(driver.machine.outputs["a"] == "a")
        #expect(output(driver) == ["c": "c", "d": "d"])
    }

    @Test("items keep their order whichever ends first, and never more run than may")
    func items() {
        let plan = RunPlan(steps: [each(leaf("a"), width: 2)])
        explore(MachineDriver(plan, script: .init(items: { _ in 4 }))) { driver in
            #expect(output(driver) == ["a[0]", "a[1]", "a[2]", "a[3]"])
        } always: { driver in
            #expect(driver.running.count <= 2)
        }
    }

    @Test("an empty list is done at once, and lists can stand in lists")
    func nested() {
        let empty = finished(MachineDriver(RunPlan(steps: [each(leaf("a"))]), script: .init(items: { _ in 0 })))
        #expect(output(empty) == [])
        let plan = RunPlan(steps: [each(group("g", [each(leaf("a"), width: 2)]), width: 2)])
        let driver = finished(MachineDriver(plan, script: .init(items: { _ in 2 })))
        #expect(output(driver) == [["a[0][0]", "a[0][1]"], ["a[1][0]", "a[1][1]"]])
    }

    @Test("a failed item begins no further ones and lets those that go on finish")
    func failedItem() {
        let plan = RunPlan(steps: [each(leaf("a"), width: 2)])
        var driver = MachineDriver(
            plan,
            script: .init(
                items: { _ in 5 }, failure: { key, _ in key.items == [0] ? RunError(reported: "no", "") : nil }))
        driver.choose(.attempt(ExecutionKey("a", items: [0])))
        #expect(driver.attempts == ["a[0]#1", "a[1]#1"])
        driver.finish()
        #expect(driver.records[ExecutionKey("a", items: [1])]?.state == .succeeded)
        #expect(error(driver)?.code == "no")
    }

    @Test("cancelling stops what goes on, drops what waits, and leaves finally its turn")
    func cancelling() {
        let plan = RunPlan(
            steps: [group("p", parallel: true, [leaf("a"), leaf("b", retry: 2)]), leaf("c")], onFailure: [leaf("f")],
            finally: [leaf("z")])
        var driver = MachineDriver(plan, script: .init(failure: { key, _ in key.step == "b" ? busy : nil }))
        driver.choose(.attempt(ExecutionKey("b")))
        driver.tell(.cancel)
        #expect(driver.cancelled == [ExecutionKey("a")])
        driver.finish()
        #expect(driver.violations == [])
        #expect(driver.attempts == ["a#1", "b#1", "z#1"])
        if case .cancelled? = driver.outcome {
        } else {
            Issue.record("it ended as \(String(describing: driver.outcome))")
        }
    }

    @Test("the time-out of a run ends its steps, and what comes afterwards has its own time")
    func runTimeout() {
        var plan = RunPlan(steps: [leaf("a"), leaf("b")], onFailure: [leaf("f")], finally: [leaf("z")])
        plan.timeout = .seconds(5)
        var driver = MachineDriver(plan)
        driver.choose(.timer(.run))
        driver.finish()
        #expect(driver.attempts == ["a#1", "f#1", "z#1"])
        #expect(error(driver)?.message == "the run took longer than its `timeout` of 5s")
        #expect(driver.timers.isEmpty)
    }

    @Test("the time-out of a group fails the group alone")
    func groupTimeout() {
        var slow = group("g", [leaf("a"), leaf("b")])
        (slow.groupTimeout, slow.continuesOnError) = (.seconds(2), true)
        var driver = MachineDriver(RunPlan(steps: [slow, leaf("c")]))
        driver.choose(.timer(.group(ExecutionKey("g"))))
        driver.finish()
        #expect(driver.attempts == ["a#1", "c#1"])
        #expect(driver.records[ExecutionKey("g")]?.state == .failed)
        #expect(driver.violations == [])
    }

    @Test("after a resume, a group gets only the rest of its `timeout`")
    func groupTimeoutLeft() {
        func timer(worked: Duration, since start: Duration?) -> Duration? {
            var slow = group("g", [leaf("a")])
            slow.groupTimeout = .seconds(10)
            var record = StepRecord(ExecutionKey("g"), uses: "", state: .running)
            record.groupStart = start
            var machine = RunMachine(plan: RunPlan(steps: [slow], worked: worked), input: .null, records: [record])
            for case .startTimer(.group, let delay) in machine.handle(.begin(now: 0)) { return delay }
            return nil
        }
        #expect(timer(worked: .seconds(12), since: .seconds(12)) == .seconds(10))
        #expect(timer(worked: .seconds(100), since: .seconds(93)) == .seconds(3))
        #expect(timer(worked: .seconds(100), since: .seconds(12)) == .zero)
        // A record of an earlier version, which did not store the start.
        #expect(timer(worked: .seconds(100), since: nil) == .seconds(10))
    }

    @Test("a group whose `timeout` was used up before a crash fails, and starts no step again")
    func groupTimeoutUsedUp() {
        var inner = group("i", parallel: true, [leaf("b"), leaf("c")])
        inner.groupTimeout = .seconds(2)
        var outer = group("o", [leaf("a"), inner, leaf("d")])
        (outer.groupTimeout, outer.continuesOnError) = (.seconds(5), true)
        var driver = MachineDriver(RunPlan(steps: [outer, leaf("z")]))
        driver.worked = .seconds(1)
        driver.choose(.attempt(ExecutionKey("a")))
        driver.worked = .seconds(5)
        let resumed = finished(driver.crashed())
        #expect(resumed.attempts == ["z#1"])
        let states = resumed.order.map { "\($0) \(resumed.records[$0]?.state.rawValue ?? "")" }
        #expect(states == ["o failed", "a succeeded", "i cancelled", "b cancelled", "c cancelled", "z succeeded"])
        #expect(
            resumed.records[ExecutionKey("o")]?.error?["message"] == "the group took longer than its `timeout` of 5s")
        #expect(resumed.timers.isEmpty)
    }

    @Test("a group of `finally` whose `timeout` was used up before a crash fails, and starts no step again")
    func finallyTimeoutUsedUp() {
        var slow = group("g", [leaf("b")])
        slow.groupTimeout = .seconds(5)
        var driver = MachineDriver(RunPlan(steps: [leaf("a")], finally: [slow]))
        driver.choose(.attempt(ExecutionKey("a")))
        driver.worked = .seconds(5)
        let resumed = finished(driver.crashed())
        #expect(resumed.attempts == [])
        #expect(error(resumed)?.message == "the group took longer than its `timeout` of 5s")
    }

    @Test("after a crash, items that had begun go on although another one has failed", arguments: [true, false])
    func begunItems(isParallel: Bool) {
        let steps =
            isParallel
            ? group("g", parallel: true, ["b[0]", "b[1]", "b[2]"].map { leaf($0, retry: 2) })
            : each(leaf("b", retry: 2), width: 2)
        let script = MachineDriver.Script(failure: { key, number in
            switch "\(key)" {
            case "b[0]": RunError(reported: "no", "")
            case "b[2]" where number == 1: busy
            default: nil
            }
        })
        func key(_ index: Int) -> ExecutionKey {
            isParallel ? ExecutionKey("b[\(index)]") : ExecutionKey("b", items: [index])
        }
        var narrow = steps
        narrow.maxParallel = 2
        var driver = MachineDriver(RunPlan(steps: [narrow]), script: script)
        driver.choose(.attempt(key(1)))
        driver.choose(.attempt(key(2)))
        driver.choose(.attempt(key(0)))
        #expect(driver.timers == [.retry(key(2))])
        let resumed = finished(driver.crashed())
        #expect(resumed.attempts == ["b[2]#2"])
        #expect(resumed.records[key(2)]?.state == .succeeded)
        #expect(error(resumed)?.code == "no")
    }

    @Test("what was cancelled before a crash does not begin again where it is cancelled again")
    func cancelledBefore() {
        let plan = RunPlan(
            steps: [group("g", parallel: true, [leaf("a"), leaf("b", condition: true)]), leaf("c")],
            finally: [leaf("z")])
        var driver = MachineDriver(plan)
        driver.tell(.cancel)
        driver.choose(.attempt(ExecutionKey("a")))
        let records = driver.order.compactMap { driver.records[$0] }
        #expect(driver.records[ExecutionKey("a")]?.state == .cancelled)
        var machine = RunMachine(plan: plan, input: .null, records: records)
        let changes = machine.handle(.begin(now: 0, cancellations: 1)).compactMap { action in
            if case .record(let change) = action { "\(change.key) \(change.state)" } else { nil as String? }
        }
        #expect(!changes.contains { $0.hasPrefix("a ") })
        // Without the cancellation it does, as after the retry of a step behind it.
        #expect(finished(driver.crashed()).attempts.contains("a#1"))
    }

    @Test("a second cancellation ends `finally`, even after a failure without `on_failure`")
    func cancellingFinally() {
        var driver = MachineDriver(
            RunPlan(steps: [leaf("a")], finally: [leaf("z")]),
            script: .init(failure: { key, _ in key.step == "a" ? RunError(reported: "no", "") : nil }))
        driver.choose(.attempt(ExecutionKey("a")))
        driver.tell(.cancel)
        #expect(driver.cancelled == [])
        driver.tell(.cancel)
        #expect(driver.cancelled == [ExecutionKey("z")])
        driver.finish()
        #expect(driver.violations == [])
        #expect(driver.records[ExecutionKey("z")]?.state == .cancelled)
        #expect(error(driver)?.code == "no")
    }

    @Test("a second cancellation while steps are still ending leaves `finally` its turn, and one during it ends it")
    func cancellingTwiceEarly() {
        var driver = MachineDriver(RunPlan(steps: [leaf("a")], finally: [leaf("z")]))
        driver.tell(.cancel)
        #expect(!driver.machine.isInFinally)
        driver.tell(.cancel)
        driver.choose(.attempt(ExecutionKey("a")))
        #expect(driver.attempts == ["a#1", "z#1"])
        #expect(driver.machine.isInFinally)
        #expect(driver.cancelled == [])
        driver.tell(.cancel)
        #expect(driver.cancelled == [ExecutionKey("z")])
        driver.finish()
        #expect(driver.violations == [])
    }

    @Test(
        "after a crash, a `finally` that was cancelled does not begin again, however the steps had ended",
        arguments: ["succeeded", "failed", "cancelled"])
    func cancelledFinallyResumed(end: String) {
        var driver = MachineDriver(
            RunPlan(steps: [leaf("a")], finally: [leaf("y", condition: true), leaf("z")]),
            script: .init(
                failure: { key, _ in end == "failed" && key.step == "a" ? RunError(reported: "no", "") : nil }))
        if end == "cancelled" { driver.tell(.cancel) }
        driver.choose(.attempt(ExecutionKey("a")))
        #expect(driver.attempts == ["a#1", "y#1"])
        #expect(finished(driver.crashed(cancellations: 1)).attempts == ["y#1", "z#1"])
        let resumed = finished(driver.crashed(cancellations: 2))
        #expect(resumed.attempts == [])
        #expect(resumed.violations == [])
        #expect(resumed.records[ExecutionKey("y")]?.state == .cancelled)
        switch (end, resumed.outcome) {
        case ("succeeded", .succeeded?), ("failed", .failed?), ("cancelled", .cancelled?): break
        default: Issue.record("it ended as \(String(describing: resumed.outcome))")
        }
    }

    @Test(
        "a last step that succeeds although it is cancelled counts, so a crash in `finally` changes nothing",
        arguments: [RunMachine.Event.cancel, .due(.run)], [false, true])
    func succeedingLate(event: RunMachine.Event, isInGroup: Bool) {
        let steps = isInGroup ? [group("g", [leaf("a")])] : [leaf("a")]
        let plan = RunPlan(
            steps: steps, onFailure: [leaf("f")], finally: [leaf("z")], timeout: .seconds(5))
        var driver = MachineDriver(plan)
        driver.tell(event)
        // It ends by itself.
        driver.cancelled = []
        driver.choose(.attempt(ExecutionKey("a")))
        #expect(driver.attempts == ["a#1", "z#1"])
        driver.worked = .seconds(6)
        let cancellations = if case .cancel = event { 1 } else { 0 }
        for run in [driver, driver.crashed(cancellations: cancellations)] {
            let run = finished(run)
            #expect(output(run) == "a")
            #expect(run.records[ExecutionKey("f")] == nil)
        }
    }

    @Test("a failure before a cancellation counts where the cancellation ends nothing, and `on_failure` does not run")
    func failingBeforeCancellation() {
        let plan = RunPlan(
            steps: [group("g", parallel: true, [leaf("a"), leaf("b")])], onFailure: [leaf("f")], finally: [leaf("z")])
        var driver = MachineDriver(
            plan, script: .init(failure: { key, _ in key.step == "a" ? RunError(reported: "no", "") : nil }))
        driver.choose(.attempt(ExecutionKey("a")))
        driver.tell(.cancel)
        driver.cancelled = []
        driver.choose(.attempt(ExecutionKey("b")))
        for run in [driver, driver.crashed(cancellations: 1)] {
            let run = finished(run)
            #expect(error(run)?.code == "no")
            #expect(run.attempts.last == "z#1")
            #expect(!run.attempts.contains("f#1"))
        }
    }

    @Test("what a cancelled group had finished stays finished after a crash")
    func cancelledGroup() {
        var steps = group("g", parallel: true, [leaf("a"), leaf("b"), leaf("c", condition: true)])
        (steps.maxParallel, steps.hasCondition) = (2, true)
        var driver = MachineDriver(RunPlan(steps: [steps, leaf("d")], finally: [leaf("z")]))
        driver.choose(.attempt(ExecutionKey("a")))
        driver.tell(.cancel)
        for key in ["b", "c"] { driver.choose(.attempt(ExecutionKey(key))) }
        #expect(driver.attempts == ["a#1", "b#1", "c#1", "z#1"])
        let resumed = driver.crashed(cancellations: 1)
        #expect(resumed.attempts == ["z#1"])
        #expect(resumed.machine.outputs == driver.machine.outputs)
        #expect(finished(resumed).records[ExecutionKey("a")]?.state == .succeeded)
    }

    @Test("a cancellation during `on_failure` holds after a crash, also where it was `output` that failed")
    func cancelledOnFailure() {
        let plan = RunPlan(steps: [leaf("a")], onFailure: [leaf("f"), leaf("g")], finally: [leaf("z")])
        var driver = MachineDriver(plan, script: .init(output: .failure(RunError(reported: "no", "bad output"))))
        driver.choose(.attempt(ExecutionKey("a")))
        driver.choose(.attempt(ExecutionKey("f")))
        driver.tell(.cancel)
        #expect(driver.cancelled == [ExecutionKey("g")])
        let resumed = finished(driver.crashed(cancellations: 1))
        #expect(resumed.attempts == ["z#1"])
        #expect(resumed.machine.outputs == ["a": "a", "f": "f", "z": "z"])
        #expect(error(resumed)?.code == "no")
    }

    @Test("stopping begins nothing, takes what ends, and leaves the rest to be gone on with")
    func stopping() {
        let plan = RunPlan(steps: [group("p", parallel: true, [leaf("a"), leaf("b")]), leaf("c")])
        var driver = MachineDriver(plan)
        driver.tell(.stop)
        #expect(!driver.isReleased)
        driver.choose(.attempt(ExecutionKey("a")))
        driver.cancelled.insert(ExecutionKey("b"))
        driver.choose(.attempt(ExecutionKey("b")))
        #expect(driver.isReleased)
        #expect(driver.records[ExecutionKey("a")]?.state == .succeeded)
        #expect(driver.records[ExecutionKey("b")]?.state == .running)
        let again = finished(driver.crashed())
        #expect(again.attempts == ["b#1", "c#1"])
    }

    @Test("a run whose last step ends while it is stopping has ended, and is released where `finally` is left")
    func stoppingAtTheEnd() {
        var driver = MachineDriver(RunPlan(steps: [leaf("a")]))
        driver.tell(.stop)
        driver.choose(.attempt(ExecutionKey("a")))
        guard case .succeeded(let output)? = driver.outcome else { Issue.record("it did not succeed"); return }
        #expect(output == "a")
        #expect(!driver.isReleased)
        var unfinished = MachineDriver(RunPlan(steps: [leaf("a")], finally: [leaf("z")]))
        unfinished.tell(.stop)
        unfinished.choose(.attempt(ExecutionKey("a")))
        #expect(unfinished.outcome == nil)
        #expect(unfinished.isReleased)
        #expect(finished(unfinished.crashed()).attempts == ["z#1"])
    }

    @Test("whatever the order in which things end, cancelling at any point ends the run once")
    func cancelAnywhere() {
        let plan = RunPlan(
            steps: [group("p", parallel: true, [leaf("a", retry: 2), each(leaf("b"), width: 2)]), leaf("c")],
            finally: [leaf("z")])
        let script = MachineDriver.Script(
            items: { _ in 2 }, failure: { key, number in key.step == "a" && number == 1 ? busy : nil })
        explore(MachineDriver(plan, script: script)) { _ in
        } always: { driver in
            var cancelled = driver
            cancelled.tell(.cancel)
            cancelled.finish()
            #expect(cancelled.violations == [])
            #expect(cancelled.records[ExecutionKey("z")]?.state == .succeeded)
        }
    }

    /// Every order in which the things that go on can end.
    private func explore(
        _ driver: MachineDriver, atEnd: (MachineDriver) -> Void, always: (MachineDriver) -> Void
    ) {
        #expect(driver.violations == [])
        always(driver)
        guard !driver.isOver else { return atEnd(driver) }
        #expect(!driver.choices.isEmpty, "it is stuck")
        for choice in driver.choices {
            var next = driver
            next.choose(choice)
            explore(next, atEnd: atEnd, always: always)
        }
    }

    @Test("a run rests when nothing but the pauses before retries goes on, and no group's time runs")
    func resting() {
        let script = MachineDriver.Script(failure: { key, number in key.step.hasPrefix("f") && number == 1 ? busy : nil
        })
        func resting(_ steps: [PlanStep], ending ids: [String]) -> [String]? {
            var driver = MachineDriver(RunPlan(steps: steps), script: script)
            for id in ids { driver.choose(.attempt(ExecutionKey(id))) }
            return driver.machine.resting?.map(\.description).sorted()
        }
        #expect(resting([leaf("f", retry: 2)], ending: []) == nil)
        #expect(resting([leaf("f", retry: 2)], ending: ["f"]) == ["f"])
        let two = group("g", parallel: true, [leaf("f1", retry: 2), leaf("f2", retry: 2), leaf("x")])
        #expect(resting([two], ending: ["f1"]) == nil)
        #expect(resting([two], ending: ["f1", "f2"]) == nil)
        #expect(resting([two], ending: ["f1", "f2", "x"]) == ["f1", "f2"])
        var timed = two
        timed.groupTimeout = .seconds(60)
        #expect(resting([timed], ending: ["f1", "f2", "x"]) == nil)
    }

    @Test("the time-out of a run is what is left of it after its earlier lives")
    func timeoutLeft() {
        func timer(_ worked: Duration) -> Duration? {
            var machine = RunMachine(
                plan: RunPlan(steps: [leaf("a")], timeout: .seconds(10), worked: worked), input: .null)
            for case .startTimer(.run, let delay) in machine.handle(.begin(now: 0)) { return delay }
            return nil
        }
        #expect(timer(.zero) == .seconds(10))
        #expect(timer(.seconds(7)) == .seconds(3))
        #expect(timer(.seconds(12)) == .zero)
    }
}
