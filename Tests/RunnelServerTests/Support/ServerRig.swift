import LogPlugin
import Logging
import RunnelKit
import RunnelTesting
import Synchronization
import TemplatePlugin
import TestSupport
import WebhookPlugin

@testable import RunnelEngine
@testable import RunnelServer

/// What a test's server is made of.
struct ServerRig: Sendable {
    /// By file.
    var pipelines: [String: String] = [:]
    let edits = Edits()
    /// Files and folders of pipelines that cannot be read; those of folders end with a slash.
    var unreadable: [String] = []
    var options = ServerOptions(port: 0)
    var secrets: [String: String] = [:]
    var vars: [String: Value] = [:]
    /// How many runs go on at once.
    var limit = 4
    var maximumQueued = 100
    /// Whether runs are worked on, or wait.
    var isWorking = true
    let gates = Gates()
    var journal = HeldJournal()
    let log = LogRecorder()
    /// Beside those that every rig has.
    var plugins: [any Plugin] = []
    /// What `/metrics` shows.
    var metrics: MetricsRegistry?
    var budgets: [BudgetStatus] = []
    /// How long dedupe keys are kept; for ever, because tests backfill ticks of fixed times.
    var dedupe = Duration.seconds(3650 * 86_400)

    /// Files that a test changes while the server runs.
    final class Edits: Sendable {
        private let texts = Mutex<[String: String]>([:])

        func write(_ text: String, to file: String) { texts.withLock { $0[file] = text } }

        fileprivate func applied(to files: [String: String]) -> [(file: String, bytes: [UInt8]?)] {
            files.merging(texts.withLock(\.self)) { $1 }.map { ($0.key, Array($0.value.utf8)) }
        }
    }

    /// Serves while `body` runs.
    func serve<Result: Sendable>(
        _ body: @escaping @Sendable (RunningServer) async throws -> Result
    ) async throws -> Result {
        let own: [any Plugin] = [
            LogPlugin(), TemplatePlugin(), WebhookPlugin(), TestPlugin(gates: gates, budgets: budgets),
        ]
        let registry = try StepRegistry(own + plugins)
        let loader = try PipelineLoader(
            registry: registry, names: ProjectNames(secrets: Array(secrets.keys), env: [], vars: vars))
        let services = Services()
        for plugin in registry.plugins { await plugin.registerServices(in: services) }
        let logger = log.logger(level: .debug)
        let runner = PipelineRunner(
            registry: registry, environment: loader.environment, services: services,
            project: ProjectDirectory(path: "/nowhere"), values: ProjectValues(secrets: secrets, vars: vars),
            redactor: Redactor(secrets: secrets.values), logger: logger, now: { Self.now }, grace: .milliseconds(1))
        let worker = Worker(
            record: WorkerRecord(id: WorkerID("test"), processID: 1, host: "here", role: "serve", startedAt: 0),
            journal: journal, runner: runner, loader: loader, logger: logger)
        let queue = RunQueue(worker: worker, limit: limit, maximumQueued: maximumQueued)
        let unread: [(file: String, bytes: [UInt8]?)] = unreadable.map { ($0, nil) }
        let host = PipelineHost(
            queue: queue, loader: loader, logger: logger, dedupe: dedupe,
            read: { [pipelines, edits] in edits.applied(to: pipelines) + unread })
        let hub = try await services.get(HTTPIngress.self)
        let server = RunnelServer(
            options: options, ingress: hub, queue: queue, host: host, journal: journal, version: "1.2.3",
            metrics: metrics, logger: logger)
        let result = try await worker.withSession {
            try await withThrowingTaskGroup(of: Result?.self) { group in
                let (ports, port) = AsyncStream.makeStream(of: Int.self)
                let (readiness, ready) = AsyncStream.makeStream(of: Void.self)
                group.addTask {
                    try await server.run { port.yield($0) }
                    return nil
                }
                group.addTask {
                    await host.run { ready.finish() }
                    return nil
                }
                if isWorking {
                    group.addTask {
                        await queue.run()
                        return nil
                    }
                }
                group.addTask {
                    for await _ in readiness {}
                    try await Self.waitForHooks(of: host, hub)
                    var iterator = ports.makeAsyncIterator()
                    guard let port = await iterator.next() else { return nil }
                    return try await body(
                        RunningServer(
                            port: port, gates: gates, journal: journal, queue: queue, host: host, server: server,
                            services: services, log: log))
                }
                defer {
                    hub.shutDown()
                    group.cancelAll()
                    queue.stop()
                }
                while let next = try await group.next() {
                    if let next { return next }
                }
                throw CancellationError()
            }
        }
        await services.shutDown()
        return result
    }

    /// Nanoseconds since 1970.
    static let now: Int64 = 1_767_225_600_000_000_000

    /// The triggers enter their hooks in tasks of their own.
    private static func waitForHooks(of host: PipelineHost, _ hub: HTTPIngress) async throws {
        let wanted = await host.all.flatMap { $0.pipeline?.triggers ?? [] }.count {
            ["webhook", "upload"].contains($0.kind)
        }
        while hub.routes.count < wanted { try await waitTurn() }
    }
}

/// A server that listens.
struct RunningServer: Sendable {
    let port: Int
    let gates: Gates
    let journal: HeldJournal
    let queue: RunQueue
    let host: PipelineHost
    let server: RunnelServer
    let services: Services
    let log: LogRecorder

    /// Asks on a connection of its own.
    func call(
        _ method: String, _ path: String, _ headers: [(String, String)] = [], body: String? = nil
    ) async throws -> Answer {
        let wire = try await Wire(port: port)
        try await wire.send(request(method, path, headers + [("Connection", "close")], body: body))
        let answer = try Answer(await wire.readToEnd())
        await wire.close()
        return answer
    }

    func isHealthy() async throws -> Bool { try await call("GET", "/health/ready").status == 200 }

    /// Asks until the server answers: under load, a request may be too late for a short timeout, and its connection is
    /// closed.
    func untilHealthy() async {
        while !Task.isCancelled, (try? await isHealthy()) != true {}
    }

    func post(_ path: String, _ json: String, _ headers: [(String, String)] = []) async throws -> Answer {
        try await call("POST", path, headers + [("Content-Type", "application/json")], body: json)
    }

    func callAtOnce(
        _ count: Int, _ call: @escaping @Sendable (RunningServer) async throws -> Answer
    ) async throws -> [Answer] {
        try await withThrowingTaskGroup(of: Answer.self) { group in
            for _ in 0..<count { group.addTask { try await call(self) } }
            var answers: [Answer] = []
            for try await answer in group { answers.append(answer) }
            return answers
        }
    }

    func request(_ method: String, _ path: String, _ headers: [(String, String)] = [], body: String? = nil) -> String {
        var text = "\(method) \(path) HTTP/1.1\r\n"
        if !headers.contains(where: { $0.0 == "Host" }) { text += "Host: localhost:\(port)\r\n" }
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        if let body { text += "Content-Length: \(body.utf8.count)\r\n" }
        return text + "\r\n" + (body ?? "")
    }

    /// The run's end.
    @discardableResult func end(of runID: String) async throws -> RunEnd {
        try await host.runs.follow(runID) { _ in }
    }

    func runs() async -> [RunRecord] { await journal.runs(RunFilter(limit: 1000)) }
}
