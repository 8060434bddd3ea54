import RunnelKit
import RunnelTesting
import Testing

@testable import TransformPlugin

@Suite("jq programs are bounded", .serialized) struct LimitTests {
    static let endless = [
        "last(while(true; .))", "last(repeat(.))", "last(range(1e12))", "reduce range(1e12) as $i (0; . + 1)",
        "until(false; .)",
    ]

    @Test("a program that never ends is given up at its time limit", arguments: endless)
    func realClock(program: String) async throws {
        let error = try await transformError(["jq": .string(program), "timeout": "100ms"])
        #expect(error.code == "jq-timeout")
        #expect(error.message == "the program took longer than its time limit of 100ms")
        #expect(error.hint == "it may loop forever; if it needs more time, raise `timeout`")
    }

    @Test(
        "a program that collects without end is given up at its time limit or at the limit of memory",
        arguments: ["def f: f; f", "def f: 1 + f; f", "[range(1e9)] | length", "[recurse([.])] | length"])
    func collecting(program: String) async throws {
        let error = try await transformError(["jq": .string(program), "timeout": "100ms"])
        #expect(["jq-timeout", "jq-memory"].contains(error.code))
    }

    @Test("the time limit is CPU time: a clock that jumps or stands still plays no part")
    func clocks() async throws {
        let clock = ManualClock()
        var harness = StepHarness()
        harness.clock = clock
        let task = Task { [harness] in
            try await transformError(["jq": "last(range(1e12))", "timeout": "200ms"], harness: harness)
        }
        clock.advance(by: .seconds(3600))
        let error = try await task.value
        #expect(error.code == "jq-timeout")
        #expect(error.message == "the program took longer than its time limit of 200ms")
        #expect(!error.isTransient)
        #expect(clock.timeUntilNextDeadline == nil)
    }

    @Test("a program serves again after an evaluation of it was given up")
    func afterTimeout() async throws {
        let program: Value = "if . == 0 then last(repeat(.)) else . end"
        let error = try await transformError(["jq": program, "timeout": "50ms"], input: 0)
        #expect(error.code == "jq-timeout")
        #expect(try await transform(["jq": program], input: 7) == 7)
    }

    @Test("cancelling the task ends the evaluation")
    func cancellation() async throws {
        let task = Task { try await transform(["jq": "last(range(1e12))"]) }
        await Task.yield()
        task.cancel()
        await #expect(throws: CancellationError.self) { _ = try await task.value }
    }

    @Test("a task that is cancelled already evaluates nothing")
    func cancelledBefore() async throws {
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await transform(["jq": "last(range(1e12))"])
        }
        await #expect(throws: CancellationError.self) { _ = try await task.value }
    }

    @Test(
        "exactly 100,000 outputs pass, one more is an error",
        arguments: ["range(100000)", "range(100001)", "repeat(.)"])
    func outputs(program: String) async throws {
        var harness = StepHarness()
        harness.clock = ManualClock()
        if program == "range(100000)" {
            #expect(try await transform(["jq": .string(program)], harness: harness).asList?.count == 100_000)
            return
        }
        let error = try await transformError(["jq": .string(program)], harness: harness)
        #expect(error.message == "the program produces more than 100000 outputs")
        #expect(error.hint == "take the first ones with `limit(…; …)` or `first(…)`")
    }

    @Test(
        "a small value that unfolds into a huge one is an error",
        arguments: [
            ("reduce range(60) as $i (1; [., .])", "4000000 values"),
            ("[range(100000)] as $a | [range(100000) | $a]", "4000000 values"),
            ("[range(100000)] as $a | range(100000) | $a", "4000000 values"),
            ("(\"x\" * 1000000) as $t | [range(1000) | $t]", "256MiB of text"),
            ("(\"x\" * 1000000) as $t | range(1000) | {($t): 1}", "256MiB of text"),
        ])
    func unfolding(program: String, limit: String) async throws {
        var harness = StepHarness()
        harness.clock = ManualClock()
        let error = try await transformError(["jq": .string(program)], harness: harness)
        #expect(error.code == "jq-limit")
        #expect(error.message == "the program's output holds more than \(limit)")
    }

    @Test("500 evaluations at once give each its own result")
    func concurrent() async throws {
        try await withThrowingTaskGroup(of: (Int, Value).self) { group in
            for number in 0..<500 {
                group.addTask {
                    let input: Value = ["n": .int(Int64(number))]
                    return (number, try await transform(["jq": "[range(.n)] | add // 0"], input: input))
                }
            }
            for try await (number, output) in group {
                #expect(output == .int(Int64(number * (number - 1) / 2)))
            }
        }
    }

    @Test("more programs than are kept still work")
    func manyPrograms() async throws {
        for number in 0..<300 {
            #expect(try await transform(["jq": "\(number) + ."], input: 1) == .int(Int64(number + 1)))
        }
    }
}
