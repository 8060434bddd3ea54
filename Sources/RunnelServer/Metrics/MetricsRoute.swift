import Hummingbird
import Metrics
import RunnelEngine
import RunnelKit

/// `GET /metrics`, for Prometheus. The gauges of the journal, the triggers and the process are read at each scrape.
struct MetricsRoute: Sendable {
    /// How long the journal may take. Prometheus gives up after 10 s.
    static let patience = Duration.seconds(3)

    private struct Queue: Sendable {
        var queued: Int
        var waiting: Int
        /// When its oldest run was accepted.
        var oldest: Int64?
    }

    private let api: API
    private let ingress: HTTPIngress
    private let registry: MetricsRegistry
    private let queue: SharedReading<Queue>
    private let size: SharedReading<Int64?>

    init(api: API, ingress: HTTPIngress, registry: MetricsRegistry, clock: any Clock<Duration> = ContinuousClock()) {
        (self.api, self.ingress, self.registry) = (api, ingress, registry)
        let journal = api.journal
        queue = SharedReading(clock: clock) {
            Queue(
                queued: try await journal.queuedCount(), waiting: try await journal.waitingCount(),
                oldest: try await journal.oldestQueued())
        }
        size = SharedReading(clock: clock) { try await journal.size() }
    }

    func add(to group: RouterGroup<ServerContext>) {
        group.get("/metrics") { request, context in
            _ = try Query(request, known: [])
            await look(at: context.now)
            return Response(
                status: .ok,
                headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8", .cacheControl: "no-store"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: registry.text())))
        }
    }

    /// All metrics, with the gauges read now.
    ///
    /// - Parameter now: Nanoseconds since 1970.
    func measurements(at now: Int64) async -> [MetricFamily] {
        await look(at: now)
        return registry.snapshot()
    }

    /// Reads the gauges of the journal, the triggers, the served pipelines and the process.
    ///
    /// - Parameter now: Nanoseconds since 1970.
    func look(at now: Int64) async {
        gauge("runnel_build_info", 1, [("version", api.version)])
        gauge("runnel_queue_depth", await api.queue.runningCount, [("state", "running")])
        async let size = self.size.value(within: Self.patience)
        let queue = await self.queue.value(within: Self.patience)
        gauge("runnel_queue_depth", queue?.queued, [("state", "queued")])
        gauge("runnel_queue_depth", queue?.waiting, [("state", "waiting")])
        let age = queue.map { max(0, now - ($0.oldest ?? now)) }
        set("runnel_queue_oldest_age_seconds", age.map { Double($0) / 1_000_000_000 }, [])
        gauge("runnel_journal_size_bytes", (await size ?? nil).map { Int(clamping: $0) }, [])
        gauge("runnel_journal_up", queue != nil && api.queue.journalProblem == nil ? 1 : 0, [])
        for reading in ProcessUsage.readings() {
            registry.series(reading.name, [], reading.kind).set(reading.value)
        }
        let hosted = await api.host.all
        gauge("runnel_pipelines", hosted.count { $0.problem == nil }, [("state", "served")])
        gauge("runnel_pipelines", hosted.count { $0.problem != nil }, [("state", "invalid")])
        gauge("runnel_trigger_problems", hosted.flatMap(\.triggers.values).count { $0.isProblem }, [])
        // A series that begins with its first failure would not have risen: it must be there with zero before.
        for pipeline in hosted.compactMap({ $0.pipeline?.name }) {
            for state in ["succeeded", "failed", "cancelled", "skipped"] {
                registry.makeCounter(
                    label: "runnel_runs_total", dimensions: [("pipeline", pipeline), ("state", state)]
                ).increment(by: 0)
            }
        }
        for pipeline in Set(ingress.routes.map(\.pipeline)) { HookRefusal.prepare(pipeline, in: registry) }
    }

    private func gauge(_ name: String, _ value: Int?, _ labels: [(String, String)]) {
        set(name, value.map { Double($0) }, labels)
    }

    /// - Parameter value: nil if it cannot be read. The gauge is removed then, so that it does not show an old value.
    private func set(_ name: String, _ value: Double?, _ labels: [(String, String)]) {
        guard let value else { return registry.remove(name, labels: labels) }
        registry.makeMeter(label: name, dimensions: labels).set(value)
    }
}
