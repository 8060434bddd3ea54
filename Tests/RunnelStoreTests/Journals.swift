import RunnelEngine
import RunnelKit
import RunnelTesting
import Testing

@testable import RunnelStore

/// Every kind of journal; what holds for one has to hold for all.
enum JournalKind: CaseIterable, Sendable {
    case memory, sqlite, postgres

    static var allCases: [JournalKind] { hasPostgres ? [.memory, .sqlite, .postgres] : [.memory, .sqlite] }

    /// Two views of one journal, as two processes have them.
    func withTwo<Result>(
        _ body: (any Journal, any Journal) async throws -> Result
    ) async throws -> Result {
        switch self {
        case .memory:
            let journal = MemoryJournal()
            return try await body(journal, journal)
        case .sqlite:
            return try await withTemporaryDirectory { folder in
                let first = try SQLiteJournal.open(directory: folder + "/.runnel")
                let second = try SQLiteJournal.open(directory: folder + "/.runnel")
                let result = try await body(first, second)
                await first.close()
                await second.close()
                return result
            }
        case .postgres:
            return try await withTemporaryDirectory { folder in
                var configuration = try await PostgresServer.shared.value.configuration()
                configuration.host = "here"
                configuration.directory = folder + "/first"
                let first = try PostgresJournal.open(configuration)
                configuration.directory = folder + "/second"
                let second = try PostgresJournal.open(configuration)
                let result = try await body(first, second)
                await first.close()
                await second.close()
                return result
            }
        }
    }
}

/// Keys that differ behind a zero byte alone, or as the columns of a journal might confuse them.
let anyKeys = [
    "a", "a\u{0}b", "a\u{0}c", "a\u{0}", "a\u{0}\u{301}", "a\u{F8FE}0", "a\u{F8FE}1", "a\u{F8FE}", "a\u{F8FE}\u{301}",
    "a'\"\\{}",
]

func workerRecord(_ name: String) -> WorkerRecord {
    WorkerRecord(id: WorkerID(name), processID: 1, host: "here", role: "test", startedAt: 0)
}

func newRun(
    _ id: String, pipeline: String = "p", owner: WorkerRecord? = nil, dedupeKey: String? = nil, createdAt: Int64 = 1
) -> RunRecord {
    var run = RunRecord(
        id: id, pipeline: pipeline, definition: "d", dedupeKey: dedupeKey, trigger: ["type": "manual"],
        inputs: ["tone": "kind"], input: ["text": "in"], createdAt: createdAt)
    if let owner { (run.owner, run.state, run.startedAt) = (owner.id, .running, createdAt) }
    return run
}

func step(_ key: String, _ state: StepRecord.State = .succeeded, output: Value? = nil) -> StepRecord {
    var step = StepRecord(ExecutionKey(key) ?? ExecutionKey("none"), uses: "echo", state: state, attempt: 1)
    step.output = output
    step.startedAt = 5
    return step
}

extension Journal {
    /// By which the run belongs to its worker at the moment.
    func lease(_ runID: String) async throws -> Lease {
        try #require(try await run(runID)?.lease)
    }

    /// Takes over from these workers as from dead ones.
    func takeOver(_ presence: WorkerSight.Presence = .died, _ names: String..., now: Int64 = 0) async throws -> Takeover
    {
        let dead = try await observe().filter { names.contains($0.id.text) }.map {
            WorkerSight($0.id, beat: $0.beat, presence)
        }
        return try await takeOver(from: dead, TakeoverPolicy(deaths: 3, now: now))
    }
}
