import HTTPServing
import Logging
import NIOCore
import RunnelEngine
import RunnelKit
import RunnelServer
import ServiceLifecycle
import Telemetry

/// The services of `runnel serve`, and their order at the start and on shutdown.
///
/// The port is bound first: where another server has it, no run and no trigger begins. Requests that arrive before the
/// triggers are ready are answered then.
///
/// On shutdown each service stops before the next one is told to:
/// 1. connections and deliveries are no longer accepted,
/// 2. the triggers end,
/// 3. housekeeping ends,
/// 4. no run is started, and running steps get `runs.grace` to finish,
/// 5. callers that wait for a run get its result, or a response that it continues later,
/// 6. metrics are exported once more.
///
/// Then the worker leaves the journal, which releases its unfinished runs, and closes it.
struct ServeServices: Sendable {
    let server: RunnelServer
    let queue: RunQueue
    let host: PipelineHost
    let ingress: HTTPIngress
    let housekeeping: Housekeeping
    let metrics: MetricsExporter?
    let reports: ServiceReports
    let options: ServerOptions
    let logFormat: LogSettings.Format
    private let hurry = Latch()
    private let answersEnd = Latch()

    init(
        server: RunnelServer, queue: RunQueue, host: PipelineHost, ingress: HTTPIngress, housekeeping: Housekeeping,
        metrics: MetricsExporter?, reports: ServiceReports, options: ServerOptions, logFormat: LogSettings.Format
    ) {
        (self.server, self.queue, self.host, self.ingress, self.reports) = (server, queue, host, ingress, reports)
        (self.housekeeping, self.metrics, self.options, self.logFormat) = (housekeeping, metrics, options, logFormat)
    }

    /// The time for responses to reach their callers after all work has stopped.
    private static let answerTime = Duration.seconds(5)
    private static let shortAnswerTime = Duration.seconds(2)

    /// Serves until a stop is requested, and shuts down.
    ///
    /// - Parameter stops: The first request starts a graceful shutdown; the second skips the grace period.
    func run(until stops: AsyncStream<StopRequest>, grace: Duration) async throws {
        let group = ServiceGroup(configuration: ServiceGroupConfiguration(services: services, logger: Self.quiet))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                var isStopping = false
                for await request in stops {
                    if isStopping {
                        logFormat.announce("Stopping at once.")
                        hurry.open()
                        queue.stop()
                        if answersEnd.isOpen { server.endAnswers(within: Self.shortAnswerTime) }
                    } else {
                        isStopping = true
                        let notice = Self.notice(request, running: await queue.runningCount, grace: grace)
                        reports.stopping(notice, grace: grace)
                        logFormat.announce(notice)
                        await group.triggerGracefulShutdown()
                    }
                }
            }
            defer { tasks.cancelAll() }
            try await group.run()
        }
    }

    private static func notice(_ request: StopRequest, running: Int, grace: Duration) -> String {
        guard running > 0 else { return "Shutting down." }
        let runs = running == 1 ? "1 run has" : "\(running) runs have"
        return "Shutting down; \(runs) \(DurationText.format(grace)) to finish. \(request.again) to stop at once."
    }

    /// Where the dashboard is. The link that signs in is a secret, so only a terminal gets it: standard output of a service
    /// is a log that others read.
    ///
    /// - Parameter signInPath: Makes the link. It is valid from then on, so it is only made where it is shown.
    static func dashboard(at address: String, isTerminal: Bool, signInPath: () -> String) -> String {
        isTerminal
            ? "Dashboard: \(address)\(signInPath())\n"
            : "Dashboard: \(address)/ (`runnel open` makes a link that signs in)\n"
    }

    private static var quiet: Logger {
        var logger = Logger(label: "lifecycle") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        return logger
    }

    /// In start order; they are shut down in reverse.
    private var services: [ServiceGroupConfiguration.ServiceConfiguration] {
        let bound = Latch()
        let ready = Latch()
        let answers = FunctionService {
            try await withGracefulShutdownHandler {
                try await server.run { port in
                    bound.open()
                    // Waits for all hooks: a delivery to a hook that is not registered yet would get 404 and not be
                    // retried.
                    await ready.wait()
                    guard !ingress.isShutDown else { return }
                    warn()
                    let address = options.url(port: port)
                    Streams.output.write(await announcement)
                    Streams.output.write("Listening on \(address)\n")
                    let dashboard = Self.dashboard(at: address, isTerminal: Streams.output.isTerminal) {
                        server.signInPath()
                    }
                    Streams.output.write(dashboard)
                    CodePages.release()
                    await reports.ready()
                }
                // Without connections the server may have stopped before this service is shut down.
                try await gracefulShutdown()
            } onGracefulShutdown: {
                answersEnd.open()
                server.endAnswers(within: hurry.isOpen ? Self.shortAnswerTime : Self.answerTime)
            }
        }
        let runs = FunctionService {
            try await withGracefulShutdownHandler {
                await cancelWhenGracefulShutdown { await bound.wait() }
                await queue.run()
                // After a second stop request it may have ended before this service is shut down.
                try await gracefulShutdown()
            } onGracefulShutdown: {
                queue.stop()
            }
        }
        let pruning = FunctionService {
            await cancelWhenGracefulShutdown {
                await bound.wait()
                await housekeeping.run()
            }
        }
        let triggers = FunctionService {
            // Also when they never began, since the server waits for it.
            defer { ready.open() }
            await cancelWhenGracefulShutdown {
                await bound.wait()
                await host.run { ready.open() }
            }
        }
        let intake = FunctionService {
            try await gracefulShutdown()
            server.stopAccepting()
        }
        let export = metrics.map { metrics in
            FunctionService {
                await cancelWhenGracefulShutdown { await metrics.run() }
                // After a second stop request nothing waits for a receiver.
                if !hurry.isOpen { await metrics.exportLast() }
            }
        }
        return ([export, answers, runs, pruning, triggers, intake].compactMap(\.self)).map {
            ServiceGroupConfiguration.ServiceConfiguration(
                service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                failureTerminationBehavior: .gracefullyShutdownGroup)
        }
    }

    /// What is served, for standard output.
    private var announcement: String {
        get async {
            let good = await host.all.filter { $0.pipeline != nil }
            var pipelines = "Serving \(good.count) pipeline\(good.count == 1 ? "" : "s")\n"
            for hosted in good {
                let triggers = hosted.pipeline?.triggers.map(\.key).joined(separator: ", ") ?? ""
                pipelines += "  \(hosted.pipeline?.name ?? "")\(triggers.isEmpty ? "" : "  on \(triggers)")\n"
            }
            return pipelines
        }
    }

    /// Warns of what others can do who reach the server.
    private func warn() {
        guard !options.isLoopback else { return }
        if options.tls == nil, options.publicURL?.text.hasPrefix("https:") != true {
            logFormat.warn(
                "others reach \(options.host) over plain HTTP, so the token and all data can be read on the way",
                hint: "set `server: { tls: { certificate: …, key: … } }`; behind a proxy with HTTPS, "
                    + "set `server.public_url`")
        }
        for route in ingress.routes where !route.route.authenticatesCallers {
            logFormat.warn("/hooks/\(route.path) can be called by anybody who reaches \(options.host)")
        }
    }
}

/// A service implemented by a closure.
private struct FunctionService: Service {
    let body: @Sendable () async throws -> Void

    func run() async throws { try await body() }
}
