import RunnelKit
import RunnelTesting
import Testing

@testable import RunPlugin

@Suite("The promises of every trigger, kept by `run` and `health`", .timeLimit(.minutes(2))) struct ConformanceTests {
    /// Lets time pass while the trigger is checked, a look of it at a time.
    private static func findings(
        _ trigger: TriggerConformance, _ clock: ManualClock, _ happen: @escaping @Sendable (Int) async -> Void
    ) async -> [ConformanceFinding] {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    if let rest = clock.timeUntilNextDeadline { clock.advance(by: rest) }
                    await Task.yield()
                }
            }
            let findings = await trigger.findings(happen)
            group.cancelAll()
            return findings
        }
    }

    @Test("the end of a run is one run, also when it was refused or came while nobody looked")
    func runs() async {
        var harness = TriggerHarness()
        let clock = ManualClock()
        harness.clock = clock
        let runs = harness.runs
        let entry: ValueObject = ["pipelines": ["*"], "states": ["failed"]]
        let trigger = TriggerConformance(RunTrigger.self, entry: entry, harness: harness)
        let findings = await Self.findings(trigger, clock) { number in
            await runs.end(
                EndedRun(
                    number: Int64(number), runID: "r\(number)", pipeline: "import", state: .failed, isRecovery: false))
        }
        #expect(findings == [])
    }

    @Test("a problem that begins is one run, also when it was refused or began while nobody looked")
    func health() async throws {
        var harness = TriggerHarness()
        let clock = ManualClock()
        harness.clock = clock
        let board = try await harness.services.get(HealthBoard.self)
        let trigger = TriggerConformance(HealthTrigger.self, entry: ["events": ["disk"]], harness: harness)
        let findings = await Self.findings(trigger, clock) { number in
            board.set(.disk, Dictionary(uniqueKeysWithValues: (1...number).map { ("disk-\($0)", "it is full") }))
        }
        #expect(findings == [])
    }
}
