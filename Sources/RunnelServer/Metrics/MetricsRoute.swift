import Hummingbird
import Metrics
import RunnelEngine
import RunnelKit

/// `GET /metrics`: what was measured, for Prometheus. What the journal and the triggers hold is looked up when it is asked.
struct MetricsRoute: Sendable {
    let api: API
    let registry: MetricsRegistry

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

    /// Sets the gauges of what the journal, the triggers and the served pipelines hold at this moment.
    ///
    /// - Parameter now: Nanoseconds since 1970.
    func look(at now: Int64) async {
        gauge("runnel_build_info", 1, [("version", api.version)])
        gauge("runnel_queue_depth", await api.queue.runningCount, [("state", "running")])
        var isUp = api.queue.journalProblem == nil
        do throws(JournalError) {
            try await lookIntoJournal(at: now)
        } catch {
            // What cannot be looked up is left out, so that no gauge shows an earlier moment. The rest is wanted most now.
            isUp = false
            registry.remove("runnel_queue_oldest_age_seconds", labels: [])
            for state in ["queued", "waiting"] { registry.remove("runnel_queue_depth", labels: [("state", state)]) }
        }
        gauge("runnel_journal_up", isUp ? 1 : 0, [])
        let hosted = await api.host.all
        gauge("runnel_pipelines", hosted.count { $0.problem == nil }, [("state", "served")])
        gauge("runnel_pipelines", hosted.count { $0.problem != nil }, [("state", "invalid")])
        let problems = hosted.reduce(0) { sum, hosted in
            sum
                + hosted.triggers.values.count { health in
                    if case .problem = health { true } else { false }
                }
        }
        gauge("runnel_trigger_problems", problems, [])
        // A series that begins with its first failure would not have risen: it must be there with zero before.
        for pipeline in hosted.compactMap({ $0.pipeline?.name }) {
            for state in ["succeeded", "failed", "cancelled"] {
                registry.makeCounter(
                    label: "runnel_runs_total", dimensions: [("pipeline", pipeline), ("state", state)]
                ).increment(by: 0)
            }
        }
    }

    private func lookIntoJournal(at now: Int64) async throws(JournalError) {
        let (queued, waiting) = (try await api.journal.queuedCount(), try await api.journal.waitingCount())
        let oldest = try await api.journal.oldestQueued()
        let age = oldest.map { Double(max(0, now - $0)) / 1_000_000_000 } ?? 0
        registry.makeMeter(label: "runnel_queue_oldest_age_seconds", dimensions: []).set(age)
        gauge("runnel_queue_depth", queued, [("state", "queued")])
        gauge("runnel_queue_depth", waiting, [("state", "waiting")])
    }

    private func gauge(_ name: String, _ value: Int, _ labels: [(String, String)]) {
        registry.makeMeter(label: name, dimensions: labels).set(Int64(value))
    }
}
