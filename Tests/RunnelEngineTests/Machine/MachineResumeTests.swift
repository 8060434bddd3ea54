import RunnelKit
import TestSupport
import Testing

@testable import RunnelEngine

@Suite("A run that is gone on with") struct MachineResumeTests {
    private static func plan(_ generator: inout SeededGenerator) -> RunPlan {
        var number = 0
        func steps(depth: Int, _ generator: inout SeededGenerator) -> [PlanStep] {
            (0..<Int.random(in: 1...3, using: &generator)).map { _ in
                number += 1
                var step: PlanStep
                if depth > 0, Int.random(in: 0..<3, using: &generator) == 0 {
                    step = group(
                        "g\(number)", parallel: .random(using: &generator), steps(depth: depth - 1, &generator))
                } else {
                    step = leaf("s\(number)", retry: 3)
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

    /// Answers that depend on what is asked alone, so that they are the same in every life. Only steps whose failure is
    /// let pass fail for good, since otherwise the order decides what was begun.
    private static func script(_ plan: RunPlan, seed: Int) -> MachineDriver.Script {
        func all(_ steps: [PlanStep]) -> [PlanStep] { steps.flatMap { [$0] + all($0.children ?? []) } }
        let lenient = Set(all(plan.steps).filter { $0.continuesOnError && $0.children == nil }.map(\.id))
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
            })
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
                    let violations = driver.violations
                    driver = driver.crashed()
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
}
