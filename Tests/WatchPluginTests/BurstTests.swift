import RunnelKit
import RunnelTesting
import Testing

@testable import WatchPlugin

@Suite("Watch: very many files", .timeLimit(.minutes(5)), .serialized) struct BurstTests {
    @Test(
        "of 10,000 files, renamed in or written in place, each starts one run, however often the trigger ends",
        arguments: Mode.allCases)
    func burst(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            let runs = CountingRuns(memory: fixture.harness.memory)
            let names = (1...10_000).map { "f\($0).txt" }
            for name in names { try fixture.write(name, to: "staging/" + name) }
            @Sendable func bring(_ part: ArraySlice<String>) throws {
                for (number, name) in part.enumerated() {
                    if number.isMultiple(of: 2) {
                        try fixture.rename("staging/" + name, to: "inbox/" + name)
                    } else {
                        try fixture.write(name, to: "inbox/" + name)
                    }
                }
            }
            // Long enough for a writer that does not get its turn.
            let entry = mode.keys(["path": "inbox", "settle": "300ms"])
            for life in 0..<5 {
                // What comes in the first half of a life comes while nobody watches.
                let part = names[life * 2000..<life * 2000 + 2000]
                try bring(part.prefix(1000))
                try await fixture.run(entry, in: fixture.context(runs)) {
                    try bring(part.dropFirst(1000))
                    await runs.waitForRuns(life == 4 ? 10_000 : life * 2000 + 700)
                }
            }
            #expect(await runs.paths == Set(names.map { "inbox/" + $0 }))
            #expect(await runs.runs.count == 10_000)
            #expect(await runs.mostAtOnce <= 64)
        }
    }

    @Test("when the system's queue overflows, nothing is lost")
    func overflow() async throws {
        try await WatchFixture.with { fixture in
            let runs = CountingRuns(memory: fixture.harness.memory)
            let limit = try #require(Int(fixture.systemSetting("fs/inotify/max_queued_events")))
            // Each is created, written to and closed.
            let names = (0..<limit / 2).map { "f\($0)" }
            try await fixture.run(["path": "inbox", "mode": "inotify", "settle": "10ms"], in: fixture.context(runs)) {
                try fixture.drop("first", at: "inbox/first")
                await runs.waitForRuns(1)
                await runs.shutGate()
                try fixture.link("inbox/link", to: "first")
                await runs.waitUntilHeldUp()
                for name in names { try fixture.write(name, to: "inbox/" + name) }
                await runs.openGate()
                await runs.waitForRuns(1 + names.count)
            }
            #expect(await runs.paths == Set(names.map { "inbox/" + $0 } + ["inbox/first"]))
            #expect(await runs.runs.count == 1 + names.count)
        }
    }
}
