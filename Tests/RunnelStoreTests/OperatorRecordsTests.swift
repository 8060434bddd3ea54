import RunnelEngine
import RunnelKit
import Testing

@Suite("The records of operators in every journal") struct OperatorRecordsTests {
    private static let hour = HourCount.length

    @Test("runs are counted by the hour of their end, pipeline and state", arguments: JournalKind.allCases)
    func hours(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            for (id, pipeline, time) in [("a", "p", 1), ("b", "p", 2), ("c", "q", 1)] {
                _ = try await journal.accept(newRun(id, pipeline: pipeline), memory: nil)
                _ = try await journal.requestCancel(id, at: Int64(time) * Self.hour + 5)
            }
            _ = try await journal.accept(newRun("d"), memory: nil)
            func count(_ hour: Int64, _ pipeline: String) -> HourCount {
                HourCount(hour: hour * Self.hour, pipeline: pipeline, state: .cancelled, runs: 1)
            }
            #expect(try await other.operators.hours(since: 0) == [count(1, "p"), count(1, "q"), count(2, "p")])
            #expect(try await other.operators.hours(since: 2 * Self.hour + 99) == [count(2, "p")])
        }
    }

    @Test(
        "counts are kept as long as what calls have used, whether their runs are or not",
        arguments: JournalKind.allCases)
    func hoursArePruned(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            for hour in 1...3 {
                _ = try await journal.accept(newRun("r\(hour)"), memory: nil)
                _ = try await journal.requestCancel("r\(hour)", at: Int64(hour) * Self.hour + 5)
            }
            let retention = Retention(usage: .nanoseconds(2 * Self.hour))
            _ = try await journal.prune(retention, now: 4 * Self.hour + 7, within: nil)
            #expect(try await other.operators.hours(since: 0).map(\.hour) == [2 * Self.hour, 3 * Self.hour])
            #expect(try await other.run("r1")?.state == .cancelled)
        }
    }

    @Test("the audit log gives the newest entries first, a page at a time", arguments: JournalKind.allCases)
    func audit(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            for number in 1...3 {
                try await journal.operators.append(
                    AuditEntry(
                        time: Int64(number), caller: "token", origin: "127.0.0.1", action: "retry-run",
                        subject: "r\(number)", outcome: "n\(number)"))
            }
            let first = try await other.operators.audit(before: nil, limit: 2)
            #expect(first.map(\.subject) == ["r3", "r2"])
            #expect(first[0].outcome == "n3")
            #expect(try await other.operators.audit(before: first[1].number, limit: 2).map(\.subject) == ["r1"])
        }
    }

    @Test("each caller has seen what it said, and an earlier time changes nothing", arguments: JournalKind.allCases)
    func seen(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            #expect(try await journal.operators.seen(by: "ada") == nil)
            try await journal.operators.setSeen(by: "ada", until: .min)
            try await journal.operators.setSeen(by: "ada", until: 5)
            try await journal.operators.setSeen(by: "ada", until: 7)
            try await journal.operators.setSeen(by: "ada", until: 6)
            #expect(try await other.operators.seen(by: "ada") == 7)
            #expect(try await other.operators.seen(by: "bob") == nil)
        }
    }

    @Test(
        "runs in several states, or of a state with an index of its own, come newest first",
        arguments: JournalKind.allCases)
    func states(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            for id in ["a", "b", "c", "d"] { _ = try await journal.accept(newRun(id), memory: nil) }
            for id in ["a", "c"] { _ = try await journal.requestCancel(id, at: 1) }
            func ids(_ states: Set<RunState>, limit: Int = 10) async throws -> [String] {
                try await other.runs(RunFilter(states: states, limit: limit)).map(\.id)
            }
            #expect(try await ids([.cancelled]) == ["c", "a"])
            #expect(try await ids([.queued, .cancelled]) == ["d", "c", "b", "a"])
            #expect(try await ids([.queued, .cancelled], limit: 3) == ["d", "c", "b"])
            #expect(try await ids([.running, .failed]) == [])
            #expect(try await ids(Set(RunState.allCases)) == ["d", "c", "b", "a"])
        }
    }
}
