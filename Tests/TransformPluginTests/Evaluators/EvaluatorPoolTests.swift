import CRunnelJQ
import Foundation
import RunnelKit
import RunnelTesting
import TestSupport
import Testing

@testable import TransformPlugin

@Suite("A pool of evaluators") struct EvaluatorPoolTests {
    private static let endless = "last(range(1e12))"

    /// Quick, so that idle evaluators end within a test.
    private func quick(maximum: Int = 2, idleTicks: Int = 3, patience: Int = 5) -> EvaluatorPool {
        EvaluatorPool(
            settings: .init(maximum: maximum, tick: .milliseconds(20), idleTicks: idleTicks, patience: patience))
    }

    private func value(
        _ program: String, _ input: Value = .null, limit: Duration = .seconds(60), in pool: EvaluatorPool
    ) async throws -> Value {
        .list(try await JQProgram(program).outputs(for: input, within: limit, in: pool).values)
    }

    /// The process that evaluates `program` without end, and the task that waits for it.
    private func running(_ program: String, in pool: EvaluatorPool) async throws -> (pid_t, Task<Value, any Error>) {
        let task = Task { try await value(program, in: pool) }
        while pool.processes.isEmpty { try await waitTurn() }
        let process = try #require(pool.processes.first)
        try await waitUntilEvaluator(process)
        return (process, task)
    }

    /// Until the process has set how it takes signals, right after which it calls itself so. Before that, a fault is
    /// handled by Swift's runtime, which takes its time.
    private func waitUntilEvaluator(_ process: pid_t) async throws {
        let file = "/proc/\(process)/comm"
        while let name = try? String(contentsOfFile: file, encoding: .utf8), name != "runnel-jq\n" {
            try await waitTurn()
        }
    }

    /// Waits until a process is gone and has been taken out of the system's table.
    private func expectGone(_ process: pid_t) async throws {
        while kill(process, 0) == 0 { try await waitTurn() }
        #expect(errno == ESRCH)
    }

    /// Stops a process, all threads of it.
    private func stop(_ process: pid_t) {
        kill(process, SIGSTOP)
        var information = siginfo_t()
        while waitid(P_PID, id_t(process), &information, WSTOPPED | WNOWAIT) != 0, errno == EINTR {}
    }

    @Test("there is no process before the first call, one for calls in a row, and none after some time without")
    func lifetime() async throws {
        let pool = quick()
        #expect(pool.processes.isEmpty)
        var processes: Set<pid_t> = []
        for number in 0..<100 {
            #expect(try await value(". + 1", .int(Int64(number)), in: pool) == [.int(Int64(number + 1))])
            processes.formUnion(pool.processes)
        }
        #expect(processes.count >= 1)
        while !pool.processes.isEmpty { try await waitTurn() }
        for process in processes { try await expectGone(process) }
        #expect(try await value(". + 1", 1, in: pool) == [2])
    }

    @Test("1,000 calls at once go through at most two processes, and leave no process and no descriptor")
    func leaks() async throws {
        let pool = quick(idleTicks: 100_000)
        var seen: Set<pid_t> = []
        var channels: Set<String> = []
        try await withThrowingTaskGroup(of: (Int64, Value).self) { group in
            for number in 0..<1000 as Range<Int64> {
                group.addTask { (number, try await value("[range(.)] | length", .int(number), in: pool)) }
            }
            for try await (number, output) in group {
                #expect(output == [.int(number)])
                let evaluators = pool.evaluators
                #expect(evaluators.count <= 2)
                seen.formUnion(evaluators.map(\.process))
                channels.formUnion(evaluators.compactMap { Self.target(ofDescriptor: $0.channel) })
            }
        }
        #expect(!seen.isEmpty)
        for process in seen { kill(process, SIGKILL) }
        while !pool.processes.isEmpty { try await waitTurn() }
        for process in seen { try await expectGone(process) }
        #if os(Linux)
        #expect(!channels.isEmpty)
        let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap {
            Int32($0).flatMap(Self.target)
        }
        #expect(channels.isDisjoint(with: open))
        #endif
    }

