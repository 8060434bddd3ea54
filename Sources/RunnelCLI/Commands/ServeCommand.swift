import ArgumentParser
import Logging
import MarketplaceSimulator
import NIOCore
import RunnelEngine
import RunnelHTTP
import RunnelKit
import RunnelServer
import RunnelStore
internal import RunnelSupport
import Telemetry

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// `runnel serve`
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve the pipelines of a folder: their triggers, and an API.",
        discussion: HelpText.text(
            "Changed pipeline files are reloaded; a file with errors keeps its last valid version in service.",
            """
            SIGTERM and Ctrl-C shut down: nothing new is accepted, running steps get `runs.grace` to finish, and \
            runs that have not ended resume at the next start. A second signal cancels the steps at once; a third \
            one ends the process. The exit status is 0 after one or two, 130 after three.
            """,
            "Changes of runnel.yaml are applied where they can be, also on SIGHUP; others are reported to need a restart.",
            examples: [
                "runnel serve": "Serves the pipelines of the current project.",
                "runnel serve pipelines --port 8080": "Those of a folder, on another port.",
                "runnel serve --simulate": "Without an account.",
            ]))

    @Argument(
        help: "The folder; default is `pipelines` of the project, or the project's folder.", completion: .directory)
    var path: String?
    @Option(help: "The address to listen on.") var host: String?
    @Option(parsing: .unconditional, help: "The port to listen on; 0 takes any free one.") var port: Int?
    @Flag(help: "Use an embedded simulator instead of the Marketplace.") var simulate = false
    @Option(help: "The lowest level of messages to log.") var logLevel: LogSettings.Level?
    @OptionGroup var options: ProjectOptions

    private var folder: String { path ?? PipelineFolder.usual(in: options.directory ?? ".") }

    private var files: PipelineFolder { path.map { PipelineFolder($0) } ?? PipelineFolder(searching: folder) }

    func run() async throws {
        let command = self
        let manager: ServiceManager
        do throws(ServiceManager.Problem) {
            manager = try ServiceManager.take()
        } catch {
            throw ExitStatus.usage.reporting(error.message, hint: error.hint)
        }
        let (stops, stop) = AsyncStream.makeStream(of: StopRequest.self)
        let (reloads, reload) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        // Signals are handled from here until the journal is closed; those during startup take effect after it.
        _ = try await withSignals(onReload: { reload.yield() }, { request, _ in stop.yield(request) }) {
            try await command.serve(manager, stops, reloads)
        }
    }

    func validate() throws {
        try PortOption.check(port)
        try HostOption.check(host)
    }

    private func serve(
        _ manager: ServiceManager, _ stops: AsyncStream<StopRequest>, _ reloads: AsyncStream<Void>
    ) async throws {
        do {
            _ = try files.files()
        } catch {
            throw ExitStatus.usage.reporting(error.message)
        }
        let projectOptions = options.near(folder)
        // Its warnings come with the log.
        var project = try projectOptions.project(runsCommands: true, saysProblems: false)
        if project.serverToken == nil {
            do {
                try TokenFile(in: project.stateDirectory).make()
            } catch {
                throw ExitStatus.runFailed.reporting(error.message)
            }
            project = try projectOptions.project(runsCommands: true, saysProblems: false)
        }
        let options = try serverOptions(project, manager.listener)
        manager.notifications?.send(["STATUS=Opening the journal."])
        try await withSimulator(when: simulate) { [project] simulator in
            let journal = try JournalSetup.open(project)
            try await withJournalErrors {
                try await serve(project, projectOptions, options, journal, simulator, manager, stops, reloads)
            }
            await Self.tellOfInterrupted(journal, project.settings.log.format)
            await journal.close()
        }
    }

    /// Reports the runs that the next start will resume.
    private static func tellOfInterrupted(_ journal: any Journal, _ format: LogSettings.Format) async {
        let limit = 1000
        guard let runs = try? await journal.runs(RunFilter(states: [.queued], limit: limit)) else { return }
        let count = runs.count { $0.startedAt != nil }
        guard count > 0 else { return }
        let number = runs.count == limit ? "\(count) or more" : "\(count)"
        format.announce(
            count == 1
                ? "1 run was interrupted; it resumes at the next start."
                : "\(number) runs were interrupted; they resume at the next start.")
    }

    private func serverOptions(_ project: Project, _ listener: InheritedSocket?) throws -> ServerOptions {
        var options = ServerOptions(
            host: host ?? project.settings.server.host, port: port ?? project.settings.server.port)
        if let listener {
            if ![0, listener.port].contains(options.port) {
                project.settings.log.format.warn(
                    "systemd passes a socket with the port \(listener.port), so the port \(options.port) is not used",
                    hint: "set `server: { port: \(listener.port) }`, so that commands find the server")
            }
            (options.host, options.port, options.socket) = (listener.host, listener.port, listener.descriptor)
        }
        options.prices = project.settings.prices
        options.settings = project.effectiveSettings.map { setting in
            switch setting.key {
            case "server.host" where host != nil: setting.overridden(by: options.host)
            case "server.port" where port != nil: setting.overridden(by: "\(options.port)")
            case "log.level": logLevel.map { setting.overridden(by: $0.rawValue) } ?? setting
            default: setting
            }
        }
        for token in project.apiTokens {
            switch token.value {
            case .success(let value):
                options.tokens.append(APIToken(name: token.name, value: value, scope: token.scope))
            case .failure(let problem):
                throw ExitStatus.usage.reporting("`\(token.setting)` \(problem.predicate)")
            }
        }
        let server = project.settings.server
        options.recordsDeliveries = project.settings.deliveries.areKept
        options.publicURL = server.publicURL.map { PublicURL($0.text) }
        options.trustedProxies = TrustedProxies(
            server.trustedProxies.map(\.range), usesForwarded: server.proxyHeader == .forwarded)
        if case .failure(let problem)? = project.signInSecret {
            throw ExitStatus.usage.reporting("`server.sign_in.secret` \(problem.predicate)")
        }
        let secret = try? project.signInSecret?.get()
        options.signIn = server.signIn.flatMap {
            ProxySignIn(header: $0.header.text, scope: $0.scope, scopes: $0.scopes, secret: secret)
        }
        if let tls = server.tls {
            do throws(ServerCertificate.Problem) {
                options.tls = try ServerCertificate(
                    certificate: project.path(tls.certificate.path), key: project.path(tls.key.path))
            } catch {
                project.writeProblem(error)
                throw ExitStatus.usage
            }
        }
        if options.host.isEmpty {
            throw ExitStatus.usage.reporting("`server.host` is empty", hint: HostOption.advice)
        }
        if !options.isLoopback, server.token == nil, server.tokens.isEmpty {
            throw ExitStatus.usage.reporting(
                "others can reach \(options.host), so the API needs a token",
                hint: "set `server: { token: { env: RUNNEL_TOKEN } }` in runnel.yaml, or listen on 127.0.0.1")
        }
        return options
    }

    private func serve(
        _ project: Project, _ projectOptions: ProjectOptions, _ options: ServerOptions, _ journal: any Journal,
        _ simulator: SimulatedMarketplace?, _ manager: ServiceManager, _ stops: AsyncStream<StopRequest>,
        _ reloads: AsyncStream<Void>
    ) async throws {
        ServedFolders(project).add(folder)
        let loader = try await project.loader(startsServers: true, simulates: simulate)
        let assembly = await RunnerAssembly(
            loader: loader, project: project, grantedFiles: [], simulator: simulator, logLevel: .info,
            fixedLevel: logLevel)
        project.checkedReport.log(to: assembly.logger)
        if (journal as? PostgresJournal)?.isBehindProxy ?? false {
            assembly.logger.notice("\(PostgresJournal.proxyNotice)")
        }
        let runs = project.settings.runs
        let worker = Worker(
            record: JournalSetup.identity(role: "serve", project.settings.journal), journal: journal,
            runner: assembly.runner, loader: loader,
            logger: assembly.logger, deaths: runs.deaths.number)
        let queue = RunQueue(
            worker: worker, limit: runs.limit.number, total: runs.total?.number, maximumQueued: runs.maxQueued.number,
            maximumQueuedBytes: runs.maxQueuedBytes.bytes)
        let files = files
        let host = PipelineHost(
            queue: queue, loader: loader, logger: assembly.logger, folder: FileReading.absolute(folder),
            chainLimit: runs.chain.number, dedupe: project.settings.dedupe.keep, publicURL: options.publicURL?.text
        ) {
            try files.contents()
        }
        let ingress = try await assembly.services.get(HTTPIngress.self)
        let server = RunnelServer(
            options: options, ingress: ingress, queue: queue, host: host, journal: journal,
            version: RunnelCommand.version, metrics: .process,
            logger: assembly.logger)
        let housekeeping = Housekeeping(
            journal: journal, retention: project.settings.retention, logger: assembly.logger,
            disk: (project.stateDirectory, try await assembly.services.get(HealthBoard.self)))
        let monitor = HealthMonitor(
            plugins: loader.registry.plugins.compactMap { $0 as? any MonitoringPlugin }, journal: journal,
            prices: project.settings.prices, board: try await assembly.services.get(HealthBoard.self),
            redactor: assembly.redactor, logger: assembly.logger)
        let reports = ServiceReports(manager, logger: assembly.logger) {
            await ServeStatus.text(of: host, queue)
        } checkLiveness: {
            await server.checkLiveness()
        }
        let services = ServeServices(
            server: server, queue: queue, host: host, ingress: ingress, housekeeping: housekeeping,
            metrics: await metrics(of: server, project, assembly), reports: reports, options: options,
            logFormat: project.settings.log.format)
        // A reload stays with this project. It does not search from the folder of the pipelines, which may be missing then.
        var reloadOptions = projectOptions
        reloadOptions.directory = project.directory
        let reload = ConfigurationReload(
            options: reloadOptions, project: project, host: host, queue: queue, server: server,
            housekeeping: housekeeping, reports: reports, services: simulator == nil ? assembly.services : nil,
            level: assembly.logLevel, logger: assembly.logger)
        do {
            try await worker.withSession {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { for await _ in reloads { await reload.run() } }
                    group.addTask { await reload.watch() }
                    group.addTask { await monitor.run() }
                    group.addTask { await reports.run() }
                    defer { group.cancelAll() }
                    try await services.run(until: stops, grace: runs.grace)
                }
            }
        } catch {
            await assembly.services.shutDown()
            let server = PortOption.isInUse(error) ? await Self.server(in: journal, on: worker.host) : nil
            throw PortOption.reported(error, host: options.host, port: options.port, server: server)
        }
        await assembly.services.shutDown()
    }

    /// The server of the journal's project that runs on a machine; nil where none is known.
    private static func server(in journal: any Journal, on host: String) async -> WorkerRecord? {
        let workers = (try? await WorkerStatus.all(in: journal)) ?? []
        return workers.first { status in
            status.worker.role == "serve" && status.worker.host == host && ![.ended, .silent].contains(status.state)
        }?.worker
    }

    /// What sends metrics to the receiver of the project; nil where there is none.
    private func metrics(
        of server: RunnelServer, _ project: Project, _ assembly: RunnerAssembly
    ) async -> MetricsExporter? {
        for warning in project.metricsWarnings { assembly.logger.warning("\(warning)") }
        guard let configuration = project.metrics else { return nil }
        do {
            return MetricsExporter(
                configuration, version: RunnelCommand.version, redactor: assembly.redactor,
                sender: try await assembly.services.get(HTTPClientService.self), logger: assembly.logger,
                now: WallClock.nanoseconds, measure: { await server.measurements(at: WallClock.nanoseconds()) })
        } catch {
            assembly.logger.warning("metrics are not sent: \(error)")
            return nil
        }
    }
}

/// The value of `--log-level`.
extension LogSettings.Level: ExpressibleByArgument {}

extension Project {
    /// Prints what is wrong with a file of `server.tls`, and where it is set.
    func writeProblem(_ problem: ServerCertificate.Problem) {
        let key = ["server.tls", problem.setting].compactMap(\.self).joined(separator: ".")
        let place = place(of: "server.tls.\(problem.setting ?? "certificate")")
        Streams.error.write(
            (place.map { "\($0): " } ?? "") + "error: `\(key)`: \(problem)\n"
                + (problem.hint.map { "  = \($0)\n" } ?? ""))
    }
}
