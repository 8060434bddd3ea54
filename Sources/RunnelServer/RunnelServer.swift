import HTTPServing
import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
public import RunnelEngine
public import WebhookPlugin

/// The HTTP side of `runnel serve`: hooks under `/hooks`, the REST API under `/api/v1`, and how the worker is.
public struct RunnelServer: Sendable {
    let options: ServerOptions
    let hub: WebhookHub
    let api: API
    let logger: Logger
    private let connections = OpenConnections()
    private let stop = Latch()
    /// Opens when answers that wait for runs have to end.
    private let answersEnd = Latch()

    /// - Parameters:
    ///   - hub: Knows the hooks.
    ///   - queue: Works on the runs.
    ///   - host: Knows the pipelines.
    public init(
        options: ServerOptions, hub: WebhookHub, queue: RunQueue, host: PipelineHost, journal: any Journal,
        version: String, logger: Logger
    ) {
        self.options = options
        self.hub = hub
        self.logger = logger
        api = API(queue: queue, host: host, journal: journal, version: version)
    }

    /// Serves until ``stopAccepting()`` was called and all connections have ended.
    ///
    /// Cancelling the task does the same as ``stopAccepting()`` and ``endAnswers(within:)`` with 250 ms.
    ///
    /// - Parameter onListening: Gets the port once connections are accepted.
    public func run(onListening: @escaping @Sendable (Int) async -> Void) async throws {
        try await withTaskCancellationHandler {
            try await application(onListening: onListening).serve(connections, until: stop)
        } onCancel: {
            stopAccepting()
            endAnswers(within: .milliseconds(250))
        }
    }

    /// Accepts no further connections, and no further deliveries. Connections end with the answers that are under way.
    public func stopAccepting() {
        hub.shutDown()
        stop.open()
    }

    /// Ends the answers that wait for a run which has not ended: whoever waits for the result is answered with 202, and
    /// streams end with an event that says so.
    ///
    /// - Parameter limit: When connections that are still open are closed.
    public func endAnswers(within limit: Duration) {
        answersEnd.open()
        connections.closeAll(after: limit)
    }

    private func application(onListening: @escaping @Sendable (Int) async -> Void) -> some ApplicationProtocol {
        // What the HTTP library has to say of its own is of use to nobody, least of all while it shuts down.
        var quiet = logger
        quiet.logLevel = .critical
        let limits = ConnectionProgress.Limits(options.timeouts)
        let bodies = BodyReading(options)
        let readiness = ReadinessProbe(journal: api.journal)
        let eviction = IdleEviction(
            connections: connections, limit: ConnectionLimit.raise(to: options.maximumConnections))
        return Application(
            router: router(bodies, readiness),
            server: HTTPServerBuilder { [connections] in
                GuardedChannel(limits: limits, connections: connections, responder: $0)
            },
            configuration: ApplicationConfiguration(
                address: .hostname(options.host, port: options.port), serverName: "runnel", backlog: 1024,
                availableConnectionsDelegate: ConnectionAdmission(eviction)),
            services: [bodies.deadlines, readiness],
            onServerRunning: { [logger] channel in
                // Fails where the server has been stopped already.
                try? await channel.pipeline.addHandler(AcceptErrors(eviction, logger), position: .first)
                await onListening(channel.localAddress?.port ?? options.port)
            },
            logger: quiet)
    }

    func router(_ bodies: BodyReading, _ readiness: ReadinessProbe) -> Router<ServerContext> {
        router(bodies, readiness, RouteTable(router(bodies, readiness, nil)))
    }

    private func router(
        _ bodies: BodyReading, _ readiness: ReadinessProbe, _ routes: RouteTable?
    ) -> Router<ServerContext> {
        let router = Router(context: ServerContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: RequestIDs(logger: logger, routes: routes, redact: api.queue.redact))
        HookRoutes(hub: hub, bodies: bodies, answersEnd: answersEnd).add(to: router)
        HealthRoutes(readiness: readiness).add(to: router)
        let guarded = router.group("/api/v1").add(middleware: Doorkeeper(options: options))
        PipelineRoutes(api: api, bodies: bodies).add(to: guarded)
        RunRoutes(api: api, answersEnd: answersEnd).add(to: guarded)
        OpenAPIRoute(version: api.version).add(to: guarded)
        return router
    }
}

/// What the routes of the API stand on.
struct API: Sendable {
    let queue: RunQueue
    let host: PipelineHost
    let journal: any Journal
    let version: String
}
