import Foundation
import HTTPTestServer
import MarketplaceSimulator
import TestSupport
import Testing

/// One, two or three servers on one journal, harmed in all the ways of ``Scenario``.
///
/// `RUNNEL_ROUNDS` says how many rounds (8 unless given), `RUNNEL_WORLDS` how many journals are used at once (4),
/// `RUNNEL_OUTAGE` how many seconds an outage lasts at most (5; up to 60 are of use), `RUNNEL_SCENARIO` which scenarios
/// are played, by their names with commas between (all that are possible), and `RUNNEL_SEED` repeats a sequence.
/// `RUNNEL_KEEP` keeps the files of worlds in which something was wrong.
@Suite("servers that share a journal") struct ServerCrashTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static func number(_ name: String, _ value: Int) -> Int { environment[name].flatMap { Int($0) } ?? value }
    private static let rounds = number("RUNNEL_ROUNDS", 8)
    private static let worlds = max(1, min(rounds, number("RUNNEL_WORLDS", 4)))
    private static let outage = number("RUNNEL_OUTAGE", 5)
    private static let seed = environment["RUNNEL_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1...999_999)

    /// Twenty-five of them write more than ``Disk`` holds.
    private static let roundsOfAWorld = 12

    private struct Outcome: Sendable {
        var scenario: Scenario
        var violations: [String]
    }

    @Test("nothing that was accepted is lost, stranded, done by two, or paid for again")
    func rounds() async throws {
        let parent = FileManager.default.temporaryDirectory.appendingPathComponent("runnel-crash-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
        let fault = Disk.compileFault(in: parent)
        let wanted = Self.environment["RUNNEL_SCENARIO"].map { Set($0.split(separator: ",").map(String.init)) }
        let scenarios = Scenario.allCases.filter {
            wanted?.contains($0.rawValue) ?? true && CrashWorld.isPossible($0, fault: fault)
        }
        let names = scenarios.map(\.rawValue).joined(separator: ", ")
        print("crash harness: \(Self.rounds) rounds of \(names) in \(Self.worlds) worlds, seed \(Self.seed)")
        try #require(!scenarios.isEmpty, "none of the scenarios can be played here")
        let outcomes = try await withThrowingTaskGroup(of: [Outcome].self) { group in
            for world in 0..<Self.worlds {
                let rounds = Self.rounds / Self.worlds + (world < Self.rounds % Self.worlds ? 1 : 0)
                group.addTask { try await Self.play(rounds, of: scenarios, world: world, fault, in: parent) }
            }
            return try await group.reduce(into: [Outcome]()) { $0 += $1 }
        }
        if Self.environment["RUNNEL_KEEP"] == nil { try? FileManager.default.removeItem(at: parent) }
        for scenario in scenarios {
            let all = outcomes.filter { $0.scenario == scenario }
            let bad = all.filter { !$0.violations.isEmpty }
            let kinds = bad.flatMap(\.violations).reduce(into: [String: Int]()) { counts, violation in
                counts[String(violation.prefix { $0 != ":" }), default: 0] += 1
            }
            let words = kinds.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
            print(
                "crash harness: \(scenario.rawValue): \(all.count) rounds, \(bad.count) bad\(words.isEmpty ? "" : ": " + words)"
            )
        }
        for outcome in outcomes where !outcome.violations.isEmpty {
            let words = outcome.violations.prefix(5).joined(separator: "\n  ")
            Issue.record("\(outcome.scenario.rawValue), seed \(Self.seed):\n  \(words)")
        }
    }

    private static func play(
        _ rounds: Int, of scenarios: [Scenario], world: Int, _ fault: URL?, in parent: URL
    ) async throws -> [Outcome] {
        var generator = SeededGenerator(seed: seed &+ UInt64(world) &* 1_000_003)
        var outcomes: [Outcome] = []
        // A world in which something was wrong is left, so that it does not spoil the next round, and one whose journal
        // would outgrow its disk.
        while outcomes.count < rounds {
            let outside = Outside()
            var configuration = SimulatorConfiguration()
            configuration.pace = .milliseconds(30)
            configuration.cannedAnswer = outside.answer
            let name = "world-\(world)-\(outcomes.count)"
            let state = generator.next()
            let played = outcomes.count
            let (more, left) = try await MarketplaceSimulator.withSimulator(configuration) { [generator] simulator in
                try await TestServer.run({ request in
                    outside.receive(request)
                    return .reply(204)
                }) { receiver in
                    let surroundings = CrashWorld.Surroundings(
                        simulator: simulator.baseURL, clientID: configuration.clientID,
                        clientSecret: configuration.clientSecret, agentID: configuration.agentID,
                        receiver: receiver.url, fault: fault, longest: .seconds(outage),
                        patience: .seconds(max(45, outage + 60)))
                    var generator = generator
                    let world = try CrashWorld(
                        name: name, surroundings, outside, generator: SeededGenerator(seed: state), in: parent)
                    var outcomes: [Outcome] = []
                    while played + outcomes.count < rounds, outcomes.count < roundsOfAWorld,
                        outcomes.last?.violations.isEmpty ?? true
                    {
                        guard let scenario = Scenario.choose(from: scenarios, using: &generator) else { break }
                        let start = ContinuousClock.now
                        let report = try await world.round(scenario)
                        let seconds = (ContinuousClock.now - start).components.seconds
                        print(
                            "crash harness: \(name) round \(played + outcomes.count + 1): \(scenario.rawValue), \(seconds) s, "
                                + "\(report.violations.count) violations\(report.note.isEmpty ? "" : ", " + report.note)"
                        )
                        // At once: a long run that is stopped would keep them to itself.
                        for violation in report.violations { print("    \(violation)") }
                        outcomes.append(Outcome(scenario: scenario, violations: report.violations))
                    }
                    let isBad = !(outcomes.last?.violations.isEmpty ?? true)
                    await world.end(keepingFiles: isBad && environment["RUNNEL_KEEP"] != nil)
                    return (outcomes, generator)
                }
            }
            outcomes += more
            generator = left
        }
        return outcomes
    }
}