    private static func target(ofDescriptor descriptor: Int32) -> String? {
        var target = [CChar](repeating: 0, count: 256)
        let length = readlink("/proc/self/fd/\(descriptor)", &target, target.count)
        return length > 0 ? String(decoding: target.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
    }

    @Test(
        "kill -9 of the process fails its call as transient, and another process serves the next",
        arguments: [
            "last(range(1e12))", "repeat(\"x\" * 100000)",
        ])
    func killed(program: String) async throws {
        let pool = quick(patience: 100_000)
        let (process, task) = try await running(program, in: pool)
        kill(process, SIGKILL)
        let error = try await #require(throws: StepError.self) { try await task.value }
        #expect(error.code == "jq-killed")
        #expect(error.message == "the process that evaluates jq was killed (signal 9, SIGKILL)")
        #expect(error.isTransient)
        try await expectGone(process)
        #expect(try await value(".", 1, in: pool) == [1])
    }

    @Test("a fault in the process fails its call for good")
    func fault() async throws {
        let pool = quick(patience: 100_000)
        let (process, task) = try await running(Self.endless, in: pool)
        kill(process, SIGSEGV)
        let error = try await #require(throws: StepError.self) { try await task.value }
        #expect(error.code == "jq-crashed")
        #expect(error.message == "the jq program crashed its evaluator (signal 11, SIGSEGV)")
        #expect(!error.isTransient)
    }

    @Test("a process that stands still is given up after the patience, as transient")
    func stalled() async throws {
        let pool = quick(idleTicks: 1000)
        #expect(try await value(".", 1, in: pool) == [1])
        let process = try #require(pool.processes.first)
        stop(process)
        let error = try await #require(throws: StepError.self) {
            try await value(".", 1, limit: .milliseconds(10), in: pool)
        }
        #expect(error.code == "jq-stalled")
        // Five ticks of 20 ms and twenty times the limit, and one tick more.
        #expect(error.message == "the process that evaluates jq did not answer for 320ms")
        #expect(error.isTransient)
        try await expectGone(process)
        #expect(try await value(".", 1, in: pool) == [1])
    }

    @Test("a process that was frozen for longer than the time limit goes on and gives its answer")
    func frozen() async throws {
        let pool = quick(idleTicks: 1000, patience: 100_000)
        #expect(try await value("[range(.)] | length", 1, in: pool) == [1])
        let process = try #require(pool.processes.first)
        stop(process)
        let task = Task { try await value("[range(.)] | length", 2, limit: .milliseconds(50), in: pool) }
        try await Task.sleep(for: .milliseconds(300))
        kill(process, SIGCONT)
        #expect(try await task.value == [2])
        #expect(pool.processes == [process])
    }

    @Test("cancelling ends the process of an evaluation that would go on")
    func cancelled() async throws {
        let pool = quick()
        let (process, task) = try await running(Self.endless, in: pool)
        task.cancel()
        await #expect(throws: CancellationError.self) { _ = try await task.value }
        try await expectGone(process)
        #expect(try await value(".", 1, in: pool) == [1])
    }

    @Test("a call that is cancelled while it waits is not evaluated, and the others are")
    func cancelledWaiting() async throws {
        let pool = quick(maximum: 1, patience: 100_000)
        let (process, task) = try await running(Self.endless, in: pool)
        let waiting = Task { try await value(".", 1, in: pool) }
        let cancelled = Task { try await value(".", 2, in: pool) }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { _ = try await cancelled.value }
        kill(process, SIGKILL)
        _ = try? await task.value
        #expect(try await waiting.value == [1])
    }

    @Test("a thread that waits for a program to be compiled does not wait for evaluations")
    func urgent() async throws {
        let pool = quick(maximum: 1, idleTicks: 1000, patience: 100_000)
        let (process, task) = try await running(Self.endless, in: pool)
        async let waiting = value(".", 1, in: pool)
        let request = JQWriter(program: ".a", input: nil, limit: .seconds(10)).bytes
        let outcome = pool.wait(for: .init(program: ".a", request: request, limit: .seconds(10), isUrgent: true))
        #expect(try outcome.get().end == RUNNEL_JQ_COMPLETE)
        #expect(pool.processes.count == 2)
        #expect(pool.processes.first == process)
        task.cancel()
        #expect(try await waiting == [1])
    }

