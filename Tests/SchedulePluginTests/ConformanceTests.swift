import RunnelKit
import RunnelTesting
import Testing

@testable import SchedulePlugin

@Suite("The promises of every trigger, kept by `schedule`", .timeLimit(.minutes(2))) struct ConformanceTests {
    @Test("a tick is one run, also when it was refused or missed")
    func conformance() async throws {
        let rig = try Rig(at: "2026-11-23T11:59:30Z")
        let entry: ValueObject = ["cron": "* * * * *", "timezone": "UTC", "missed": "all"]
        let trigger = TriggerConformance(
            ScheduleTrigger.self, entry: entry, harness: rig.harness, patience: .seconds(60))
        let findings = await withTaskGroup(of: Void.self) { group in
            // Once events are accepted again, the pause before the refused one is told again passes.
            group.addTask {
                do { try await rig.harness.runs.wait { $0.refusals > 0 && $0.refusal == nil } } catch { return }
                await rig.clock.waitForSleepers()
                rig.clock.advance(by: .milliseconds(100))
            }
            let findings = await trigger.findings { number in
                if number == 3 { rig.downtime(.seconds(60)) } else { await rig.pass(.seconds(60)) }
            }
            group.cancelAll()
            return findings
        }
        #expect(findings == [])
        #expect(await rig.scheduled == (0...3).map { "2026-11-23T12:0\($0):00.000Z" })
    }
}
