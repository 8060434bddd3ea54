import RunnelEngine
import RunnelKit
import RunnelTesting
import Testing

@testable import RunnelStore

@Suite("PgBouncer in transaction mode", .enabled(if: hasPgBouncer), .timeLimit(.minutes(5))) struct PgBouncerTests {
    @Test("is noticed: workers poll, and two of them share runs without a session of their own")
    func transactions() async throws {
        try await PostgresServer.shared.value.withPgBouncer { url in
            var configuration = try await PostgresServer.shared.value.configuration()
            let direct = try PostgresJournal.open(configuration)
            #expect(direct.isBehindProxy == false)
            configuration.url = url
            let (first, second) = (try PostgresJournal.open(configuration), try PostgresJournal.open(configuration))
            #expect(first.isBehindProxy == true)
            // Nothing listens, so there is nothing to wait for.
            var signals = first.queueSignals().makeAsyncIterator()
            #expect(await signals.next() == nil)
            try await first.join(workerRecord("a"))
            try await second.join(workerRecord("b"))
            // Many transactions at once, each on whichever session the proxy gives it.
            let claimed = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<200 {
                    group.addTask { () async throws -> Bool in
                        let journal = number.isMultiple(of: 2) ? first : second
                        let worker = WorkerID(number.isMultiple(of: 2) ? "a" : "b")
                        _ = try await journal.accept(newRun("r\(number)", dedupeKey: "k\(number / 2)"), memory: nil)
                        guard
                            case .claimed(let run) = try await journal.claim(
                                "r\(number)", by: worker, limits: RunLimits())
                        else { return false }
                        let large = Value.string(String(repeating: "x", count: 20_000))
                        let end = RunCommit.End(state: .succeeded, time: 9)
                        try await journal.commit(
                            RunCommit(lease: try #require(run.lease), steps: [step("s", output: large)], end: end),
                            .durable)
                        return true
                    }
                }
                return try await group.reduce(into: 0) { if $1 { $0 += 1 } }
            }
            // Each pair shares a dedupe key.
            #expect(claimed == 100)
            #expect(try await direct.lastEnd() == 100)
            #expect(try await second.workers().count == 2)
            #expect(try await first.beat(WorkerID("a"))?.beat == 1)
            for journal in [direct, first, second] { await journal.close() }
        }
    }
}
