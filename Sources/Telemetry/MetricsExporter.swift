package import Logging
package import RunnelEngine
package import RunnelHTTP
package import RunnelKit

/// Sends the metrics of this process to a receiver, again and again.
///
/// It keeps nothing: values are cumulative, so what could not be sent is in the next request.
package struct MetricsExporter: Sendable {
    /// How often one request is sent at most.
    private static let attempts = 5
    /// How many series one request holds, unless one family has more. Collectors accept 20 MiB; a histogram takes up to 1 KiB.
    static let maximumSeries = 4000

    private let interval: Duration
    private let encoder: OTLPEncoder
    private let sender: OTLPSender
    private let clock: any Clock<Duration>
    private let now: @Sendable () -> Int64
    private let logger: Logger
    private let measure: @Sendable () async -> [MetricFamily]
    private let start: Int64

    /// - Parameters:
    ///   - version: Of Runnel.
    ///   - redactor: Masks secrets in labels.
    ///   - sender: Must live longer than the exporter.
    ///   - now: Nanoseconds since 1970.
    ///   - measure: Everything that is measured, looked up now.
    package init(
        _ configuration: MetricsConfiguration, version: String, redactor: Redactor, sender: any HTTPSender,
        logger: Logger, clock: any Clock<Duration> = ContinuousClock(), now: @escaping @Sendable () -> Int64,
        measure: @escaping @Sendable () async -> [MetricFamily]
    ) {
        interval = configuration.interval
        encoder = OTLPEncoder(resource: configuration.receiver.resource, version: version, redactor: redactor)
        self.sender = OTLPSender(
            .metrics, version: version, to: configuration.receiver, through: sender, logger: logger, clock: clock,
            now: now)
        (self.clock, self.now, self.logger, self.measure) = (clock, now, logger, measure)
        start = now()
    }

    /// Exports at each interval, until the task is cancelled.
    package func run() async {
        while (try? await clock.sleep(for: interval)) != nil { await export(attempts: Self.attempts) }
    }

    /// Exports once, without a second attempt and for no longer than the limit: when the process ends.
    package func exportLast(within limit: Duration = .seconds(5)) async {
        do {
            try await withTimeLimit(limit, clock: clock, error: CancellationError()) { await export(attempts: 1) }
        } catch {
            logger.warning("the last metrics were not sent to \(sender.receiver.endpoint.shown) before the end")
        }
    }

    private func export(attempts: Int) async {
        let families = await measure()
        let time = now()
        for part in Self.parts(families) {
            let request = encoder.request(part, start: start, now: time)
            let rejected = await sender.send(request.jsonBytes(), attempts: attempts) { delay in
                (try? await clock.sleep(for: delay)) != nil
            }
            if rejected == nil { return }
        }
    }

    private static func parts(_ families: [MetricFamily]) -> [[MetricFamily]] {
        var parts: [[MetricFamily]] = []
        var room = 0
        for family in families {
            if parts.isEmpty || family.series.count > room {
                parts.append([])
                room = maximumSeries
            }
            parts[parts.count - 1].append(family)
            room -= family.series.count
        }
        return parts
    }
}
