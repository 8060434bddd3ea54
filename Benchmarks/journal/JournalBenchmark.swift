import LibC
import Logging
import RunnelEngine
import RunnelKit
import RunnelStore

/// Does nothing, so that what is left is what Runnel itself costs.
struct Nothing: Step {
    static let name = "nothing"
    static let summary = "Does nothing."
    static let documentation = StepDocumentation(output: "Its input.")

    func run(_ context: StepContext) async throws -> Value { context.input }
}

/// The same, but as free to repeat as a template.
struct NothingFree: Step {
    static let name = "nothing.free"
    static let summary = "Does nothing."
    static let isRepeatable = true
    static let documentation = StepDocumentation(output: "Its input.")

    func run(_ context: StepContext) async throws -> Value { context.input }
}

struct BenchmarkPlugin: Plugin {
    let name = "benchmark"
    var steps: [StepDefinition] { [StepDefinition(Nothing.self), StepDefinition(NothingFree.self)] }
}

/// Runs a pipeline of three steps that do nothing, durably: one run after another, then many at once.
///
///     JournalBenchmark [directory] [count]
///
/// With `count`, so many runs with effects one after another and nothing else, for counting instructions.
@main struct JournalBenchmark {
    static func main() async throws {
        let directory = CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : "."
        let journal = try SQLiteJournal.open(directory: directory + "/.runnel")
        let loader = try PipelineLoader(registry: StepRegistry([BenchmarkPlugin()]))
        @Sendable func text(_ step: String) -> String {
            "name: nothing\nsteps: [{ uses: \(step) }, { uses: \(step) }, { uses: \(step) }]\n"
        }
        let logger = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
        let runner = PipelineRunner(
            registry: loader.registry, environment: loader.environment, services: Services(),
            project: ProjectDirectory(path: directory), values: ProjectValues(), redactor: Redactor(), logger: logger,
            now: nanoseconds)
        let worker = Worker(
            record: WorkerRecord(
                id: WorkerID("benchmark-\(getpid())"), processID: getpid(), host: "localhost", role: "benchmark",
                startedAt: nanoseconds()),
            journal: journal, runner: runner, loader: loader, logger: logger)
        let benchmark = Benchmark(journal: journal, worker: worker)
        if CommandLine.arguments.count > 2, let count = Int(CommandLine.arguments[2]) {
            try await worker.withSession {
                try await journal.keep(
                    DefinitionRecord(
                        hash: "nothing", pipeline: "nothing", file: "nothing.yaml", text: text("nothing")))
                _ = try await benchmark.oneAfterAnother(count, of: "nothing")
            }
            return await journal.close()
        }
        print("fsync probe: \(probe(directory)) ms a durable write of 4 KiB")
        try await worker.withSession {
            for step in ["nothing", "nothing.free"] {
                try await journal.keep(
                    DefinitionRecord(hash: step, pipeline: "nothing", file: "nothing.yaml", text: text(step)))
            }
            // Until the write-ahead log has its size: from then on it is written over and over, as it is in a service.
            _ = try await benchmark.oneAfterAnother(400, of: "nothing")
            for (step, words) in [("nothing", "steps with effects"), ("nothing.free", "repeatable steps")] {
                let single = try await benchmark.oneAfterAnother(50, of: step)
                print("runnel, one after another, three \(words): \(format(single)) ms a run")
                let rate = try await benchmark.atOnce(32, count: 6000, of: step)
                print("runnel, 32 at once, three \(words): \(Int(rate)) runs/s")
            }
        }
        print("fsync probe: \(probe(directory)) ms a durable write of 4 KiB")
        let problems = try await journal.check()
        print(problems.isEmpty ? "integrity: ok" : "integrity: \(problems)")
        await journal.close()
    }

    @Sendable static func nanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// What the disk costs at this moment.
    private static func probe(_ directory: String) -> String {
        let path = directory + "/probe"
        let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        defer {
            close(descriptor)
            unlink(path)
        }
        let page = [UInt8](repeating: 1, count: 4096)
        let start = nanoseconds()
        for _ in 0..<100 {
            _ = write(descriptor, page, page.count)
            fsync(descriptor)
        }
        return format(Double(nanoseconds() - start) / 1e8)
    }

    private static func format(_ number: Double) -> String {
        "\((number * 1000).rounded() / 1000)"
    }
}

struct Benchmark: Sendable {
    let journal: any Journal
    let worker: Worker

    func one(_ number: Int, _ definition: String) async throws {
        let now = JournalBenchmark.nanoseconds()
        var run = RunRecord(
            id: UUIDv7.make(nanoseconds: now), pipeline: "nothing", definition: definition, trigger: ["type": "manual"],
            input: .int(Int64(number)), createdAt: now)
        (run.owner, run.state, run.startedAt) = (worker.id, .running, now)
        guard case .claimed(let epoch) = try await journal.accept(run, memory: nil) else {
            throw StepError(reported: "benchmark", "a run was not accepted")
        }
        run.epoch = epoch
        guard case .ended(let result) = await worker.work(on: run), case .succeeded = result.outcome else {
            throw StepError(reported: "benchmark", "a run did not succeed")
        }
    }

    /// Milliseconds a run.
    func oneAfterAnother(_ count: Int, of definition: String) async throws -> Double {
        let start = JournalBenchmark.nanoseconds()
        for number in 0..<count { try await one(number, definition) }
        return Double(JournalBenchmark.nanoseconds() - start) / Double(count) / 1e6
    }

    /// Runs a second.
    func atOnce(_ width: Int, count: Int, of definition: String) async throws -> Double {
        let start = JournalBenchmark.nanoseconds()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<count {
                if number >= width { try await group.next() }
                group.addTask { try await one(number, definition) }
            }
            try await group.waitForAll()
        }
        return Double(count) / (Double(JournalBenchmark.nanoseconds() - start) / 1e9)
    }
}
