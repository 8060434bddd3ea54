import HTTPServing
import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
import NIOPosix
package import RunnelEngine
package import RunnelKit
import RunnelSupport

/// The HTTP side of `runnel serve`: the dashboard, hooks under `/hooks`, the REST API under `/api/v1`, and health checks.
public struct RunnelServer: Sendable {
    let options: ServerOptions
    let ingress: HTTPIngress
    let api: API
    let logger: Logger
    private let metrics: MetricsRoute?
    private let connections = OpenConnections()
    private let sessions: DashboardSessions
    private let tokensInUse: Watched<[APIToken]>
    private let tokens: TokenCheck
    private let settings: Watched<[EffectiveSetting]>
    private let recorder: DeliveryRecorder
    private let stop = Latch()
    /// Opens when responses that wait for runs must end.
    private let answersEnd = Latch()

    /// - Parameters:
    ///   - ingress: Has the routes that triggers have claimed.
    ///   - queue: Accepts and executes runs.
    ///   - host: The served pipelines.
    ///   - metrics: What `/metrics` shows; without it there is no such route.
    package init(
        options: ServerOptions, ingress: HTTPIngress, queue: RunQueue, host: PipelineHost, journal: any Journal,
        version: String, metrics: MetricsRegistry? = nil, logger: Logger
    ) {
        self.options = options
        self.ingress = ingress
        self.logger = logger
        tokensInUse = Watched(options.allTokens)
        sessions = DashboardSessions(tokens: tokensInUse, signOuts: SignOuts(journal: journal))
        tokens = TokenCheck(tokens: tokensInUse)
        settings = Watched(options.settings)
        recorder = DeliveryRecorder(
            journal: journal, seal: queue.seal, logger: logger, isOn: options.recordsDeliveries)
        let api = API(queue: queue, host: host, journal: journal, version: version, recorder: recorder)
        self.api = api
        self.metrics = metrics.map { MetricsRoute(api: api, ingress: ingress, registry: $0) }
    }

    /// Serves until ``stopAccepting()`` is called and all connections are closed.
    ///
    /// Cancelling the task does the same as ``stopAccepting()`` and ``endAnswers(within:)`` with 250 ms.
    ///
    /// - Parameter onListening: Called with the port once it is bound. Requests that arrive are answered after it returns.
    public func run(onListening: @escaping @Sendable (Int) async -> Void) async throws {
        try await withTaskCancellationHandler {
            let result: Result<Void, any Error>
            do {
                result = .success(try await application(onListening: onListening).serve(connections, until: stop))
            } catch is InheritedListener.Ended {
                result = .success(())
            } catch {
                result = .failure(error)
            }
            // All connections are closed: nothing more comes. The task may be cancelled, which must not lose them.
            await Task { [recorder] in await recorder.flush() }.value
            try result.get()
        } onCancel: {
            stopAccepting()
            endAnswers(within: .milliseconds(250))
        }
    }

    /// The address that signs a browser in to the dashboard once; without a token, the dashboard's plain address.
    ///
    /// - Parameter path: The page to show, beginning with `/`.
    package func signInPath(to path: String = "/") -> String {
        sessions.signInPath(to: path, now: WallClock.nanoseconds())
    }

    /// The tokens of the API. Replacing them ends the sessions and streams of removed tokens.
    package var apiTokens: [APIToken] { tokensInUse.value }

    /// Replaces ``apiTokens``.
    package func setAPITokens(_ tokens: [APIToken]) {
        tokensInUse.update { $0 = tokens }
    }

    /// Replaces the settings that the dashboard shows.
    ///
    /// - Parameters:
    ///   - now: The settings as they were read.
    ///   - pending: The paths of those that wait for a restart, which are shown as they were at startup.
    package func setSettings(_ now: [EffectiveSetting], pending: [String]) {
        settings.update { $0 = EffectiveSetting.inEffect(now, started: options.settings, pending: pending) }
    }

    /// Stops accepting connections and deliveries. Connections close after their pending responses.
    public func stopAccepting() {
        ingress.shutDown()
        stop.open()
    }

    /// Ends responses that wait for an unfinished run: clients waiting for the result get 202, and streams end with an
    /// event that says so.
    ///
    /// - Parameter limit: The time after which open connections are closed.
    public func endAnswers(within limit: Duration) {
        answersEnd.open()
        connections.closeAll(after: limit)
    }

    /// Returns once every event loop and the queue have answered, and does not return while one hangs.
    ///
    /// Neither the journal nor a file is used: a server that waits for its database or a disk is alive, and killing it
    /// would interrupt its runs.
    package func checkLiveness() async {
        for loop in MultiThreadedEventLoopGroup.singleton.makeIterator() { try? await loop.submit {}.get() }
        _ = await api.queue.runningCount
    }

