package import RunnelKit

/// The form of requests to a receiver of OpenTelemetry (OTLP over HTTP).
package enum OTLPFormat: String, FieldChoice { case json, protobuf }

/// `traces:` in `runnel.yaml`. The variables `OTEL_…` of OpenTelemetry win over it.
package struct TraceSettings: FieldGroup {
    package init() {}

    @Field(
        """
        The receiver of traces (OTLP over HTTP), such as `http://localhost:4318`; `/v1/traces` is added. Without \
        one, nothing is recorded.
        """)
    package var endpoint: PublicURLText?
    @Field("The form of the requests: `json`, or `protobuf` for receivers that accept nothing else.")
    package var format: OTLPFormat = .json
    @Field("Header fields for the receiver, such as `authorization`.")
    package var headers: [String: SensitiveValue] = [:]
    @Field("Whether traces hold prompts and answers. Secrets are masked in them.") package var content: Bool = false
    @Field("The share of the traces that begin here and are recorded, from 0 to 1.", in: 0...1)
    package var sample: Double = 1
}

/// `metrics:` in `runnel.yaml`. The variables `OTEL_…` of OpenTelemetry win over it.
package struct MetricsSettings: FieldGroup {
    package init() {}

    @Field(
        """
        The receiver of the metrics of `runnel serve` (OTLP over HTTP), such as `http://localhost:4318`; `/v1/metrics` is \
        added. Without one, they are only at `GET /metrics`.
        """)
    package var endpoint: PublicURLText?
    @Field("The form of the requests: `json`, or `protobuf` for receivers that accept nothing else.")
    package var format: OTLPFormat = .json
    @Field("Header fields for the receiver, such as `authorization`.")
    package var headers: [String: SensitiveValue] = [:]
    @Field("The interval of the requests.", in: .seconds(1)...) package var interval: Duration = .seconds(60)
}
