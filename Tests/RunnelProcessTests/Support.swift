import Foundation
import Logging
import RunnelKit
import RunnelTesting

@testable import MCP
@testable import RunnelProcess

/// The folder with the test children.
let resources = Bundle.module.bundlePath + "/Resources"

let host = ProcessHost(
    variables: [
        "PATH": "/usr/bin:/bin:/usr/local/bin:/opt/homebrew/bin", "HOME": "/", "RUNNEL_TEST_SEEN": "seen",
        "RUNNEL_TEST_HIDDEN": "hidden",
    ], project: "/project", secret: { $0 == "token" ? "s3cr3t-token" : nil })

/// A step's context with a log that is kept and services that know the supervisor.
struct Stage {
    var harness = StepHarness(directory: "/project")
    let log = LogRecorder()

    var context: StepContext {
        var context = harness.context
        context.logger = log.logger(level: .trace)
        return context
    }

    /// Runs `body` with the services of `plugin`, and ends its children.
    static func with<Result>(
        _ plugin: any Plugin, clock: any Clock<Duration> = ContinuousClock(), secrets: [String] = [],
        _ body: (Stage) async throws -> Result
    ) async throws -> Result {
        var stage = Stage()
        stage.harness.clock = clock
        stage.harness.redactor = Redactor(secrets: secrets)
        await plugin.registerServices(in: stage.harness.services)
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body(stage))
        } catch {
            result = .failure(error)
        }
        await stage.harness.services.shutDown()
        return try result.get()
    }

    func run(_ plugin: any Plugin, _ step: String, _ with: ValueObject = [:]) async throws -> Value {
        guard let definition = plugin.steps.first(where: { $0.name == "\(plugin.name).\(step)" }) else {
            throw StepError(reported: "no-such-step", step)
        }
        return try await definition.run(with, context)
    }

    /// The error that a step has to end with.
    func failure(_ plugin: any Plugin, _ step: String, _ with: ValueObject = [:]) async -> StepError? {
        do {
            _ = try await run(plugin, step, with)
            return nil
        } catch {
            return error as? StepError
        }
    }
}

/// Whether the process is there, a zombie included.
func exists(_ pid: Int64) -> Bool {
    kill(pid_t(pid), 0) == 0
}

/// The state letter of a process in /proc; nil when it is gone.
func state(_ pid: Int64) -> Character? {
    guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return nil }
    return text.split(separator: ")").last?.split(separator: " ").first?.first
}

/// How many descriptors this process has open.
func openDescriptors() -> Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
}

/// The children of this process, zombies included.
func children() -> Set<Int64> {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return Set(
        all.compactMap(Int64.init).filter { pid in
            guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
            let parent = text.split(separator: ")").last?.split(separator: " ").dropFirst().first
            return parent.flatMap { Int64($0) } == Int64(getpid())
        })
}

/// What a file holds.
func text(_ path: String) throws -> String {
    try String(contentsOfFile: path, encoding: .utf8)
}
