import RunnelEngine
import RunnelTesting
import Testing

@testable import RunnelServer

@Suite("Whether the server is ready") struct ReadinessTests {
    @Test("many callers share one write, and its outcome holds for two seconds")
    func shared() async throws {
        let (gates, clock) = (Gates(), ManualClock())
        var journal = HeldJournal()
        journal.gates = gates
        let probe = ReadinessProbe(journal: journal, clock: clock)
        let problems = await withTaskGroup(of: String?.self) { group in
            for _ in 0..<50 { group.addTask { await probe.problem() } }
            await clock.waitForSleepers(50)
            await gates.waitForArrivals(at: "commit")
            await gates.open("commit")
            return await group.reduce(into: [String?]()) { $0.append($1) }
        }
        #expect(problems == Array(repeating: nil, count: 50))
        #expect(await journal.probes() == 1)
        clock.advance(by: .milliseconds(1999))
        #expect(await probe.problem() == nil)
        #expect(await journal.probes() == 1)
        clock.advance(by: .milliseconds(1))
        #expect(await probe.problem() == nil)
        #expect(await journal.probes() == 2)
    }

    @Test("a journal that does not answer counts as one that is held, after three seconds")
    func late() async throws {
        let (gates, clock) = (Gates(), ManualClock())
        var journal = HeldJournal()
        journal.gates = gates
        let probe = ReadinessProbe(journal: journal, clock: clock)
        for _ in 0..<3 {
            async let problem = probe.problem()
            await clock.waitForSleepers(1)
            clock.advance(by: ReadinessProbe.patience)
            #expect(await problem == "journal-busy")
        }
        // Nobody writes beside a write that has not ended.
        await gates.waitForArrivals(at: "commit")
        #expect(await journal.probes() == 1)
        await gates.open("commit")
    }

    @Test("what keeps the journal from being written is told by its code, until it can be written again")
    func failing() async {
        let clock = ManualClock()
        var journal = HeldJournal()
        journal.failure = JournalError(.full, "there is no space left to write /x")
        let probe = ReadinessProbe(journal: journal, clock: clock)
        #expect(await probe.problem() == "journal-full")
    }
}
