import RunnelKit
import RunnelTesting
import Synchronization
import Templates
import TestSupport
import Testing

@testable import RunnelEngine

/// A folder that a test changes.
private final class Folder: Sendable {
    struct Gone: Error, CustomStringConvertible { let description = "there is no folder \"pipelines\"" }

    private let files = Mutex<[String: [UInt8]?]?>([:])

    func set(_ texts: [String: String?]?) {
        files.withLock { $0 = texts?.mapValues { $0.map { Array($0.utf8) } } }
    }

    func read() throws -> [(file: String, bytes: [UInt8]?)] {
        guard let files = files.withLock(\.self) else { throw Gone() }
        return files.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}

private struct SlowPlugin: Plugin {
    let name = "slow"
    var steps: [StepDefinition] { [StepDefinition(Slow.self)] }
    var triggers: [TriggerDefinition] { [TriggerDefinition(Doorbell.self)] }
}

/// Starts no runs.
private struct Doorbell: Trigger {
    static let name = "doorbell"
    static let summary = "A trigger with a secret."
    static let documentation = TriggerDocumentation(payload: [])
    @Field("The secret.") var secret: String?

    func run(_ context: TriggerContext) async throws { await context.report(.waiting("secret: \(secret ?? "none")")) }
}

@Suite("The pipelines of a folder") struct PipelineHostTests {
    private let folder = Folder()
    private let log = LogRecorder()
    private let values = ProjectValues(secrets: ["a": "first-value"])
    private let host: PipelineHost

    init() throws {
        let loader = try PipelineLoader(registry: StepRegistry([SlowPlugin()]))
        let logger = log.logger()
        let runner = PipelineRunner(
            registry: loader.registry, environment: loader.environment, services: Services(),
            project: ProjectDirectory(path: "/nonexistent"), values: values,
            redactor: Redactor(secrets: [String]()), logger: logger, now: { 0 })
        let worker = Worker(
            record: WorkerRecord(id: WorkerID("a"), processID: 1, host: "here", role: "test", startedAt: 0),
            journal: MemoryJournal(), runner: runner, loader: loader, logger: logger)
        let queue = RunQueue(worker: worker, limit: 1, maximumQueued: 1)
        host = PipelineHost(
            queue: queue, loader: loader, logger: logger,
            read: { [folder] in try folder.read() })
    }

    private static func pipeline(_ name: String) -> String { "name: \(name)\nsteps: [ { uses: slow } ]\n" }

    /// The files that are served with their pipelines, and what is wrong with them.
    private func look(_ texts: [String: String?]?) async -> [String] {
        folder.set(texts)
        _ = await host.look()
        return await host.all.map { "\($0.file): \($0.pipeline?.name ?? "-")" + ($0.problem.map { " (\($0))" } ?? "") }
    }

    @Test("a file that is away while an editor saves it is not gone")
    func saved() async {
        #expect(await look(["a.yaml": Self.pipeline("a")]) == ["a.yaml: a"])
        #expect(await look([:]) == ["a.yaml: a"])
        #expect(await look(["a.yaml": Self.pipeline("a")]) == ["a.yaml: a"])
        #expect(await look([:]) == ["a.yaml: a"])
        #expect(await look([:]) == [])
        #expect(log.lines == ["info a.yaml was removed; stopping its triggers"])
    }

