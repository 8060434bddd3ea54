package import RunnelKit
import Tracing

/// Writes spans as an `ExportTraceServiceRequest`, and metrics as an `ExportMetricsServiceRequest`, in OTLP's JSON form: ids in hexadecimal, 64-bit integers as strings, keys
/// in lowerCamelCase, enumerations as numbers. https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
package struct OTLPEncoder: Sendable {
    let resource: Value
    private let version: String
    private let redactor: Redactor

    /// In bytes of UTF-8: what a receiver takes of one text.
    private static let maximumText = 32 << 10
    private static let maximumAttributes = 128

    /// - Parameters:
    ///   - version: Of Runnel; goes into the instrumentation scope.
    ///   - redactor: Masks secrets in every text of a span, and in the labels of metrics.
    package init(resource: [(key: String, value: String)], version: String, redactor: Redactor) {
        self.version = version
        self.redactor = redactor
        self.resource = [
            "attributes": .list(resource.map { ["key": .string($0.key), "value": ["stringValue": .string($0.value)]] })
        ]
    }

    package func request(_ spans: [FinishedSpan]) -> Value {
        [
            "resourceSpans": [
                [
                    "resource": resource,
                    "scopeSpans": [
                        [
                            "scope": scope,
                            "schemaUrl": .string(GenAIConventions.schemaURL), "spans": .list(spans.map(json)),
                        ]
                    ],
                ]
            ]
        ]
    }

    /// What names the program that has measured.
    var scope: Value { ["name": "runnel", "version": .string(version)] }

    private func json(_ span: FinishedSpan) -> Value {
        var object: ValueObject = [
            "traceId": .string(span.context.traceID), "spanId": .string(span.context.spanID),
            "flags": .int(span.context.isSampled ? 1 : 0), "name": text(span.name),
            "kind": .int(Self.number(span.kind)),
            "startTimeUnixNano": .string("\(span.start)"), "endTimeUnixNano": .string("\(span.end)"),
        ]
        object["parentSpanId"] = span.parentID.map { .string($0) }
        object["traceState"] = span.context.state.map { .string($0) }
        let (attributes, dropped) = list(span.attributes)
        object["attributes"] = attributes
        if dropped > 0 { object["droppedAttributesCount"] = .int(Int64(dropped)) }
        if !span.events.isEmpty { object["events"] = .list(span.events.map(json)) }
        if span.droppedEvents > 0 { object["droppedEventsCount"] = .int(Int64(span.droppedEvents)) }
        let links = span.links.compactMap(json)
        if !links.isEmpty { object["links"] = .list(links) }
        if let status = span.status {
            var json: ValueObject = ["code": status.code == .error ? 2 : 1]
            json["message"] = status.message.map(text)
            object["status"] = .object(json)
        }
        return .object(object)
    }

    private func json(_ event: SpanEvent) -> Value {
        [
            "timeUnixNano": .string("\(event.nanosecondsSinceEpoch)"), "name": text(event.name),
            "attributes": list(event.attributes).list,
        ]
    }

    private func json(_ link: SpanLink) -> Value? {
        guard let context = link.context.traceContext else { return nil }
        return [
            "traceId": .string(context.traceID), "spanId": .string(context.spanID),
            "attributes": list(link.attributes).list, "flags": .int(context.isSampled ? 1 : 0),
        ]
    }

    private func list(_ attributes: SpanAttributes) -> (list: Value, dropped: Int) {
        var all: [(String, Value)] = []
        attributes.forEach { key, attribute in
            if let value = value(attribute) { all.append((key, value)) }
        }
        all.sort { $0.0 < $1.0 }
        let kept = all.prefix(Self.maximumAttributes).map { key, value -> Value in
            ["key": .string(redactor.redact(key)), "value": value]
        }
        return (.list(kept), all.count - kept.count)
    }

    private func value(_ attribute: SpanAttribute) -> Value? {
        switch attribute {
        case .string(let text): ["stringValue": self.text(text)]
        case .int32(let number): ["intValue": .string("\(number)")]
        case .int64(let number): ["intValue": .string("\(number)")]
        case .bool(let flag): ["boolValue": .bool(flag)]
        case .double(let number): ["doubleValue": Self.double(number)]
        case .stringConvertible(let value): ["stringValue": text("\(value)")]
        case .stringArray(let items): array(items.map { .string($0) })
        case .int32Array(let items): array(items.map { .int32($0) })
        case .int64Array(let items): array(items.map { .int64($0) })
        case .doubleArray(let items): array(items.map { .double($0) })
        case .boolArray(let items): array(items.map { .bool($0) })
        case .stringConvertibleArray(let items): array(items.map { .string("\($0)") })
        default: nil
        }
    }

    private func array(_ items: [SpanAttribute]) -> Value {
        ["arrayValue": ["values": .list(items.prefix(Self.maximumAttributes).compactMap(value))]]
    }

    /// JSON has no number for these; protobuf's JSON form has words.
    static func double(_ number: Double) -> Value {
        guard number.isFinite else { return number.isNaN ? "NaN" : number > 0 ? "Infinity" : "-Infinity" }
        return .double(number)
    }

    func text(_ text: String) -> Value {
        let shown = redactor.redact(text)
        guard shown.utf8.count > Self.maximumText else { return .string(shown) }
        return .string(String(decoding: shown.utf8.prefix(Self.maximumText), as: UTF8.self) + "…")
    }

    private static func number(_ kind: SpanKind) -> Int64 {
        switch kind {
        case .internal: 1
        case .server: 2
        case .client: 3
        case .producer: 4
        case .consumer: 5
        }
    }
}
