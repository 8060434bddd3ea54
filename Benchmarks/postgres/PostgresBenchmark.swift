import Foundation
import LibC
import Logging
import RunnelEngine
import RunnelKit
import RunnelStore

/// Does nothing, so that what is left is what Runnel itself costs.
private struct Nothing: Step {
    static let name = "nothing"
    static let summary = "Does nothing."
    static let documentation = StepDocumentation(output: "Its input.")

    func run(_ context: StepContext) async throws -> Value { context.input }
}

/// Waits 50 ms, like a step that waits for an answer.
private struct Waiting: Step {
    static let name = "waiting"
    static let summary = "Waits."
    static let documentation = StepDocumentation(output: "Its input.")

    func run(_ context: StepContext) async throws -> Value {
        try await Task.sleep(for: .milliseconds(50))
        return context.input
    }
}

private struct BenchmarkPlugin: Plugin {
    let name = "benchmark"
    var steps: [StepDefinition] { [StepDefinition(Nothing.self), StepDefinition(Waiting.self)] }
}

/// Accepts runs durably in PostgreSQL, works on pipelines of three steps, and measures how soon another worker begins.
///
///     PostgresBenchmark URL accept COUNT
///     PostgresBenchmark URL work COUNT WORKERS [waiting]
///     PostgresBenchmark URL wake auto|off
///     PostgresBenchmark URL worker END auto|off (one of the workers; it ends with that number of the sequence of ends)
@main struct PostgresBenchmark {
    private static func yaml(_ step: String) -> String {
        "name: benchmark\nsteps: [{ uses: \(step) }, { uses: \(step) }, { uses: \(step) }]\n"
    }
    private static let callers = 64

    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count > 3 else {
            return print("usage: PostgresBenchmark URL accept|work|wake|worker ARGUMENTS")
        }
        let (url, number) = (arguments[1], Int(arguments[3]) ?? 0)
        switch arguments[2] {
        case "accept":
            let journal = try open(url)
            _ = try await accept(1000, in: journal)
            print("runnel \(Int(try await accept(number, in: journal)))")
            await journal.close()
        case "work":
            let workers = arguments.count > 4 ? Int(arguments[4]) ?? 1 : 1
            try await work(url, number, of: arguments.count > 5 ? arguments[5] : "nothing", workers: workers)
        case "wake": try await wake(url, arguments[3])
        case "worker": try await worker(url, until: Int64(number), arguments.count > 4 ? arguments[4] : "auto")
        default: print("unknown: \(arguments[2])")
        }
    }

    private static func open(_ url: String, _ notify: String = "auto") throws -> PostgresJournal {
        var configuration = PostgresJournalConfiguration(url: url)
        configuration.schema = "benchmark"
        configuration.notifications = JournalNotifications(rawValue: notify) ?? .auto
        return try PostgresJournal.open(configuration)
    }

    private static func run(_ id: String, of step: String = "nothing") -> RunRecord {
        RunRecord(
            id: id, pipeline: "benchmark", definition: step, dedupeKey: id,
            trigger: ["type": "webhook", "body": ["text": "a small payload of a webhook"]], createdAt: nanoseconds())
    }

    /// - Returns: Accepts a second.
    private static func accept(
        _ count: Int, of step: String = "nothing", in journal: PostgresJournal
    ) async throws -> Double {
        try await journal.keep(
            DefinitionRecord(hash: step, pipeline: "benchmark", file: "benchmark.yaml", text: yaml(step)))
        let prefix = nanoseconds()
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in 0..<callers {
                group.addTask {
                    for number in stride(from: caller, to: count, by: callers) {
                        _ = try await journal.accept(run("\(prefix)-\(number)", of: step), memory: nil)
                    }
                }
            }
            try await group.waitForAll()
        }
        return Double(count) / (start.duration(to: .now) / .seconds(1))
    }

    // MARK: - Working

    /// Runs queued before, worked on by so many processes: from the first end that is seen to the last.
    private static func work(_ url: String, _ count: Int, of step: String, workers: Int) async throws {
        let journal = try open(url)
        let before = try await journal.lastEnd()
        _ = try await accept(count, of: step, in: journal)
        let end = before + Int64(count)
        let processes = try (0..<workers).map { _ in try start(url, until: end, "auto") }
        var first: (number: Int64, at: ContinuousClock.Instant)?
        while true {
            let number = try await journal.lastEnd()
            // Without the first tenth, in which the processes start.
            if first == nil, number >= before + Int64(count / 10) { first = (number, .now) }
            if number >= end { break }
            try await Task.sleep(for: .milliseconds(10))
        }
        if let first {
            let rate = Double(end - first.number) / (first.at.duration(to: .now) / .seconds(1))
            print("runnel \(Int(rate))")
        }
        for process in processes { process.waitUntilExit() }
        await journal.close()
    }

    private static func start(_ url: String, until end: Int64, _ notify: String) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
        process.arguments = [url, "worker", "\(end)", notify]
        try process.run()
        return process
    }

    private static func worker(_ url: String, until end: Int64, _ notify: String) async throws {
        let journal = try open(url, notify)
        let loader = try PipelineLoader(registry: StepRegistry([BenchmarkPlugin()]))
        let logger = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
        let runner = PipelineRunner(
            registry: loader.registry, environment: loader.environment, services: Services(),
            project: ProjectDirectory(path: "/nonexistent"), values: ProjectValues(), redactor: Redactor(),
            logger: logger, now: nanoseconds)
        let worker = Worker(
            record: WorkerRecord(
                id: WorkerID("benchmark-\(getpid())"), processID: getpid(), host: "localhost", role: "serve",
                startedAt: nanoseconds()),
            journal: journal, runner: runner, loader: loader, logger: logger)
        let queue = RunQueue(worker: worker, limit: 32, maximumQueued: 1_000_000)
        try await worker.withSession {
            async let running: Void = queue.run()
            while try await journal.lastEnd() < end { try await Task.sleep(for: .milliseconds(20)) }
            queue.stop()
            await running
        }
        await journal.close()
    }

    // MARK: - Waking

    /// From the acceptance of a run here until a worker in another process has begun it.
    private static func wake(_ url: String, _ notify: String) async throws {
        let journal = try open(url, notify)
        let rounds = 31
        _ = try await accept(1, in: journal)
        let before = try await journal.lastEnd()
        let process = try start(url, until: before + Int64(rounds) + 1, notify)
        // The first run waits for the process to start.
        while try await journal.lastEnd() <= before { try await Task.sleep(for: .milliseconds(10)) }
        var times: [Double] = []
        for number in 0..<rounds {
            // Apart from the one before, and not in step with the other one's timer.
            try await Task.sleep(for: .milliseconds(100 + number * 7))
            let id = "wake-\(nanoseconds())"
            _ = try await journal.accept(run(id), memory: nil)
            let accepted = nanoseconds()
            var began: Int64?
            while began == nil {
                try await Task.sleep(for: .milliseconds(5))
                let run = try await journal.run(id)
                if run?.state.isFinal ?? false { began = run?.startedAt }
            }
            times.append(Double(max(0, (began ?? accepted) - accepted)) / 1_000_000)
        }
        times.sort()
        print("runnel \((times[times.count / 2] * 100).rounded() / 100)")
        process.waitUntilExit()
        await journal.close()
    }

    @Sendable private static func nanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
