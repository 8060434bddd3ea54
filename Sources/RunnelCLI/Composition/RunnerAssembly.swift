import Logging
import RunnelEngine
import RunnelHTTP
import RunnelKit
internal import RunnelSupport
import Telemetry
import Templates

/// The components that run pipelines, assembled from the plugins and a project.
struct RunnerAssembly: Sendable {
    let runner: PipelineRunner
    let services: Services
    let redactor: Redactor
    let logger: Logger
    let logLevel: LogLevel

    /// - Parameters:
    ///   - loader: Knows the plugins.
    ///   - grantedFiles: Absolute paths named on the command line.
    ///   - simulator: The embedded simulator to use; nil for the real Marketplace.
    ///   - logLevel: The level of the log where neither the configuration nor the command line names one.
    ///   - fixedLevel: The level that the command line names.
    init(
        loader: PipelineLoader, project: Project, grantedFiles: Set<String>, simulator: SimulatedMarketplace?,
        logLevel standard: LogSettings.Level = .warning, fixedLevel: LogSettings.Level? = nil
    ) async {
        redactor = project.redactor
        logLevel = LogLevel(project.settings.log.level, standard: standard, fixed: fixedLevel)
        logger = Self.logger(logLevel, project.settings.log.format, redactor: redactor)
        services = Services(cacheFolder: project.cacheFolder)
        await HTTPClientService.register(in: services)
        for plugin in loader.registry.plugins {
            await plugin.talking(toAny: simulator).registerServices(in: services)
        }
        var tracing = RunTracing.off
        for warning in project.traceWarnings { logger.warning("\(warning)") }
        if let traces = project.traces {
            tracing = await TraceExport.register(
                traces, version: RunnelCommand.version, redactor: redactor, logger: logger,
                now: WallClock.nanoseconds, in: services)
        }
        runner = PipelineRunner(
            registry: loader.registry, environment: loader.environment, services: services,
            project: project.files(granted: grantedFiles),
            values: project.values, redactor: redactor, seal: project.seal,
            logger: logger, now: WallClock.nanoseconds, grace: project.settings.runs.grace,
            prices: project.settings.prices, tracing: tracing)
    }

    static func logger(_ level: LogLevel, _ format: LogSettings.Format, redactor: Redactor) -> Logger {
        Logger(label: "runnel") { _ in StandardErrorLog(redactor: redactor, level: level, format: format) }
    }
}

/// The address and credentials of the embedded simulator.
typealias SimulatedMarketplace = AgentStandIn
