import Foundation
import RunnelEngine
import TestSupport
import Testing

/// `make shutdown` runs 1,000 rounds; RUNNEL_SHUTDOWN_SEED repeats some that failed.
@Suite("Shutting down under load") struct LoadTests {
    private static let rounds = number("RUNNEL_SHUTDOWNS") ?? 20
    /// Rounds that go on side by side.
    private static let width = 3
    /// What a server may take beyond `runs.grace`, twice: once for running steps, once for cancelled ones.
    private static let slack = Duration.seconds(15)

    private static func number(_ name: String) -> Int? {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
    }

    private static let files = [
        "runnel.yaml": "runs: { grace: 500ms, max_queued: 100000 }\n",
        "quick.yaml": """
        name: quick
        on: { webhook: { verify: { scheme: none } } }
        steps: [ { uses: template, with: { text: hello } } ]
        """,
        "wait.yaml": """
        name: wait
        on: { webhook: { verify: { scheme: none }, respond: result } }
        steps: [ { uses: chat, with: { prompt: Tell me about rivers } } ]
        """,
        "stream.yaml": """
        name: stream
        on: { webhook: { verify: { scheme: none }, respond: stream } }
        steps: [ { uses: chat, with: { prompt: Tell me about mountains } } ]
        """,
    ]

    @Test("SIGTERM and SIGINT, once and twice, under 6 to 600 callers: status 0, in time, and nothing accepted is lost")
    func load() async throws {
        raiseFileLimit()
        let seed = Self.number("RUNNEL_SHUTDOWN_SEED") ?? Int.random(in: 1...1_000_000)
        print("shutdown: \(Self.rounds) rounds from seed \(seed)")
        let total = try await withThrowingTaskGroup(of: Tally.self) { group in
            var total = Tally()
            for round in 0..<Self.rounds {
                if round >= Self.width, let tally = try await group.next() { total.add(tally) }
                if round > 0, round.isMultiple(of: 100) { print("shutdown: \(total)") }
                group.addTask { try await Self.round(seed + round) }
            }
            for try await tally in group { total.add(tally) }
            return total
        }
        print("shutdown: \(total)")
    }

    private struct Tally: CustomStringConvertible {
        var rounds = 0
        var good = 0
        var accepted = 0
        var answers = 0
        var streams = 0
        var longest = Duration.zero

        mutating func add(_ other: Tally) {
            rounds += other.rounds
            good += other.good
            accepted += other.accepted
            answers += other.answers
            streams += other.streams
            longest = max(longest, other.longest)
        }

        var description: String {
            "\(good) of \(rounds) ended with status 0, the slowest after \(longest); "
                + "\(answers) answers, \(accepted) runs accepted, \(streams) streams"
        }
    }

    private static func round(_ seed: Int) async throws -> Tally {
        var generator = SeededGenerator(seed: UInt64(seed))
        let count = [6, 24, 100, 300, 600].randomElement(using: &generator) ?? 6
        let signal = [SIGTERM, SIGINT].randomElement(using: &generator) ?? SIGTERM
        let again = [nil, 0, 20, 300].randomElement(using: &generator) ?? nil
        let delay = Int.random(in: 20...600, using: &generator)
        let name: Comment =
            "seed \(seed): \(count) callers, \(signal == SIGTERM ? "SIGTERM" : "SIGINT") after \(delay) ms, again \(again.map { "after \($0) ms" } ?? "never")"
        let folder = try Folder(files)
        defer { folder.remove() }
        let server = try await Server(folder, ["--simulate"])
        let callers = Callers(port: server.port)
        callers.call(count)
        // The moments of the signals are what is tried here, so these are times and no waits for something.
        try await Task.sleep(for: .milliseconds(delay))
        server.signal(signal)
        if let again {
            try await Task.sleep(for: .milliseconds(again))
            server.signal(signal)
        }
        let ended = await server.ended()
        callers.stop()
        let patience = ContinuousClock.now + .seconds(60)
        while callers.result.open > 0, ContinuousClock.now < patience { try await Task.sleep(for: .milliseconds(5)) }
        let record = callers.result
        #expect(record.open == 0, name)
        #expect(ended.status == 0 && !ended.wasKilled, "\(name.rawValue): status \(ended.status)\n\(ended.error)")
        #expect(ended.time < slack, name)
        #expect(record.broken == [], name)
        #expect(record.endless == [], name)
        #expect(Set(record.statuses.keys).isSubset(of: [200, 202, 503]), "\(name.rawValue): \(record.statuses)")
        let (runs, problems) = try await folder.withJournal { journal in
            (try await journal.runs(RunFilter(limit: 1_000_000)), try await journal.check())
        }
        #expect(problems == [], name)
        #expect(Set(record.accepted).subtracting(runs.map(\.id)) == [], name)
        #expect(runs.filter { $0.state == .running || $0.state == .failed }.map(\.id) == [], name)
        return Tally(
            rounds: 1, good: ended.status == 0 && !ended.wasKilled ? 1 : 0, accepted: record.accepted.count,
            answers: callers.answers, streams: record.streams, longest: ended.time)
    }
}
