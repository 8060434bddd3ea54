package import RunnelKit

/// `traces:` in `runnel.yaml`. The variables `OTEL_…` of OpenTelemetry win over it.
package struct TraceSettings: FieldGroup {
    /// The form of the requests.
    package enum Format: String, FieldChoice { case json, protobuf }

    package init() {}

    @Field(
        """
        The receiver of traces (OTLP over HTTP), such as `http://localhost:4318`; `/v1/traces` is added. Without \
        one, nothing is recorded.
        """)
    package var endpoint: PublicURLText?
    @Field("The form of the requests: `json`, or `protobuf` for receivers that accept nothing else.")
    package var format: Format = .json
    @Field("Header fields for the receiver, such as `authorization`.")
    package var headers: [String: SensitiveValue] = [:]
    @Field("Whether traces hold prompts and answers. Secrets are masked in them.") package var content: Bool = false
    @Field("The share of the traces that begin here and are recorded, from 0 to 1.", in: 0...1)
    package var sample: Double = 1
}
