import RunnelKit

/// Writes the JSON form of an `ExportTraceServiceRequest` or an `ExportMetricsServiceRequest` in protobuf's binary form, for
/// receivers that accept nothing else.
///
/// The numbers are those of `opentelemetry/proto/trace/v1/trace.proto`, `opentelemetry/proto/metrics/v1/metrics.proto` and
/// their imports; a test compares both forms with them.
struct ProtobufWriter {
    private enum Kind: Sendable {
        case text
        /// An id in hexadecimal.
        case id
        /// A varint, written as a number or as a string.
        case integer
        case bool
        case double
        case fixed32, fixed64
        /// Lists of numbers, in one field each.
        case fixed64s, doubles
        indirect case message([String: Field])
    }

    private struct Field: Sendable {
        let number: UInt64
        let kind: Kind

        init(_ number: UInt64, _ kind: Kind) { (self.number, self.kind) = (number, kind) }
    }

    private(set) var bytes: [UInt8] = []

    /// The request in binary form.
    static func request(_ json: Value) -> [UInt8] {
        var writer = ProtobufWriter()
        writer.write(json, request)
        return writer.bytes
    }

    // MARK: - Messages

    /// An array in an array is not written; Runnel makes none.
    private static let array: [String: Field] = ["values": Field(1, .message(scalar))]
    private static let scalar: [String: Field] = [
        "stringValue": Field(1, .text), "boolValue": Field(2, .bool), "intValue": Field(3, .integer),
        "doubleValue": Field(4, .double),
    ]
    private static let attribute: [String: Field] = [
        "key": Field(1, .text),
        "value": Field(2, .message(scalar.merging(["arrayValue": Field(5, .message(array))]) { $1 })),
    ]
    private static let event: [String: Field] = [
        "timeUnixNano": Field(1, .fixed64), "name": Field(2, .text), "attributes": Field(3, .message(attribute)),
    ]
    private static let link: [String: Field] = [
        "traceId": Field(1, .id), "spanId": Field(2, .id), "attributes": Field(4, .message(attribute)),
        "flags": Field(6, .fixed32),
    ]
    private static let span: [String: Field] = [
        "traceId": Field(1, .id), "spanId": Field(2, .id), "traceState": Field(3, .text), "parentSpanId": Field(4, .id),
        "name": Field(5, .text), "kind": Field(6, .integer), "startTimeUnixNano": Field(7, .fixed64),
        "endTimeUnixNano": Field(8, .fixed64), "attributes": Field(9, .message(attribute)),
        "droppedAttributesCount": Field(10, .integer), "events": Field(11, .message(event)),
        "droppedEventsCount": Field(12, .integer), "links": Field(13, .message(link)),
        "status": Field(15, .message(["message": Field(2, .text), "code": Field(3, .integer)])),
        "flags": Field(16, .fixed32),
    ]
    private static let number: [String: Field] = [
        "startTimeUnixNano": Field(2, .fixed64), "timeUnixNano": Field(3, .fixed64), "asDouble": Field(4, .double),
        "attributes": Field(7, .message(attribute)),
    ]
    private static let distribution: [String: Field] = [
        "startTimeUnixNano": Field(2, .fixed64), "timeUnixNano": Field(3, .fixed64), "count": Field(4, .fixed64),
        "sum": Field(5, .double), "bucketCounts": Field(6, .fixed64s), "explicitBounds": Field(7, .doubles),
        "attributes": Field(9, .message(attribute)),
    ]
    private static let metric: [String: Field] = [
        "name": Field(1, .text), "description": Field(2, .text), "unit": Field(3, .text),
        "gauge": Field(5, .message(["dataPoints": Field(1, .message(number))])),
        "sum": Field(
            7,
            .message([
                "dataPoints": Field(1, .message(number)), "aggregationTemporality": Field(2, .integer),
                "isMonotonic": Field(3, .bool),
            ])),
        "histogram": Field(
            9,
            .message([
                "dataPoints": Field(1, .message(distribution)), "aggregationTemporality": Field(2, .integer),
            ])),
    ]
    private static let resource = Field(1, .message(["attributes": Field(1, .message(attribute))]))
    private static let scope = Field(1, .message(["name": Field(1, .text), "version": Field(2, .text)]))
    private static let scopeSpans: [String: Field] = [
        "scope": scope, "spans": Field(2, .message(span)), "schemaUrl": Field(3, .text),
    ]
    private static let scopeMetrics: [String: Field] = ["scope": scope, "metrics": Field(2, .message(metric))]
    /// A request has one of the two.
    private static let request: [String: Field] = [
        "resourceSpans": Field(1, .message(["resource": resource, "scopeSpans": Field(2, .message(scopeSpans))])),
        "resourceMetrics": Field(
            1, .message(["resource": resource, "scopeMetrics": Field(2, .message(scopeMetrics))])),
    ]

    // MARK: - Writing

    private mutating func write(_ json: Value, _ fields: [String: Field]) {
        for (key, value) in json.asObject ?? [:] {
            guard let field = fields[key] else { continue }
            if case .message = field.kind, let items = value.asList {
                for item in items { write(item, field) }
            } else {
                write(value, field)
            }
        }
    }

    private mutating func write(_ value: Value, _ field: Field) {
        switch field.kind {
        case .text: write(Array((value.asString ?? "").utf8), field)
        case .id:
            let digits = Array((value.asString ?? "").utf8)
            write(
                stride(from: 0, to: digits.count - digits.count % 2, by: 2).compactMap {
                    UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
                }, field)
        case .integer:
            write(tag: field.number, 0)
            // A negative number is written as its two's complement in 64 bits.
            write(varint: UInt64(bitPattern: Self.integer(value)))
        case .bool:
            write(tag: field.number, 0)
            write(varint: value.asBool ?? false ? 1 : 0)
        case .double:
            write(tag: field.number, 1)
            write(fixed: Self.double(value).bitPattern)
        case .fixed64:
            write(tag: field.number, 1)
            write(fixed: Self.unsigned(value))
        case .fixed64s:
            var inner = ProtobufWriter()
            for item in value.asList ?? [] { inner.write(fixed: Self.unsigned(item)) }
            write(inner.bytes, field)
        case .doubles:
            var inner = ProtobufWriter()
            for item in value.asList ?? [] { inner.write(fixed: Self.double(item).bitPattern) }
            write(inner.bytes, field)
        case .fixed32:
            write(tag: field.number, 5)
            write(fixed: UInt32(truncatingIfNeeded: Self.integer(value)))
        case .message(let fields):
            var inner = ProtobufWriter()
            inner.write(value, fields)
            write(inner.bytes, field)
        }
    }

    private static func integer(_ value: Value) -> Int64 { value.asInt ?? Int64(value.asString ?? "") ?? 0 }

    private static func unsigned(_ value: Value) -> UInt64 { UInt64(value.asString ?? "") ?? 0 }

    private static func double(_ value: Value) -> Double {
        switch value.asString {
        case "NaN": .nan
        case "Infinity": .infinity
        case "-Infinity": -.infinity
        default: value.asDouble ?? 0
        }
    }

    private mutating func write(_ content: [UInt8], _ field: Field) {
        write(tag: field.number, 2)
        write(varint: UInt64(content.count))
        bytes += content
    }

    private mutating func write(tag number: UInt64, _ type: UInt64) { write(varint: number << 3 | type) }

    private mutating func write(varint number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    private mutating func write(fixed number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
    }
}
