package import RunnelEngine

/// Where traces are sent and what is in them: `traces:` of `runnel.yaml`, and the variables of OpenTelemetry that win over
/// it.
package struct TraceConfiguration: Sendable {
    package var receiver: OTLPReceiver
    package var recordsContent: Bool
    /// The share of the traces that begin here and are recorded, from 0 to 1.
    package var sample: Double

    package init(_ receiver: OTLPReceiver, recordsContent: Bool = false, sample: Double = 1) {
        (self.receiver, self.recordsContent, self.sample) = (receiver, recordsContent, sample)
    }

    /// Reads settings and variables; the parameters are those of ``OTLPReceiver/resolve``.
    ///
    /// - Returns: nil where no receiver is named, or tracing is switched off.
    package static func resolve(
        _ settings: TraceSettings, headers: [String: String], environment: [String: String], version: String,
        host: String, warnings: inout [String]
    ) -> TraceConfiguration? {
        OTLPReceiver.resolve(
            .traces, endpoint: settings.endpoint, format: settings.format, headers: headers, environment: environment,
            version: version, host: host, warnings: &warnings
        ).map { TraceConfiguration($0, recordsContent: settings.content, sample: settings.sample) }
    }
}

/// Where metrics are sent and how often: `metrics:` of `runnel.yaml`, and the variables of OpenTelemetry that win over it.
package struct MetricsConfiguration: Sendable {
    package var receiver: OTLPReceiver
    package var interval: Duration

    package init(_ receiver: OTLPReceiver, interval: Duration = .seconds(60)) {
        (self.receiver, self.interval) = (receiver, interval)
    }

    /// Reads settings and variables; the parameters are those of ``OTLPReceiver/resolve``.
    ///
    /// - Returns: nil where no receiver is named for metrics, or their export is switched off.
    package static func resolve(
        _ settings: MetricsSettings, headers: [String: String], environment: [String: String], version: String,
        host: String, warnings: inout [String]
    ) -> MetricsConfiguration? {
        let receiver = OTLPReceiver.resolve(
            .metrics, endpoint: settings.endpoint, format: settings.format, headers: headers, environment: environment,
            version: version, host: host, warnings: &warnings)
        guard let receiver else { return nil }
        let interval = OTLPReceiver.milliseconds(
            ["OTEL_METRIC_EXPORT_INTERVAL"], upTo: 86_400_000, in: environment, &warnings)
        return MetricsConfiguration(receiver, interval: interval ?? settings.interval)
    }
}
