import Foundation
import HTTPTestServer
import MarketplaceSimulator
import RunnelEngine
import RunnelKit
import RunnelStore
import Testing

/// Real processes, killed at random moments, until everything that was accepted is done.
///
/// `RUNNEL_KILLS` says how often (20 unless given), `RUNNEL_SEED` repeats a sequence.
@Suite("kill -9 at any moment") struct CrashTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let kills = environment["RUNNEL_KILLS"].flatMap { Int($0) } ?? 20
    private static let seed = environment["RUNNEL_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1...999_999)

    private static let pipeline = """
        name: crash
        inputs: { n: { type: integer } }
        steps:
          - id: start
            uses: template
            with: { text: "run {{ run.id }} number {{ inputs.n }}" }
          - id: answer
            uses: chat
            with: { prompt: "{{ input }}" }
            retry: { attempts: 3, backoff: 10ms }
          - id: send
            for_each: [a, b, c]
            max_parallel: 2
            uses: webhook.send
            with: { url: "{{ env.RECEIVER }}", json: { item: "{{ item }}", answer: "{{ steps.answer.text }}" } }
          - id: file
            uses: file.write
            with: { path: "out/{{ run.id }}.txt", content: "{{ steps.answer.text }}" }
        """

    @Test("every accepted run ends once, no effect differs from its repeat, and no stored answer is paid for again")
    func kills() async throws {
        print("crash harness: \(Self.kills) kills, seed \(Self.seed)")
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("runnel-crash-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var configuration = SimulatorConfiguration()
        configuration.pace = .milliseconds(2)
        try await MarketplaceSimulator.withSimulator(configuration) { simulator in
            try await TestServer.run({ _ in .reply(204) }) { receiver in
                let harness = Harness(folder: folder, simulator: simulator, receiver: receiver)
                try harness.prepare(Self.pipeline)
                try await harness.killAndRestart(Self.kills, seed: Self.seed)
                try await harness.check()
            }
        }
    }
}
