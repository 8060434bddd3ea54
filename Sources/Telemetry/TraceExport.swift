package import Logging
package import RunnelEngine
import RunnelHTTP
package import RunnelKit

/// The exporter of traces as one of the services of a process: it ends after those that may still end a span, and before
/// the HTTP client.
package enum TraceExport: ServiceKey {
    package typealias Service = SpanExporter
    package static let name = "the exporter of traces"

    /// Registers the exporter, and makes what runs record their spans with.
    ///
    /// - Returns: ``RunTracing/off`` where the exporter cannot be made; the log says why.
    package static func register(
        _ configuration: TraceConfiguration, version: String, redactor: Redactor, logger: Logger,
        now: @escaping @Sendable () -> Int64, in services: Services
    ) async -> RunTracing {
        let encoder = OTLPEncoder(resource: configuration.resource, version: version, redactor: redactor)
        await services.register(TraceExport.self, shutDown: { await $0.shutDown() }) { services in
            SpanExporter(
                configuration, encoder: encoder, sender: try services.get(HTTPClientService.self), logger: logger,
                now: now)
        }
        do {
            let exporter = try await services.get(TraceExport.self)
            return RunTracing(
                tracer: SpanTracer(sample: configuration.sample) { exporter.add($0) },
                recordsContent: configuration.recordsContent)
        } catch {
            logger.warning("traces are not sent: \(error)")
            return .off
        }
    }
}
