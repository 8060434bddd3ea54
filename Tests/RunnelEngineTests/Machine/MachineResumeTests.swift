import RunnelKit
import TestSupport
import Testing

@testable import RunnelEngine

@Suite("A run that is gone on with") struct MachineResumeTests {
    private static func plan(_ generator: inout SeededGenerator) -> RunPlan {
        var number = 0
        func steps(depth: Int, in scope: String = "", _ generator: inout SeededGenerator) -> [PlanStep] {
            (0..<Int.random(in: 1...3, using: &generator)).map { _ in
                number += 1
                var step: PlanStep
                if depth > 0, Int.random(in: 0..<3, using: &generator) == 0 {
                    let id = "\(scope)g\(number)"
                    let isFile = Int.random(in: 0..<3, using: &generator) == 0
                    step = group(
                        id, parallel: !isFile && .random(using: &generator),
                        steps(depth: depth - 1, in: isFile ? id + "." : scope, &generator))
                    if isFile { step.scope = id + "." }
                } else {
                    step = leaf("\(scope)s\(number)", retry: 3)
                    if Int.random(in: 0..<4, using: &generator) == 0 { step.loop = (.seconds(10), 3) }
                }
                step.hasCondition = Int.random(in: 0..<4, using: &generator) == 0
                step.continuesOnError = Int.random(in: 0..<4, using: &generator) == 0
                if Int.random(in: 0..<4, using: &generator) == 0 {
                    step = each(step, width: Int.random(in: 1...3, using: &generator))
                }
                return step
            }
        }
        return RunPlan(steps: steps(depth: 2, &generator), finally: [leaf("z")])
    }

    /// Answers that depend on what is asked alone, so that they are the same in every life. Only steps fail for good whose
    /// failure, or that of the sequence around them, is let pass, since otherwise the order decides what was begun.
    private static func script(_ plan: RunPlan, seed: Int) -> MachineDriver.Script {
        func lenient(_ steps: [PlanStep], isInside: Bool = false) -> [String] {
            steps.flatMap { step in
                guard let children = step.children else {
                    return step.continuesOnError || isInside && !step.isForEach ? [step.id] : []
                }
                return lenient(children, isInside: step.continuesOnError && !step.isParallel)
            }
        }
        func loops(_ steps: [PlanStep]) -> [String] {
            steps.flatMap { ($0.loop == nil ? [] : [$0.id]) + loops($0.children ?? []) }
        }
        let (lenient, loops) = (Set(lenient(plan.steps)), Set(loops(plan.steps)))
        @Sendable func number(_ key: ExecutionKey, _ salt: Int) -> Int {
            var hash = UInt64(truncatingIfNeeded: seed &* 31 &+ salt)
            for byte in key.description.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
            return Int(hash >> 33)
        }
        return MachineDriver.Script(
            condition: { number($0, 1) % 3 != 0 }, items: { number($0, 2) % 4 },
            failure: { key, attempt in
                if lenient.contains(key.step), number(key, 3) % 3 == 0 { return RunError(reported: "no", "\(key)") }
                return attempt < 3 && number(key, 10 + attempt) % 3 == 0 ? busy : nil
            },
            again: { key, attempt in
                guard loops.contains(key.step) else { return false }
                if lenient.contains(key.step), number(key, 4) % 2 == 0 { return true }
                return attempt < 3 && number(key, 20 + attempt) % 2 == 0
            })
    }

    /// What the templates of the steps that go on see, and those of the run's `output`.
    private static func visible(_ driver: MachineDriver) -> [String: ValueObject] {
        var all: [String: ValueObject] = [:]
        for key in Array(driver.machine.executions.keys) + [nil] {
            let visible = driver.machine.visible(from: key)
            var values: ValueObject = ["input": visible.input, "steps": .object(visible.outputs)]
            values["inputs"] = visible.inputs
            values["item"] = visible.item
            all[key?.description ?? ""] = values
        }
        return all
    }

    @Test("crashes at any moment change neither outputs nor what was paid for", arguments: 0..<20)
    func crashes(block: Int) {
        for seed in (block * 100)..<(block * 100 + 100) {
            var generator = SeededGenerator(seed: UInt64(seed))
            let plan = Self.plan(&generator)
            let script = Self.script(plan, seed: seed)
            var undisturbed = MachineDriver(plan, script: script)
            undisturbed.finish()
            #expect(undisturbed.violations == [], "seed \(seed)")
            var driver = MachineDriver(plan, script: script)
            var crashes = 0
            while !driver.isOver, let choice = driver.choices.randomElement(using: &generator) {
                driver.choose(choice)
                if !driver.isOver, crashes < 20, Int.random(in: 0..<4, using: &generator) == 0 {
                    let (violations, visible) = (driver.violations, Self.visible(driver))
                    driver = driver.crashed()
                    #expect(Self.visible(driver) == visible, "seed \(seed)")
                    driver.violations += violations
                    crashes += 1
                }
            }
            #expect(driver.violations == [], "seed \(seed)")
            #expect(driver.isOver, "seed \(seed)")
            #expect(driver.machine.outputs == undisturbed.machine.outputs, "seed \(seed)")
            #expect(driver.outcome.map { "\($0)" } == undisturbed.outcome.map { "\($0)" }, "seed \(seed)")
            let ends = driver.records.mapValues(\.state).filter { $0.value != .running }
            #expect(ends == undisturbed.records.mapValues(\.state).filter { $0.value != .running }, "seed \(seed)")
        }
    }

    @Test("a crash in `finally` does not change how a run ends that was cancelled, or had used up its `timeout`")
    func crashesInFinally() {
        for seed in 0..<1000 {
            var generator = SeededGenerator(seed: UInt64(seed))
            var plan = Self.plan(&generator)
            (plan.onFailure, plan.timeout) = ([leaf("y")], .seconds(5))
            let isCancelled = Bool.random(using: &generator)
            var driver = MachineDriver(plan, script: Self.script(plan, seed: seed))
            for _ in 0..<Int.random(in: 0..<8, using: &generator) {
                let choices = driver.choices.filter { $0 != .timer(.run) }
                if let choice = choices.randomElement(using: &generator) { driver.choose(choice) }
            }
            if isCancelled {
                driver.tell(.cancel)
            } else {
                driver.worked = .seconds(6)
                driver.choose(.timer(.run))
            }
            while !driver.isOver, !driver.machine.isInFinally,
                let choice = driver.choices.filter({ $0 != .timer(.run) }).randomElement(using: &generator)
            {
                // A step may end by itself in the moment in which it is cancelled.
                if case .attempt(let key) = choice, Bool.random(using: &generator) { driver.cancelled.remove(key) }
                driver.choose(choice)
            }
            var resumed = driver.crashed(cancellations: isCancelled ? 1 : 0)
            if !driver.isOver { #expect(Self.visible(resumed) == Self.visible(driver), "seed \(seed)") }
            driver.finish()
            resumed.finish()
            #expect(driver.violations + resumed.violations == [], "seed \(seed)")
            #expect(Self.end(resumed) == Self.end(driver), "seed \(seed)")
        }
    }

    private static func end(_ driver: MachineDriver) -> String? {
        if case .failed(let error)? = driver.outcome { error.message } else { driver.outcome.map { "\($0)" } }
    }
}
