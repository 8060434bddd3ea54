import LibC
import Logging
import RunnelEngine
import RunnelKit
import RunnelStore
import RunnelTesting
import SchedulePlugin
import TemplatePlugin

/// `runnel serve` without its HTTP side, on a clock that stands still until it is moved.
struct SimulatedDay {
    static let pipelines = 50
    /// 2026-01-01T00:00:00Z, in nanoseconds.
    private static let start: Int64 = 1_767_225_600_000_000_000
    /// Short, so that the journal has its size early and what grows on is not hidden behind it.
    private static let retention = Retention(age: .seconds(2 * 3600), count: 10_000)
    /// How much more memory the last hours may take than those in the middle.
    private static let tolerance = 1.1

    let directory: String
    let hours: Int
    private let clock = ManualClock()
    private let journal: SQLiteJournal
    private let queue: RunQueue
    private let worker: Worker
    private let host: PipelineHost

    init(directory: String, hours: Int) async throws {
        self.directory = directory
        self.hours = hours
        let clock = clock
        let now: @Sendable () -> Int64 = { Self.time(clock) }
        journal = try SQLiteJournal.open(directory: directory + "/.runnel")
        let loader = try PipelineLoader(registry: StepRegistry([SchedulePlugin(), TemplatePlugin()]))
        let logger = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
        let runner = PipelineRunner(
            registry: loader.registry, environment: loader.environment, services: Services(),
            project: ProjectDirectory(path: directory), values: ProjectValues(), redactor: Redactor(), logger: logger,
            clock: clock, now: now)
        worker = Worker(
            record: WorkerRecord(
                id: WorkerID("benchmark"), processID: 1, host: "localhost", role: "benchmark", startedAt: now()),
            journal: journal, runner: runner, loader: loader, logger: logger)
        queue = RunQueue(worker: worker, limit: 16, maximumQueued: 1000)
        let files = (1...Self.pipelines).map { number in (file: "p-\(number).yaml", bytes: Self.pipeline(number)) }
        host = PipelineHost(queue: queue, loader: loader, logger: logger) { files }
    }

    private static func pipeline(_ number: Int) -> [UInt8] {
        Array(
            """
            name: p-\(number)
            on: { schedule: { cron: "* * * * *", timezone: Europe/Berlin } }
            steps: [{ uses: template, with: { text: "{{ trigger.scheduled_for }} in p-\(number)" } }]

            """.utf8)
    }

    func run() async throws {
        let day = self
        try await worker.withSession {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await day.queue.run() }
                group.addTask { await day.host.run {} }
                defer {
                    day.queue.stop()
                    group.cancelAll()
                }
                try await day.tick()
            }
        }
        await journal.close()
    }

    private func tick() async throws {
        print("\(Self.pipelines) pipelines tick every minute for \(hours) simulated hours")
        print("hour   memory MiB   journal MiB   runs")
        var memory: [Int] = []
        var removed = 0
        for hour in 1...hours {
            for _ in 0..<60 { try await minute() }
            removed += try await journal.prune(Self.retention, now: Self.time(clock)).runs
            let resident = Memory.resident()
            memory.append(resident)
            let size = Memory.size(of: directory + "/.runnel/journal.db")
            print(
                "\(pad(hour, 4))   \(pad(mebibytes(resident), 10))   \(pad(mebibytes(size), 11))   \(expected(hour))")
            // Also where the output is a pipe.
            fflush(nil)
        }
        try await check(memory, removed)
    }

    /// Moves the clock by a minute and waits until the ticks' runs have ended.
    private func minute() async throws {
        let end = clock.now.offset + .seconds(60)
        while clock.now.offset < end {
            // All triggers sleep, and nothing else sleeps on this clock.
            await clock.waitForSleepers(Self.pipelines)
            let step = clock.timeUntilNextDeadline ?? .zero
            clock.advance(by: min(step, end - clock.now.offset))
        }
        await clock.waitForSleepers(Self.pipelines)
        while try await !isIdle() { try await ContinuousClock().sleep(for: .milliseconds(1)) }
    }

    private func isIdle() async throws -> Bool {
        guard await queue.runningCount == 0 else { return false }
        return try await journal.runs(RunFilter(states: [.queued, .running], limit: 1)).isEmpty
    }

    private func expected(_ hours: Int) -> Int { hours * 60 * Self.pipelines }

    private func check(_ memory: [Int], _ removed: Int) async throws {
        let kept = try await journal.runs(RunFilter(states: [.succeeded], limit: expected(hours) + 1)).count
        print("runs that ended well: \(kept + removed) of \(expected(hours))")
        guard kept + removed == expected(hours) else {
            throw StepError(reported: "benchmark", "a tick has no run, more than one, or one that failed")
        }
        // Before that, the journal and the allocator have not reached their size.
        guard hours >= 12 else { return }
        let middle = memory[hours / 2 - 2...hours / 2].reduce(0, +)
        let growth = Double(memory.suffix(3).reduce(0, +)) / Double(middle)
        print("memory of the last three hours is \((growth * 100).rounded() / 100) of that of the three in the middle")
        guard growth <= Self.tolerance else { throw StepError(reported: "benchmark", "memory grows") }
    }

    private static func time(_ clock: ManualClock) -> Int64 {
        let (seconds, attoseconds) = clock.now.offset.components
        return start + seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }

    private func mebibytes(_ kibibytes: Int) -> String {
        let tenths = (kibibytes * 10 + 512) / 1024
        return "\(tenths / 10).\(tenths % 10)"
    }

    private func pad(_ value: some CustomStringConvertible, _ width: Int) -> String {
        let text = value.description
        return String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
