public import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
public import RunnelEngine
public import WebhookPlugin

/// The HTTP side of `runnel serve`: hooks under `/hooks`, the REST API under `/api/v1`, and how the agent is.
public struct RunnelServer: Sendable {
    let options: ServerOptions
    let hub: WebhookHub
    let api: API
    let logger: Logger

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

    /// Serves until the task is cancelled.
    ///
    /// - Parameter onListening: Gets the port once connections are accepted.
    public func run(onListening: @escaping @Sendable (Int) async -> Void) async throws {
        try await application(onListening: onListening).run()
    }

    /// The server as a service that can run beside others.
    ///
    /// - Parameter onListening: Gets the port once connections are accepted.
    public func application(
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) -> some ApplicationProtocol {
        // What the HTTP library has to say of its own is of use to nobody, least of all while it shuts down.
        var quiet = logger
        quiet.logLevel = .critical
        let timeouts = options.timeouts
        let bodies = BodyReading(options)
        return Application(
            router: router(bodies),
            server: HTTPServerBuilder { GuardedChannel(timeouts: timeouts, responder: $0) },
            configuration: ApplicationConfiguration(
                address: .hostname(options.host, port: options.port), serverName: "runnel", backlog: 1024,
                availableConnectionsDelegate: .maximum(
                    ConnectionLimit.raise(to: options.maximumConnections), logger: quiet)),
            services: [bodies.deadlines],
            onServerRunning: { channel in await onListening(channel.localAddress?.port ?? options.port) },
            logger: quiet)
    }

    func router(_ bodies: BodyReading) -> Router<ServerContext> {
        router(bodies, RouteTable(router(bodies, nil)))
    }

    private func router(_ bodies: BodyReading, _ routes: RouteTable?) -> Router<ServerContext> {
        let router = Router(context: ServerContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: RequestIDs(logger: logger, routes: routes, redact: api.queue.redact))
        HookRoutes(hub: hub, bodies: bodies).add(to: router)
        HealthRoutes(api: api).add(to: router)
        let guarded = router.group("/api/v1").add(middleware: Doorkeeper(options: options))
        PipelineRoutes(api: api, bodies: bodies).add(to: guarded)
        RunRoutes(api: api).add(to: guarded)
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
