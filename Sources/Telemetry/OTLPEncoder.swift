package import RunnelKit
import Tracing

/// Writes spans as an `ExportTraceServiceRequest`, and metrics as an `ExportMetricsServiceRequest`, in OTLP's JSON form: ids in hexadecimal, 64-bit integers as strings, keys
/// in lowerCamelCase, enumerations as numbers. https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
package struct OTLPEncoder: Sendable {
    let resource: Value
    /// What names the program that has measured.
    let scope: Value
    /// Of Runnel.
    let version: String
    private let redactor: Redactor

    /// In bytes of UTF-8: what a receiver takes of one text.
    private static let maximumText = 32 << 10
    private static let maximumAttributes = 128

    /// - Parameters:
    ///   - version: Of Runnel; goes into the instrumentation scope.
    ///   - redactor: Masks secrets in every text of a span, and in the labels of metrics.
    package init(resource: [(key: String, value: String)], version: String, redactor: Redactor) {
        (self.version, self.redactor) = (version, redactor)
        scope = ["name": "runnel", "version": .string(version)]
        self.resource = [
            "attributes": .list(resource.map { ["key": .string($0.key), "value": ["stringValue": .string($0.value)]] })
        ]
    }

    /// A request with these spans, as JSON. It is written without a `Value` in between, which would cost several times as
    /// much.
    package func request(_ spans: [FinishedSpan]) -> [UInt8] {
        var json = JSONWriter()
        json.write(raw: #"{"resourceSpans":[{"resource":"#)
        json.write(resource)
        json.write(raw: #","scopeSpans":[{"scope":"#)
        json.write(scope)
        json.write(#","schemaUrl":"#, GenAIConventions.schemaURL)
        json.write(raw: #","spans":["#)
        for (index, span) in spans.enumerated() {
            if index > 0 { json.write(raw: ",") }
            write(span, to: &json)
        }
        json.write(raw: "]}]}]}")
        return json.output
    }

    private func write(_ span: FinishedSpan, to json: inout JSONWriter) {
        json.write(#"{"traceId":"#, span.context.traceID)
        json.write(#","spanId":"#, span.context.spanID)
        json.write(raw: span.context.isSampled ? #","flags":1"# : #","flags":0"#)
        json.write(#","name":"#, text(span.name))
        json.write(raw: Self.member(span.kind))
        json.write(#","startTimeUnixNano":"#, String(span.start))
        json.write(#","endTimeUnixNano":"#, String(span.end))
        if let parentID = span.parentID { json.write(#","parentSpanId":"#, parentID) }
        if let state = span.context.state { json.write(#","traceState":"#, state) }
        let dropped = write(span.attributes, to: &json)
        write(#","droppedAttributesCount":"#, dropped, to: &json)
        for (index, event) in span.events.enumerated() {
            json.write(raw: index == 0 ? #","events":["# : ",")
            write(event, to: &json)
        }
        if !span.events.isEmpty { json.write(raw: "]") }
        write(#","droppedEventsCount":"#, span.droppedEvents, to: &json)
        let links = span.links.filter { $0.context.traceContext != nil }
        for (index, link) in links.enumerated() {
            json.write(raw: index == 0 ? #","links":["# : ",")
            write(link, to: &json)
        }
        if !links.isEmpty { json.write(raw: "]") }
        if let status = span.status {
            json.write(raw: status.code == .error ? #","status":{"code":2"# : #","status":{"code":1"#)
            if let message = status.message { json.write(#","message":"#, text(message)) }
            json.write(raw: "}")
        }
        json.write(raw: "}")
    }

    private func write(_ event: SpanEvent, to json: inout JSONWriter) {
        json.write(#"{"timeUnixNano":"#, String(event.nanosecondsSinceEpoch))
        json.write(#","name":"#, text(event.name))
        _ = write(event.attributes, to: &json)
        json.write(raw: "}")
    }

    private func write(_ link: SpanLink, to json: inout JSONWriter) {
        guard let context = link.context.traceContext else { return }
        json.write(#"{"traceId":"#, context.traceID)
        json.write(#","spanId":"#, context.spanID)
        _ = write(link.attributes, to: &json)
        json.write(raw: context.isSampled ? #","flags":1}"# : #","flags":0}"#)
    }

    /// A count of what was left out, if there is any.
    private func write(_ key: StaticString, _ count: Int, to json: inout JSONWriter) {
        guard count > 0 else { return }
        json.write(raw: key)
        json.write(Value.int(Int64(count)))
    }

    /// - Returns: How many attributes were left out.
    private func write(_ attributes: SpanAttributes, to json: inout JSONWriter) -> Int {
        var all: [(key: String, value: SpanAttribute)] = []
        all.reserveCapacity(attributes.count)
        attributes.forEach { key, value in all.append((key, value)) }
        all.sort { $0.key < $1.key }
        let kept = all.prefix(Self.maximumAttributes)
        json.write(raw: #","attributes":["#)
        for (index, attribute) in kept.enumerated() {
            json.write(index == 0 ? #"{"key":"# : #",{"key":"#, redactor.redact(attribute.key))
            json.write(raw: #","value":"#)
            write(attribute.value, to: &json)
            json.write(raw: "}")
        }
        json.write(raw: "]")
        return all.count - kept.count
    }

    private func write(_ attribute: SpanAttribute, to json: inout JSONWriter) {
        switch attribute {
        case .string(let text): json.write(#"{"stringValue":"#, self.text(text))
        case .int32(let number): json.write(#"{"intValue":"#, String(number))
        case .int64(let number): json.write(#"{"intValue":"#, String(number))
        case .bool(let flag): json.write(raw: flag ? #"{"boolValue":true"# : #"{"boolValue":false"#)
        case .double(let number):
            json.write(raw: #"{"doubleValue":"#)
            json.write(Self.double(number))
        case .stringConvertible(let value): json.write(#"{"stringValue":"#, text("\(value)"))
        case .stringArray(let items): write(array: items.map { .string($0) }, to: &json)
        case .int32Array(let items): write(array: items.map { .int32($0) }, to: &json)
        case .int64Array(let items): write(array: items.map { .int64($0) }, to: &json)
        case .doubleArray(let items): write(array: items.map { .double($0) }, to: &json)
        case .boolArray(let items): write(array: items.map { .bool($0) }, to: &json)
        case .stringConvertibleArray(let items): write(array: items.map { .string("\($0)") }, to: &json)
        // A kind that the package has added since.
        default: json.write(#"{"stringValue":"#, text("\(attribute)"))
        }
        json.write(raw: "}")
    }

    private func write(array items: [SpanAttribute], to json: inout JSONWriter) {
        json.write(raw: #"{"arrayValue":{"values":["#)
        for (index, item) in items.prefix(Self.maximumAttributes).enumerated() {
            if index > 0 { json.write(raw: ",") }
            write(item, to: &json)
        }
        json.write(raw: "]}")
    }

    /// JSON has no number for these; protobuf's JSON form has words.
    static func double(_ number: Double) -> Value {
        guard number.isFinite else { return number.isNaN ? "NaN" : number > 0 ? "Infinity" : "-Infinity" }
        return .double(number)
    }

    /// The text without secrets, of a length that receivers accept.
    func text(_ text: String) -> String {
        let shown = redactor.redact(text)
        guard shown.utf8.count > Self.maximumText else { return shown }
        return String(decoding: shown.utf8.prefix(Self.maximumText), as: UTF8.self) + "…"
    }

    private static func member(_ kind: SpanKind) -> StaticString {
        switch kind {
        case .internal: #","kind":1"#
        case .server: #","kind":2"#
        case .client: #","kind":3"#
        case .producer: #","kind":4"#
        case .consumer: #","kind":5"#
        }
    }
}

extension JSONWriter {
    /// Writes a text, and what stands before it.
    fileprivate mutating func write(_ before: StaticString, _ text: String) {
        write(raw: before)
        write(text)
    }
}
