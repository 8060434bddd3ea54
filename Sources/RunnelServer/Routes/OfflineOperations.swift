package import Logging
package import RunnelEngine
package import RunnelKit

/// What operators do where no server is running: the runs that are started wait in the journal for the next one.
package struct OfflineOperations: Sendable {
    /// Why something is refused, in the words of the API.
    package struct Refusal: Error, Sendable {
        package let message: String
        /// The HTTP status of the API's answer.
        package let status: Int
    }

    private let api: API
    private let caller: Operator

    /// - Parameters:
    ///   - queue: Of a worker that has not joined the journal, so that it works on nothing.
    ///   - host: Has loaded its files, and runs no trigger.
    ///   - now: Nanoseconds since 1970.
    package init(
        queue: RunQueue, host: PipelineHost, journal: any Journal, version: String, logger: Logger, now: Int64
    ) {
        api = API(
            queue: queue, host: host, journal: journal, version: version,
            recorder: DeliveryRecorder(journal: journal, seal: queue.seal, logger: logger, isOn: false))
        caller = Operator(name: "local", origin: "command line", time: now)
    }

    /// Queues a new run for a stored delivery.
    ///
    /// - Returns: The id of the run.
    package func replay(_ number: Int64) async throws -> String {
        try await refusing {
            try await api.replay(try await api.delivery("\(number)"), by: caller)
        }
    }

    /// Queues runs for ticks of the past.
    ///
    /// - Parameter body: As that of the request; see ``Backfill``.
    /// - Returns: As the answer to the request.
    package func backfill(_ name: String, _ body: Value) async throws -> Value {
        try await refusing {
            let pipeline = try await api.pipeline(named: name).pipeline
            return .list(try await Backfill(body).perform(pipeline, api, by: caller).map(\.json))
        }
    }

    /// A page of what a trigger remembers.
    ///
    /// - Parameters:
    ///   - key: The trigger's; nil for the only one with a ledger.
    ///   - position: Where the page before has ended.
    package func ledger(_ name: String, key: String?, after position: String?, limit: Int) async throws -> LedgerPage {
        try await refusing {
            let pipeline = try await api.pipeline(named: name).pipeline
            return try await api.ledger(of: pipeline, key: key, after: position, limit: limit).page
        }
    }

    private func refusing<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as APIError {
            throw Refusal(message: api.queue.redact(error.message), status: error.status)
        }
    }
}