    /// What `/metrics` shows.
    ///
    /// - Parameter now: Nanoseconds since 1970.
    package func measurements(at now: Int64) async -> [MetricFamily] {
        await metrics?.measurements(at: now) ?? []
    }

    private func application(onListening: @escaping @Sendable (Int) async -> Void) -> some ApplicationProtocol {
        let limits = ConnectionProgress.Limits(options.timeouts)
        let bodies = BodyReading(options)
        let tls = options.tls
        let eviction = IdleEviction(
            connections: connections, limit: ConnectionLimit.raise(to: options.maximumConnections))
        let listener = options.socket.map {
            InheritedListener(socket: $0, admission: ConnectionAdmission(eviction), logger: libraryLogger)
        }
        let onRunning: @Sendable (any Channel) async -> Void = { [logger, options] channel in
            // Fails if the server has already been stopped.
            try? await channel.pipeline.addHandler(AcceptErrors(eviction, logger), position: .first)
            await onListening(channel.localAddress?.port ?? options.port)
        }
        var application = Application(
            router: router(bodies, ReadinessProbe(journal: api.journal)),
            server: HTTPServerBuilder { [connections] in
                let channel = GuardedChannel(limits: limits, connections: connections, tls: tls, responder: $0)
                listener?.connection.fulfil(.success(channel))
                return channel
            },
            configuration: ApplicationConfiguration(
                address: .hostname(options.host, port: options.port), serverName: "runnel", backlog: 1024,
                availableConnectionsDelegate: ConnectionAdmission(eviction)),
            services: [bodies.deadlines, recorder, CertificateReload(tls, logger: logger)],
            onServerRunning: onRunning, logger: libraryLogger)
        if let listener { application.beforeServerStarts { try await listener.run(onListening: onRunning) } }
        return application
    }

    /// The log of the HTTP library, which tells its own start at `info`.
    private var libraryLogger: Logger {
        var logger = logger
        if logger.logLevel == .info { logger.logLevel = .notice }
        return logger
    }

    func router(_ bodies: BodyReading, _ readiness: ReadinessProbe) -> Router<ServerContext> {
        router(bodies, readiness, RouteTable(router(bodies, readiness, nil)))
    }

    private func router(
        _ bodies: BodyReading, _ readiness: ReadinessProbe, _ routes: RouteTable?
    ) -> Router<ServerContext> {
        let router = Router(context: ServerContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: ErrorAndAccessLogMiddleware(logger: logger, routes: routes, redact: api.queue.redact))
        HookRoutes(
            ingress: ingress, bodies: bodies, answersEnd: answersEnd, options: options,
            refusals: RefusalLog(logger: logger, redact: api.queue.redact), recorder: recorder,
            redact: api.queue.redact
        ).add(to: router)
        HealthRoutes(readiness: readiness, isDrained: { [queue = api.queue] in queue.isDrained }).add(to: router)
        let bearer = BearerAuthMiddleware(options: options, tokens: tokens)
        let guarded = router.group("/api/v1").add(middleware: bearer)
        PipelineRoutes(api: api, bodies: bodies).add(to: guarded)
        RunRoutes(api: api, bodies: bodies, answersEnd: answersEnd).add(to: guarded)
        DeliveryRoutes(api: api).add(to: guarded)
        OperatorRoutes(api: api, sessions: sessions, prices: options.prices).add(to: guarded)
        guarded.get("/openapi.json") { [description = OpenAPIDocument(version: api.version).json] _, _ in
            Response.json(description)
        }
        DashboardRoutes(
            api: api, ingress: ingress, bodies: bodies, sessions: sessions, tokens: tokens, options: options,
            settings: settings, answersEnd: answersEnd
        ).add(to: router)
        metrics?.add(to: router.group().add(middleware: bearer))
        return router
    }
}

/// The dependencies of the API's routes.
struct API: Sendable {
    let queue: RunQueue
    let host: PipelineHost
    let journal: any Journal
    let version: String
    let recorder: DeliveryRecorder
    let logs: RunLogs
    let changes: ContentChanges

    init(queue: RunQueue, host: PipelineHost, journal: any Journal, version: String, recorder: DeliveryRecorder) {
        (self.queue, self.host, self.journal) = (queue, host, journal)
        (self.version, self.recorder) = (version, recorder)
        (logs, changes) = (RunLogs(journal: journal), ContentChanges(journal: journal))
    }

    var runs: RunService { host.runs }
}
