import ArgumentParser
import Crypto
import Hummingbird
import Logging
import MarketplaceSimulator
import NIOCore
import RunnelEngine
import RunnelKit
import RunnelServer
import WebhookPlugin

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// `runnel serve`
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve the pipelines of a folder: their triggers, and an API.",
        discussion: """
            Changes of pipeline files are taken up as they come; a file with errors keeps its last good version going.
            SIGTERM lets running steps end for a while and leaves the rest to be resumed; a second signal ends at once.
            """)

    @Argument(help: "The folder.", completion: .directory) var folder = "."
    @Option(help: "The address to listen on.") var host: String?
    @Option(help: "The port to listen on; 0 takes any free one.") var port: Int?
    @Flag(help: "Talk to an embedded simulator instead of the Marketplace.") var simulate = false
    @Option(help: "Use this configuration instead of the nearest `runnel.yaml`.", completion: .file())
    var config: String?

    func run() async throws {
        var projectOptions = ProjectOptions()
        (projectOptions.directory, projectOptions.config) = (folder, config)
        let project = try projectOptions.project()
        let options = try options(project)
        let command = self
        try await withSimulator(when: simulate) { simulator in
            let journal = try JournalSetup.open(project)
            try await withJournalErrors { try await command.serve(project, options, journal, simulator) }
            await journal.close()
        }
    }

    private func options(_ project: Project) throws -> ServerOptions {
        var options = ServerOptions(
            host: host ?? project.settings.server.host, port: port ?? project.settings.server.port)
        switch project.serverToken {
        case .success(let token)?: options.token = token
        case .failure(let problem)?:
            Streams.error.write("error: `server.token` has no value: \(problem.reason)\n")
            throw ExitStatus.usage
        case nil: break
        }
        if !options.isLoopback, options.token == nil {
            Streams.error.write(
                """
                error: others can reach \(options.host), so the API needs a token
                  = set `server: { token: { env: RUNNEL_TOKEN } }` in runnel.yaml, or listen on 127.0.0.1

                """)
            throw ExitStatus.usage
        }
        return options
    }

    private func serve(
        _ project: Project, _ options: ServerOptions, _ journal: any Journal, _ simulator: SimulatedMarketplace?
    ) async throws {
        ServedFolders(project).add(folder)
        let loader = try await project.loader(startsServers: true)
        let assembly = await RunnerAssembly(
            loader: loader, project: project, grantedFiles: [], simulator: simulator)
        let agent = RunAgent(
            record: JournalSetup.identity(role: "serve"), journal: journal, runner: assembly.runner, loader: loader,
            logger: assembly.logger)
        let runs = project.settings.runs
        let queue = RunQueue(agent: agent, limit: runs.limit.number, maximumQueued: runs.maxQueued.number)
        let files = PipelineFolder(folder)
        let host = PipelineHost(
            queue: queue, loader: loader, logger: assembly.logger, folder: FileReading.absolute(folder),
            hash: Self.hash
        ) {
            try Self.contents(of: files)
        }
        let hub = try await assembly.services.get(WebhookHub.self)
        let server = RunnelServer(
            options: options, hub: hub, queue: queue, host: host, journal: journal, version: RunnelCommand.version,
            logger: assembly.logger)
        let (stops, stop) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let housekeeping = Housekeeping(journal: journal, retention: project.settings.journal.retention)
        _ = try await withSignals({ _ in
            Streams.error.write("stopping; running steps have \(readable(runs.grace)), a second signal ends at once\n")
            stop.yield()
        }) {
            try await agent.withSession {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { await queue.run() }
                    defer { queue.stop() }
                    try await Self.front(server, host, hub, housekeeping, options, until: stops)
                }
            }
        }
        await assembly.services.shutDown()
    }

    /// Everything that takes runs in, until it is time to stop.
    private static func front(
        _ server: RunnelServer, _ host: PipelineHost, _ hub: WebhookHub, _ housekeeping: Housekeeping,
        _ options: ServerOptions, until stops: AsyncStream<Void>
    ) async throws {
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                let (readiness, ready) = AsyncStream.makeStream(of: Void.self)
                group.addTask {
                    await host.run {
                        await announce(host, hub, options)
                        ready.finish()
                    }
                }
                group.addTask {
                    // A call that comes before its hook is there would be told that there is none, and not come again.
                    for await _ in readiness {}
                    try await server.run { port in
                        Streams.output.write("Listening on http://\(options.host):\(port)\n")
                    }
                }
                group.addTask {
                    while !Task.isCancelled {
                        await housekeeping.runWhenDue()
                        try await ContinuousClock().sleep(for: .seconds(600))
                    }
                }
                group.addTask {
                    for await _ in stops { return }
                }
                defer {
                    // Before the calls are cancelled, so that none is taken for a caller who went.
                    hub.shutDown()
                    group.cancelAll()
                }
                try await group.next()
            }
        } catch let error as IOError {
            Streams.error.write("error: cannot listen on \(options.host):\(options.port): \(error)\n")
            throw ExitStatus.usage
        } catch is CancellationError {}
    }

    private static func announce(_ host: PipelineHost, _ hub: WebhookHub, _ options: ServerOptions) async {
        let all = await host.all
        let good = all.filter { $0.pipeline != nil }
        Streams.output.write("Serving \(good.count) pipeline\(good.count == 1 ? "" : "s")\n")
        for hosted in good {
            let triggers = hosted.pipeline?.triggers.map(\.key).joined(separator: ", ") ?? ""
            Streams.output.write("  \(hosted.pipeline?.name ?? "")\(triggers.isEmpty ? "" : "  on \(triggers)")\n")
        }
        guard !options.isLoopback else { return }
        for route in hub.routes where route.isOpenToAnybody {
            Streams.error.write("warning: /hooks/\(route.path) can be called by anybody who reaches \(options.host)\n")
        }
    }

    @Sendable private static func hash(_ bytes: [UInt8]) -> String {
        SHA256.hash(data: bytes).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    private static func contents(
        of folder: PipelineFolder
    ) throws(FileReading.Failure) -> [(file: String, bytes: [UInt8]?)] {
        try folder.files().compactMap { file in
            if let bytes = try? FileReading.yaml(of: file) { return (file, bytes) }
            // One that has gone since is not there.
            return FileReading.exists(file) ? (file, nil) : nil
        }
    }
}