    @Test("signals that ask a process to end do not reach the evaluators before their parent decides")
    func signals() async throws {
        let pool = quick(idleTicks: 1000)
        #expect(try await value(".", 1, in: pool) == [1])
        let process = try #require(pool.processes.first)
        #expect(getsid(process) == process)
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] { kill(process, signal) }
        #expect(try await value(".", 2, in: pool) == [2])
        #expect(pool.processes == [process])
    }

    @Test("a call goes to the idle process that keeps its program")
    func affinity() async throws {
        let pool = quick(idleTicks: 100_000, patience: 100_000)
        // Both wait for a process; the second is started because the first is busy for long.
        async let first = value("[range(1000000)] | length | ., \"first\"", in: pool)
        async let second = value("[range(1000000)] | length | ., \"second\"", in: pool)
        #expect(try await [first, second] == [[1_000_000, "first"], [1_000_000, "second"]])
        var programs: [pid_t: Set<String>] = [:]
        for _ in 0..<20 {
            for program in ["\"a\"", "\"b\"", "\"c\""] {
                _ = try await value(program, in: pool)
                for evaluator in pool.evaluators where evaluator.keeps(program) {
                    programs[evaluator.process, default: []].insert(program)
                }
            }
        }
        #expect(programs.values.reduce(0) { $0 + $1.count } == 3, "each program is compiled in one process")
    }

    @Test("large inputs and outputs pass, beside small ones")
    func large() async throws {
        let pool = quick(patience: 100_000)
        let text = String(repeating: "ä🦆x\n", count: 1_000_000)
        let list = Value.list((0..<100_000).map { ["n": .int($0), "t": .string("x\($0)")] })
        try await withThrowingTaskGroup(of: Void.self) { group in
            for input in [.string(text), list] as [Value] {
                group.addTask {
                    let output = try await value(".", input, in: pool)
                    #expect(output == [input])
                }
            }
            for number in 0..<200 as Range<Int64> {
                group.addTask {
                    let output = try await value(". * 2", .int(number), in: pool)
                    #expect(output == [.int(number * 2)])
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("a process that has grown large is replaced by a small one")
    func grown() async throws {
        let pool = quick(idleTicks: 100_000, patience: 100_000)
        #expect(try await value("reduce range(3000000) as $i (null; [.]) | length", in: pool) == [1])
        _ = try await value("[range(12000000)] | length", in: pool)
        let before = pool.processes
        #expect(try await value(".", 1, in: pool) == [1])
        #expect(before.isEmpty || pool.processes.count == 1)
    }

    @Test("whatever bytes come, an evaluator ends in order: with the channel, or with a status of its own")
    func anyBytes() async throws {
        var generator = SeededGenerator(seed: 20_261_126)
        for round in 0..<40 {
            var (process, channel): (pid_t, CInt) = (0, -1)
            try #require(runnel_jq_start(&process, &channel) == 0)
            var bytes: [UInt8]
            if round.isMultiple(of: 2) {
                bytes = (0..<Int.random(in: 0..<4096, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
            } else {
                // A request that is right, but for a few bytes of its input, or that breaks off.
                bytes = JQWriter(program: ".", input: ["a": [1, "b", [:]], "c": .null], limit: .seconds(1)).bytes
                let start = bytes.count - 50
                for _ in 0..<3 {
                    bytes[Int.random(in: start..<bytes.count, using: &generator)] =
                        UInt8.random(in: 0...255, using: &generator)
                }
                bytes.removeLast(Int.random(in: 0..<4, using: &generator))
            }
            _ = bytes.withUnsafeBytes { write(channel, $0.baseAddress, $0.count) }
            close(channel)
            var status: CInt = 0
            while waitpid(process, &status, 0) < 0, errno == EINTR {}
            // SIGPIPE is the answer that nobody waits for.
            let isInOrder = status & 0x7f == 0 ? [0, 70, 71].contains(status >> 8 & 0xff) : status & 0x7f == SIGPIPE
            #expect(isInOrder, "round \(round): status \(status)")
        }
    }

    @Test("whatever bytes an evaluator answers, reading them ends with values or with an error")
    func anyAnswer() throws {
        var generator = SeededGenerator(seed: 7)
        let value: Value = ["a": [1, -0.5, "ä🦆", .null, true, false, []], "b": ["c": [:]], "": [[[["x"]]]]]
        let request = JQWriter(program: "", input: value, limit: .seconds(1)).bytes
        let answer = Array(request.dropFirst(MemoryLayout<runnel_jq_request>.size + JQPrelude.bytes.count))
        var whole = JQReader(answer)
        #expect(try whole.values() == [value])
        for length in 1..<answer.count {
            var cut = JQReader(Array(answer[..<length]))
            #expect(throws: EvaluatorFailure.unreadable) { try cut.values() }
        }
        for _ in 0..<20_000 {
            var bytes = answer
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                bytes[Int.random(in: bytes.indices, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            var reader = JQReader(bytes)
            _ = try? reader.values()
        }
        var deep = JQReader([UInt8](repeating: 5, count: 10_000).flatMap { [$0, 1, 0, 0, 0] })
        #expect(throws: EvaluatorFailure.unreadable) { try deep.values() }
    }
}
