import ArgumentParser
import MarketplaceSimulator
import NIOCore
import RunnelEngine
import RunnelKit
import RunnelServer

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
            SIGTERM and Ctrl-C shut down: nothing is accepted any more, running steps have `runs.grace` to end, and runs \
            that have not ended go on at the next start. A second signal cancels the steps at once; a third one ends the \
            process without waiting for anything. The exit status is 0 after one or two, 130 after three. SIGHUP looks at \
            pipelines and runnel.yaml again, and says what needs a restart.
            """)

    @Argument(help: "The folder.", completion: .directory) var folder = "."
    @Option(help: "The address to listen on.") var host: String?
    @Option(help: "The port to listen on; 0 takes any free one.") var port: Int?
    @Flag(help: "Use an embedded simulator instead of the Marketplace.") var simulate = false
    @Option(help: "Use this configuration instead of the nearest `runnel.yaml`.", completion: .file())
    var config: String?

    func run() async throws {
        let command = self
        let (stops, stop) = AsyncStream.makeStream(of: StopRequest.self)
        let (reloads, reload) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        // Signals are handled from here until the journal is closed; those during startup take effect after it.
        _ = try await withSignals(onReload: { reload.yield() }, { request, _ in stop.yield(request) }) {
            try await command.serve(stops, reloads)
        }
    }

    func validate() throws {
        try PortOption.check(port)
    }

    private func serve(_ stops: AsyncStream<StopRequest>, _ reloads: AsyncStream<Void>) async throws {
        do {
            _ = try PipelineFolder(folder).files()
        } catch {
            Streams.error.write("error: \(error.message)\n")
            throw ExitStatus.usage
        }
        var projectOptions = ProjectOptions()
        (projectOptions.directory, projectOptions.config) = (folder, config)
        let project = try projectOptions.project()
        let options = try options(project)
        try await withSimulator(when: simulate) { [projectOptions] simulator in
            let journal = try JournalSetup.open(project)
            try await withJournalErrors {
                try await serve(project, projectOptions, options, journal, simulator, stops, reloads)
            }
            await Self.tellOfInterrupted(journal)
            await journal.close()
        }
    }

    /// Reports the runs that the next start will resume.
    private static func tellOfInterrupted(_ journal: any Journal) async {
        let limit = 1000
        guard let runs = try? await journal.runs(RunFilter(states: [.queued], limit: limit)) else { return }
        let count = runs.count { $0.startedAt != nil }
        guard count > 0 else { return }
        let number = runs.count == limit ? "\(count) or more" : "\(count)"
        Streams.error.write(
            count == 1
                ? "1 run was interrupted; it resumes at the next start.\n"
                : "\(number) runs were interrupted; they resume at the next start.\n")
    }

    private func options(_ project: Project) throws -> ServerOptions {
        var options = ServerOptions(
            host: host ?? project.settings.server.host, port: port ?? project.settings.server.port)
        options.settings = project.effectiveSettings.map { setting in
            switch setting.key {
            case "server.host" where host != nil: setting.overridden(by: options.host)
            case "server.port" where port != nil: setting.overridden(by: "\(options.port)")
            default: setting
            }
        }
        switch project.serverToken {
        case .success(let token)?: options.token = token
        case .failure(let problem)?:
            Streams.error.write("error: `server.token` has no value: \(problem.reason)\n")
            throw ExitStatus.usage
        case nil: break
        }
        for token in project.namedTokens {
            switch token.value {
            case .success(let value):
                options.tokens.append(AccessToken(name: token.name, value: value, scope: token.scope))
            case .failure(let problem):
                Streams.error.write("error: `server.tokens.\(token.name).token` has no value: \(problem.reason)\n")
                throw ExitStatus.usage
            }
        }
        if !options.isLoopback, options.allTokens.isEmpty {
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
        _ project: Project, _ projectOptions: ProjectOptions, _ options: ServerOptions, _ journal: any Journal,
        _ simulator: SimulatedMarketplace?, _ stops: AsyncStream<StopRequest>, _ reloads: AsyncStream<Void>
    ) async throws {
        ServedFolders(project).add(folder)
        let loader = try await project.loader(startsServers: true)
        let assembly = await RunnerAssembly(
            loader: loader, project: project, grantedFiles: [], simulator: simulator)
        let runs = project.settings.runs
        let worker = Worker(
            record: JournalSetup.identity(role: "serve"), journal: journal, runner: assembly.runner, loader: loader,
            logger: assembly.logger, deaths: runs.deaths.number)
        let queue = RunQueue(worker: worker, limit: runs.limit.number, maximumQueued: runs.maxQueued.number)
        let files = PipelineFolder(folder)
        let host = PipelineHost(
            queue: queue, loader: loader, logger: assembly.logger, folder: FileReading.absolute(folder)
        ) {
            try files.contents()
        }
        let ingress = try await assembly.services.get(HTTPIngress.self)
        let server = RunnelServer(
            options: options, ingress: ingress, queue: queue, host: host, journal: journal,
            version: RunnelCommand.version, metrics: .process,
            logger: assembly.logger)
        let services = ServeServices(
            server: server, queue: queue, host: host, ingress: ingress,
            housekeeping: Housekeeping(
                journal: journal, retention: project.settings.retention, logger: assembly.logger),
            options: options)
        let reload = ConfigurationReload(
            options: projectOptions, project: project, host: host, level: assembly.logLevel)
        do {
            try await worker.withSession {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { for await _ in reloads { await reload.run() } }
                    defer { group.cancelAll() }
                    try await services.run(until: stops, grace: runs.grace)
                }
            }
        } catch {
            await assembly.services.shutDown()
            guard let error = error as? IOError else { throw error }
            Streams.error.write(PortOption.text(error, host: options.host, port: options.port))
            throw ExitStatus.usage
        }
        await assembly.services.shutDown()
    }
}