    @Test(
        "a trigger whose secret comes out null does not begin, and says which expression it was",
        arguments: [
            (
                "{ secret: '{{ env.A if false else null }}' }",
                TriggerHealth.problem(
                    "line 2: `secret`: expected a string, found null, the value of `env.A if false else null`; "
                        + #"add `| default("…")` if it may be missing"#)
            ),
            ("{ secret: s }", .waiting("secret: s")), ("{}", .waiting("secret: none")),
        ])
    func nullSecret(entry: String, health: TriggerHealth) async throws {
        folder.set(["a.yaml": "name: a\non: { doorbell: \(entry) }\nsteps: [ { uses: slow } ]\n"])
        let beginning = try #require(await host.look().first)
        let changes = host.changes
        let trigger = Task { await beginning.work() }
        while await host.all.first?.triggers.isEmpty ?? true { try await waitTurn() }
        trigger.cancel()
        await trigger.value
        #expect(await host.all.first?.triggers == ["doorbell": health])
        #expect(host.changes > changes)
    }

    @Test("a trigger begins again with the new value of a secret, and a trigger without the secret goes on")
    func newSecret() async throws {
        func pipeline(_ secret: String) -> String {
            "on: { doorbell: { secret: '\(secret)' } }\nsteps: [ { uses: slow } ]\n"
        }
        folder.set(["a.yaml": pipeline("{{ secrets.a }}"), "b.yaml": pipeline("other")])
        #expect(await host.look().count == 2)
        #expect(await host.look().isEmpty)
        values.replace(secrets: ["a": "second-value"], env: [:])
        let beginnings = await host.look()
        #expect(beginnings.map { $0.place.file } == ["a.yaml"])
        let beginning = try #require(beginnings.first)
        let trigger = Task { await beginning.work() }
        while await host.all.first?.triggers.isEmpty ?? true { try await waitTurn() }
        trigger.cancel()
        await trigger.value
        #expect(await host.all.first?.triggers == ["doorbell": TriggerHealth.waiting("secret: second-value")])
        #expect(await host.look().isEmpty)
    }

    @Test("a file that has changed is told when its new version is served")
    func changed() async {
        #expect(await look(["a.yaml": Self.pipeline("a")]) == ["a.yaml: a"])
        #expect(await look(["a.yaml": Self.pipeline("b")]) == ["a.yaml: b"])
        #expect(
            log.lines == [
                "info a.yaml has changed; its new version is served",
                "notice the pipeline \"a\" is named \"b\" now; what its triggers know goes with it",
            ])
    }

    @Test("trouble of a trigger is logged once when it begins, and when all of it is over")
    func trouble() async throws {
        folder.set(["a.yaml": "name: a\non: { doorbell: {} }\nsteps: [ { uses: slow } ]\n"])
        _ = await host.look()
        let place = PipelineHost.TriggerPlace(file: "a.yaml", key: "doorbell")
        for health in [
            TriggerHealth.waiting("for a ring"), .problem("no bell"), .problem("no door"), .problem("no bell"),
            .waiting("for a ring"), .waiting("for another"),
        ] { await host.report(health, of: place) }
        #expect(
            log.lines == [
                "warning the trigger doorbell of a has a problem: no bell",
                "warning the trigger doorbell of a has a problem: no door",
                "warning the trigger doorbell of a has no problem any more; it waits: for a ring",
            ])
    }

    @Test("a file that has no errors any more is said to be served")
    func mended() async {
        _ = await look(["a.yaml": "name: a\n"])
        #expect(await look(["a.yaml": Self.pipeline("a")]) == ["a.yaml: a"])
        #expect(log.lines.last == "warning a.yaml has no errors any more; it is served")
    }

    @Test("a file that comes first takes a name over from a later one, as after a restart")
    func sameNameLater() async {
        #expect(await look(["b.yaml": Self.pipeline("p")]) == ["b.yaml: p"])
        let both = ["a.yaml": Self.pipeline("p"), "b.yaml": Self.pipeline("p")]
        #expect(await look(both).first == "a.yaml: p")
        let problem = "b.yaml: - (the pipeline is named \"p\" as is the one in a.yaml)"
        for _ in 0..<2 { #expect(await look(both) == ["a.yaml: p", problem]) }
        #expect(
            log.lines.first
                == "error b.yaml is not served any more: a.yaml has a pipeline of the same name, and comes first")
    }

