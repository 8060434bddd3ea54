import Hummingbird
import RunnelEngine
import RunnelKit

/// `/api/v1/deliveries`: lists, shows and replays deliveries to hooks.
struct DeliveryRoutes: Sendable {
    let api: API

    func add(to group: RouterGroup<ServerContext>) {
        group.get("/deliveries") { request, _ in
            let query = try Query(request, known: ["outcome", "pipeline", "before", "limit"])
            var filter = DeliveryFilter(pipeline: try query.one("pipeline"))
            filter.outcome = try query.deliveryOutcome()
            filter.before = try query.number("before", in: 1...Int.max).map { Int64($0) }
            if let limit = try query.number("limit", in: 1...1000) { filter.limit = limit }
            let deliveries = try await api.deliveries(filter)
            return Response.json(.list(deliveries.map { $0.json(isFull: false) }))
        }
        group.get("/deliveries/:number") { request, context in
            _ = try Query(request, known: [])
            return Response.json(try await api.delivery(context.parameter("number")).json(isFull: true))
        }
        group.post("/deliveries/:number/replay") { request, context in
            _ = try Query(request, known: [])
            let delivery = try await api.delivery(context.parameter("number"))
            let key = try request.dedupeKey(delivery.dedupeSubject)
            return Response.accepted(try await api.replay(delivery, dedupeKey: key, by: Operator(context)))
        }
    }
}

extension Query {
    /// The parameter `outcome`; nil if it is missing.
    func deliveryOutcome() throws(APIError) -> DeliveryRecord.Outcome? {
        guard let text = try one("outcome") else { return nil }
        guard let outcome = DeliveryRecord.Outcome(rawValue: text) else {
            let all = DeliveryRecord.Outcome.allCases.map(\.rawValue).joined(separator: ", ")
            throw Self.error("there is no outcome \(Value.string(text).quoted(limit: 100)); there are \(all)")
        }
        return outcome
    }
}

extension DeliveryRecord {
    /// Distinguishes the replays of deliveries that are requested with one key.
    var dedupeSubject: String { "delivery-\(number)" }
}

extension API {
    /// Those that have been answered by now included.
    func deliveries(_ filter: DeliveryFilter) async throws -> [DeliveryRecord] {
        await recorder.flush()
        return try await withJournal { try await journal.deliveries.deliveries(filter) }
    }

    /// - Parameter number: As a caller wrote it.
    func delivery(_ number: String) async throws -> DeliveryRecord {
        await recorder.flush()
        var found: DeliveryRecord?
        if let number = Int64(number) {
            found = try await withJournal { try await journal.deliveries.delivery(number) }
        }
        guard let found else {
            throw APIError(
                404, .noSuchDelivery, "there is no delivery \(Value.string(number).quoted(limit: 100))")
        }
        return found
    }
}

extension APIError {
    init(_ failure: DeliveryReplay.Failure, _ delivery: DeliveryRecord) {
        switch failure {
        case .noSuchTrigger(let key):
            self.init(
                409, .noSuchTrigger,
                "the pipeline \"\(delivery.pipeline)\" has no trigger \"\(key)\" any more, which took the delivery")
        case .notReplayable(let kind):
            self.init(
                409, .notReplayable, "the trigger `\(kind)` cannot start a run for a stored delivery")
        case .cut(let size):
            let kept = ByteCount(DeliveryRecord.maximumBody)
            let reason =
                size > DeliveryRecord.maximumBody
                ? "\(kept) of the body are kept, of \(ByteCount(size)), and no run has the rest"
                : "the body was not read to its end"
            self.init(409, .deliveryCut, "\(reason); ask the sender to deliver it again")
        case .refused(let words): self.init(409, .deliveryRefused, "the trigger refuses the delivery: \(words)")
        }
    }
}
