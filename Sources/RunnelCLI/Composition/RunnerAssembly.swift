import AsyncHTTPClient
import ChatPlugin
import Logging
import Marketplace
import RunnelEngine
import RunnelHTTP
import RunnelKit
import Templates

/// Everything that runs pipelines, put together from the plugins and a project.
struct RunnerAssembly: Sendable {
    let runner: PipelineRunner
    let services: Services
    let redactor: Redactor
    let logger: Logger
    let logLevel: LogLevel

    /// - Parameters:
    ///   - loader: Knows the plugins.
    ///   - grantedFiles: Absolute paths that were named on the command line.
    ///   - simulator: Where an embedded simulator listens, and what it accepts; nil for the real thing.
    init(
        loader: PipelineLoader, project: Project, grantedFiles: Set<String>, simulator: SimulatedMarketplace?
    ) async {
        redactor = project.redactor
        logLevel = LogLevel(project.settings.log.level)
        logger = Self.logger(logLevel, redactor: redactor)
        services = Services()
        await HTTPClientService.register(in: services)
        await MCPOverHTTP.register(in: services)
        await MarketplaceService.register(in: services) {
            let configuration = try MarketplaceSetup(project, simulator: simulator).configuration()
            let httpClient = HTTPClient(
                eventLoopGroupProvider: .singleton, configuration: configuration.httpClientConfiguration)
            return MarketplaceService.Service(
                client: MarketplaceClient(configuration: configuration, httpClient: httpClient), httpClient: httpClient)
        }
        for plugin in loader.registry.plugins { await plugin.registerServices(in: services) }
        runner = PipelineRunner(
            registry: loader.registry, environment: loader.environment, services: services,
            project: project.files(granted: grantedFiles),
            values: ProjectValues(secrets: project.secrets, env: project.env), redactor: redactor, seal: project.seal,
            logger: logger, now: WallClock.nanoseconds, grace: project.settings.runs.grace)
    }

    static func logger(_ level: LogLevel, redactor: Redactor) -> Logger {
        Logger(label: "runnel") { _ in StandardErrorLog(redactor: redactor, level: level) }
    }
}
