import RunnelEngine
import RunnelKit

/// What the head of a run's page says beyond the run's record.
struct RunFacts: Sendable {
    /// What its chats have used.
    var usage = UsageTotal()
    /// The number of the delivery that started it.
    var delivery: Int64?
    /// The worker that works on it.
    var worker: WorkerRecord?
    /// Its newest retry.
    var retry: RunRecord?

    static func load(_ run: RunRecord, _ api: API, _ prices: PriceTable) async throws -> RunFacts {
        var facts = RunFacts()
        facts.usage = try await api.journal.usage(of: run.id).total(prices)
        if run.call != nil {
            // It is the only one: the others are duplicates.
            let filter = DeliveryFilter(outcome: .accepted, runID: run.id, limit: 1)
            facts.delivery = try await api.deliveries(filter).first?.number
        }
        if let owner = run.owner { facts.worker = try await api.journal.workers().first { $0.id == owner } }
        if let id = run.retriedBy, let retry = try await api.journal.progress(of: id) {
            facts.retry = try await api.journal.asSeen(retry)
        }
        return facts
    }
}