    @Test("a file that is renamed is served under its new name at once")
    func renamed() async {
        #expect(await look(["a.yaml": Self.pipeline("p")]) == ["a.yaml: p"])
        #expect(await look(["b.yaml": Self.pipeline("p")]) == ["b.yaml: p"])
        #expect(Set(log.lines) == ["info a.yaml was removed; stopping its triggers", "info b.yaml was added"])
    }

    @Test("a folder that cannot be read leaves everything as it is, and says so once")
    func folderGone() async {
        #expect(await look(["a.yaml": Self.pipeline("a")]) == ["a.yaml: a"])
        for _ in 0..<3 { #expect(await look(nil) == ["a.yaml: a"]) }
        #expect(log.lines == ["error keeping the current pipelines: there is no folder \"pipelines\""])
        #expect(await look(["a.yaml": Self.pipeline("a")]) == ["a.yaml: a"])
        #expect(log.lines.last == "warning the pipelines can be read again")
    }

    @Test("a file that cannot be read keeps its last good version, and says so until it can be read")
    func unreadable() async {
        let words = "the file cannot be read; check its permissions"
        #expect(
            await look(["a.yaml": Self.pipeline("a"), "b.yaml": nil]) == ["a.yaml: a", "b.yaml: - (\(words))"])
        let both = ["a.yaml: a (\(words))", "b.yaml: - (\(words))"]
        for _ in 0..<2 { #expect(await look(["a.yaml": nil, "b.yaml": nil]) == both) }
        #expect(log.lines == ["error b.yaml: \(words)", "error a.yaml: \(words)"])
        #expect(
            await look(["a.yaml": Self.pipeline("a"), "b.yaml": Self.pipeline("b")]) == ["a.yaml: a", "b.yaml: b"])
        #expect(
            log.lines.suffix(3) == [
                "warning a.yaml can be read again", "info b.yaml was added",
                "warning b.yaml has no errors any more; it is served",
            ])
    }

    @Test("a folder in it that cannot be read is a problem, said once, until it can be read")
    func unreadableFolder() async {
        let file = Self.pipeline("a")
        for _ in 0..<2 {
            #expect(
                await look(["a.yaml": file, "team/": nil]) == [
                    "a.yaml: a", "team/: - (the folder cannot be read; check its permissions)",
                ])
        }
        #expect(log.lines == ["error team/: the folder cannot be read; check its permissions"])
        for _ in 0..<2 { _ = await look(["a.yaml": file, "team/b.yaml": Self.pipeline("b")]) }
        #expect(
            log.lines.dropFirst() == ["info team/b.yaml was added", "warning team/ can be read again"])
        #expect(await look(["a.yaml": file, "team/b.yaml": Self.pipeline("b")]) == ["a.yaml: a", "team/b.yaml: b"])
    }

    @Test("of two files with one name the second is served once the first has gone")
    func sameName() async {
        let both = ["a.yaml": Self.pipeline("p"), "b.yaml": Self.pipeline("p")]
        let problem = "b.yaml: - (the pipeline is named \"p\" as is the one in a.yaml)"
        for _ in 0..<2 { #expect(await look(both) == ["a.yaml: p", problem]) }
        #expect(
            log.lines == [
                "error b.yaml has errors; it is not served: the pipeline is named \"p\" as is the one in a.yaml"
            ])
        #expect(await look(["b.yaml": Self.pipeline("p")]) == ["b.yaml: p"])
    }

    @Test("an error is a line of the log, with its place and what to do; the last good version goes on")
    func broken() async {
        _ = await look(["a.yaml": Self.pipeline("a")])
        for _ in 0..<2 { _ = await look(["a.yaml": "name: a\nsteps: [ { uses: slw } ]\n"]) }
        #expect(
            log.lines == [
                "error a.yaml has errors; its last valid version stays in service: "
                    + "a.yaml:2:18: unknown step \"slw\" [unknown-step]; did you mean \"slow\"?"
            ])
        #expect(await host.pipeline(named: "a") != nil)
    }
}
