import Foundation
import HTTPTestServer
import MarketplaceSimulator
import RunnelKit
import Synchronization
import TestSupport
import Testing

/// A day of chats against a server that is killed again and again: what `runnel usage` says is what the agent counted.
///
/// `RUNNEL_CHATS` says how many chats there are (60 unless given; 1,000 are a day), `RUNNEL_USAGE_KILLS` how often the
/// server is killed meanwhile (4), and `RUNNEL_SEED` repeats a sequence.
@Suite("usage over kills") struct UsageCrashTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static func number(_ name: String, _ value: Int) -> Int { environment[name].flatMap { Int($0) } ?? value }
    private static let chats = number("RUNNEL_CHATS", 60)
    private static let kills = number("RUNNEL_USAGE_KILLS", 4)
    private static let seed = environment["RUNNEL_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1...999_999)

    private static let pipeline = """
        name: day
        on: { webhook: { path: day, verify: { scheme: none } } }
        steps:
          - id: answer
            uses: chat
            with: { prompt: "Label the ticket {{ trigger.body.id }} of the customer {{ trigger.body.kind }}." }
            retry: { attempts: 5, backoff: 10ms }
          - id: checked
            if: trigger.body.kind == "careful"
            uses: chat
            with:
              prompt: "Is this right? {{ steps.answer.text }}"
              schema: { type: object, required: [ok], properties: { ok: { type: boolean } } }
            retry: { attempts: 5, backoff: 10ms }
        """

    /// Some chats break off, or are refused, when they are asked for the first time.
    private final class Agent: Sendable {
        private let seen = Mutex<Set<String>>([])
        /// The answers that broke off in their middle.
        private let brokenOff = Mutex(0)
        var brokenOffCount: Int { brokenOff.withLock { $0 } }

        func answer(_ request: CannedRequest) -> CannedAnswer {
            let isNew = seen.withLock { $0.insert(request.idempotencyKey ?? "").inserted }
            let prompt = request.messages.last?.content ?? ""
            if request.wantsJSON { return .stream(text: #"{"ok":true}"#, fault: nil) }
            guard isNew else { return .stream(text: nil, fault: nil) }
            switch prompt.utf8.reduce(0, { $0 &+ Int($1) }) % 9 {
            case 0:
                brokenOff.withLock { $0 += 1 }
                return .stream(text: nil, fault: .cutOff)
            case 1: return .refusal(status: 503, code: "busy", message: "Busy.", retryAfter: nil)
            case 2: return .stream(text: nil, fault: .serverErrorOnce)
            default: return .stream(text: nil, fault: nil)
            }
        }
    }

    @Test("the sum of calls and model tokens is what the agent counted, each chat once", .timeLimit(.minutes(20)))
    func day() async throws {
        print("crash harness: \(Self.chats) chats, \(Self.kills) kills, seed \(Self.seed)")
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("runnel-usage-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let agent = Agent()
        var configuration = SimulatorConfiguration()
        configuration.pace = .milliseconds(2)
        configuration.cannedAnswer = agent.answer
        try await MarketplaceSimulator.withSimulator(configuration) { simulator in
            try Self.prepare(folder, simulator)
            let environment = [
                "CRASH_CLIENT_SECRET": simulator.configuration.clientSecret, "RUNNEL_RUNS_DEATHS": "1000000",
            ]
            var generator = SeededGenerator(seed: Self.seed)
            let deliveries = Deliveries(world: "usage")
            let all = (0..<Self.chats).map { _ in
                deliveries.add("day", kind: Int.random(in: 0..<5, using: &generator) == 0 ? "careful" : "quick")
            }
            let perLife = max(1, all.count / (Self.kills + 1))
            for life in 0...Self.kills {
                let log = folder.appendingPathComponent("server-\(life).log")
                let server = try ServerProcess(folder: folder, log: log, environment: environment)
                let port = try #require(await server.waitForPort(.seconds(60)), "\(server.text)")
                deliveries.ports = [port]
                await deliveries.sendPending(upTo: perLife * (life + 1))
                guard life < Self.kills else {
                    await deliveries.sendPending()
                    let runs = JournalReader(path: folder.path + "/.runnel/journal.db", outside: Outside())
                    let isDone = try await eventually(.seconds(600)) {
                        let states = try runs.states()
                        return states.count == all.count && states.values.allSatisfy(\.isFinal)
                    }
                    #expect(isDone)
                    let failed = try runs.states().values.filter { $0.state != "succeeded" }
                    #expect(failed.map { "\($0.state) \($0.error ?? "")" } == [])
                    server.send(SIGTERM)
                    #expect(await server.waitForEnd(.seconds(60)))
                    break
                }
                // The moment of the kill is what is tried here, so this is a time and not a wait for something.
                try await Task.sleep(for: .milliseconds(Int.random(in: 5...600, using: &generator)))
                server.send(SIGKILL)
                #expect(await server.waitForEnd(.seconds(10)))
            }
            #expect(deliveries.pending.isEmpty && deliveries.ambiguous.isEmpty)
            try Self.compare(try Self.usage(in: folder, environment), simulator, agent)
        }
    }

    private static func compare(_ total: Value, _ simulator: RunningSimulator, _ agent: Agent) throws {
        let counted = simulator.usage
        let unknown = try #require(total["unknown_calls"]?.asInt)
        print(
            "crash harness: \(counted.chats) chats, \(simulator.chatRequestCount) requests, \(unknown) of unknown tokens"
        )
        #expect(counted.chats >= chats)
        #expect(total["calls"]?.asInt.map { $0 - unknown } == Int64(counted.chats))
        #expect(total["input_tokens"]?.asInt == Int64(counted.inputTokens))
        #expect(total["output_tokens"]?.asInt == Int64(counted.outputTokens))
        // A call that broke off counts unless its process was killed before it was written down.
        #expect(unknown <= Int64(agent.brokenOffCount))
        #expect(kills > 4 || unknown + Int64(kills) * 16 >= Int64(agent.brokenOffCount))
    }

    private static func prepare(_ folder: URL, _ simulator: RunningSimulator) throws {
        let configuration = """
            marketplace:
              base_url: \(simulator.baseURL)
              client_id: \(simulator.configuration.clientID)
              client_secret: { env: CRASH_CLIENT_SECRET }
              agent_id: \(simulator.configuration.agentID)
            journal: { keep_runs: 100000 }
            """
        try Data(configuration.utf8).write(to: folder.appendingPathComponent("runnel.yaml"))
        try Data(pipeline.utf8).write(to: folder.appendingPathComponent("day.yaml"))
    }

    /// The total of `runnel usage --json`, which is also the sum of its days.
    private static func usage(in folder: URL, _ environment: [String: String]) throws -> Value {
        let totals = try ["pipeline", "agent", "day"].map { grouping -> Value in
            let process = Process()
            process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
                .appendingPathComponent("runnel")
            process.arguments = ["usage", "--json", "--by", grouping]
            process.currentDirectoryURL = folder
            process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("RUNNEL_") }
                .merging(environment) { $1 }
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            let bytes = output.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return try Value.json(Array(bytes))["total"] ?? .null
        }
        #expect(Set(totals).count == 1)
        return totals[0]
    }
}
