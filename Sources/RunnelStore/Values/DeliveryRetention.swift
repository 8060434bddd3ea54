import RunnelEngine
import RunnelKit

/// The deliveries of a journal, as retention removes them. Conditions are SQL.
protocol DeliveryRetention {
    /// At least as many as there are.
    func deliveryCount() async throws(JournalError) -> Int64
    /// The bytes of all that match.
    func deliveryBytes(_ condition: String) async throws(JournalError) -> Int64
    /// The oldest that match and came until then, as many as one transaction removes.
    func oldestDeliveries(_ condition: String, until time: Int64) async throws(JournalError) -> [DeliveryLimit.Row]
    /// Removes those that match up to this number, and leaves the journal to others for a moment.
    func removeDeliveries(_ condition: String, upTo number: Int64) async throws(JournalError)
}

/// The numbers that retention of deliveries uses in every journal.
enum DeliveryLimit {
    /// What is read of a delivery that may be removed.
    struct Row: Sendable {
        var number: Int64
        var time: Int64
        var bytes: Int64
    }

    /// How many one transaction removes.
    static let batch = 50
    /// More than the largest delivery takes, with its header, which the server bounds.
    static let maximumBytes = Int64(DeliveryRecord.maximumBody + (128 << 10))
}

extension DeliveryRetention {
    /// Removes deliveries beyond the limits on age and bytes, the oldest first.
    func removeDeliveries(_ retention: Retention, now: Int64) async throws(JournalError) {
        let oldest = now - retention.deliveryAge.nanoseconds
        while !Task.isCancelled {
            // In the order of arrival, without those with the time of a clock that was ahead: they go with the old ones
            // behind them.
            let old = try await oldestDeliveries("true", until: now).prefix { $0.time < oldest }
            guard let last = old.last else { break }
            try await removeDeliveries("true", upTo: last.number)
        }
        let refused = retention.deliveryBytes / DeliveryRecord.refusedShare
        // The first half lets SQLite and PostgreSQL use the partial index.
        try await removeDeliveries("outcome <> 'accepted' AND outcome = 'refused'", beyond: refused)
        try await removeDeliveries("true", beyond: retention.deliveryBytes)
    }

    private func removeDeliveries(_ condition: String, beyond limit: Int64) async throws(JournalError) {
        // A few cannot be too large: their bytes are not added up.
        guard try await deliveryCount() > limit / DeliveryLimit.maximumBytes else { return }
        var excess = try await deliveryBytes(condition) - limit
        while excess > 0, !Task.isCancelled {
            var last: Int64?
            for delivery in try await oldestDeliveries(condition, until: .max) where excess > 0 {
                excess -= delivery.bytes
                last = delivery.number
            }
            guard let last else { return }
            try await removeDeliveries(condition, upTo: last)
        }
    }
}
