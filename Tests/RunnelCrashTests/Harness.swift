import Foundation
import HTTPTestServer
import MarketplaceSimulator
import RunnelEngine
import RunnelKit
import RunnelStore
import TestSupport
import Testing

/// Starts `runnel`, kills it, and looks at what is left.
final class Harness {
    private let folder: URL
    private let simulator: RunningSimulator
    private let receiver: TestServer
    /// How many chats a run had had when its answer was first seen in the journal.
    private var chatsWhenStored: [String: Int] = [:]

    init(folder: URL, simulator: RunningSimulator, receiver: TestServer) {
        self.folder = folder
        self.simulator = simulator
        self.receiver = receiver
    }

    func prepare(_ pipeline: String) throws {
        try Data(pipeline.utf8).write(to: folder.appendingPathComponent("crash.yaml"))
        let configuration = """
            marketplace:
              base_url: \(simulator.baseURL)
              client_id: \(simulator.configuration.clientID)
              client_secret: { env: CRASH_CLIENT_SECRET }
              agent_id: \(simulator.configuration.agentID)
            env: [RECEIVER]
            """
        try Data(configuration.utf8).write(to: folder.appendingPathComponent("runnel.yaml"))
    }

    /// Begins new runs and goes on with old ones, in turns, and kills each process after a random time.
    func killAndRestart(_ kills: Int, seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        var killed = 0
        var number = 0
        // How long a run takes on this machine, so that kills meet all of it.
        let clock = ContinuousClock()
        let start = clock.now
        _ = try await self.start(["run", "crash", "--input", "n=0"], killAfter: nil)
        let longest = max(0.35, (clock.now - start) / .seconds(1) * 1.2)
        while killed < kills {
            let arguments: [String]
            if Int.random(in: 0..<3, using: &generator) == 0 {
                arguments = ["runs", "resume", "--all"]
            } else {
                number += 1
                arguments = ["run", "crash", "--input", "n=\(number)"]
            }
            let delay = Double.random(in: 0.01...longest, using: &generator)
            if try await self.start(arguments, killAfter: delay) { killed += 1 }
            try await look()
        }
        // Whatever is left is brought to its end, undisturbed.
        _ = try await self.start(["runs", "resume", "--all"], killAfter: nil)
        try await look()
    }

    /// - Returns: Whether the process was alive when it was killed.
    private func start(_ arguments: [String], killAfter delay: Double?) async throws -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appendingPathComponent("runnel")
        process.arguments = arguments
        process.currentDirectoryURL = folder
        var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("RUNNEL_") }
        environment["CRASH_CLIENT_SECRET"] = simulator.configuration.clientSecret
        environment["RECEIVER"] = receiver.url
        // A process is killed here every third of a second, which gives a step no chance to end for many of them.
        environment["RUNNEL_RUNS_DEATHS"] = "1000000"
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        let ended = AsyncStream.makeStream(of: Void.self)
        process.terminationHandler = { _ in ended.continuation.finish() }
        try process.run()
        let identifier = process.processIdentifier
        // The moment of the kill is what is tried here, so this is a time and not a wait for something.
        let killer = delay.map { delay in
            Task {
                try await Task.sleep(for: .seconds(delay))
                kill(identifier, SIGKILL)
            }
        }
        for await _ in ended.stream {}
        killer?.cancel()
        return process.terminationReason == .uncaughtSignal
    }

    private func withJournal<Result>(_ body: (any Journal) async throws -> Result) async throws -> Result? {
        let directory = folder.path + "/.runnel"
        guard FileManager.default.fileExists(atPath: directory + "/journal.db") else { return nil }
        let journal = try SQLiteJournal.open(directory: directory)
        let result = try await body(journal)
        await journal.close()
        return result
    }

    private func chats(of runID: String) -> Int {
        simulator.chatRequests.count { $0.body.contains(runID) }
    }

    /// Between two processes: which answers are on disk, and what they had cost by then.
    private func look() async throws {
        _ = try await withJournal { journal in
            for run in try await journal.runs(RunFilter(limit: 10_000)) where chatsWhenStored[run.id] == nil {
                let steps = try await journal.steps(of: run.id)
                if steps.contains(where: { $0.key.step == "answer" && $0.state == .succeeded }) {
                    chatsWhenStored[run.id] = chats(of: run.id)
                }
            }
        }
    }

    func check() async throws {
        let runs = try await withJournal { journal -> [RunRecord] in
            let problems = try await journal.check()
            #expect(problems == [])
            return try await journal.runs(RunFilter(limit: 10_000))
        }
        let all = try #require(runs)
        print("crash harness: \(all.count) runs accepted, \(all.map(\.interruptions).reduce(0, +)) interruptions")
        #expect(!all.isEmpty)
        #expect(all.filter { $0.state != .succeeded }.map { "\($0.id) \($0.state): \($0.error?.json() ?? "")" } == [])
        var bodies: [String: Set<String>] = [:]
        for request in receiver.requests {
            for id in request.headers["webhook-id"] { bodies[id, default: []].insert(request.body) }
        }
        for run in all {
            for item in 0..<3 {
                let seen = bodies["\(run.id)_send:\(item)"]
                #expect(
                    seen?.count == 1, "the webhook \(run.id)_send:\(item) was seen with \(seen?.count ?? 0) contents")
            }
            #expect(chats(of: run.id) == chatsWhenStored[run.id], "the chat of \(run.id) was called again")
            let file = folder.appendingPathComponent("out/\(run.id).txt")
            #expect(FileManager.default.fileExists(atPath: file.path), "\(run.id) left no file")
        }
        #expect(bodies.count == all.count * 3)
    }
}
