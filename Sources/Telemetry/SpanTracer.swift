package import Logging
package import RunnelEngine
import RunnelHTTP
package import RunnelKit
import Synchronization
package import Tracing

/// Records spans and hands those that have ended to an exporter.
///
/// A span with a parent is recorded if the parent is sampled; of the traces that begin here a share is, chosen by the last
/// 56 bits of the trace's id, so that each process that shares the journal decides alike.
package struct SpanTracer: Tracer {
    private let sample: Double
    private let export: @Sendable (FinishedSpan) -> Void

    /// - Parameters:
    ///   - sample: The share of the traces that begin here and are recorded, from 0 to 1.
    ///   - export: Must not wait.
    package init(sample: Double = 1, export: @escaping @Sendable (FinishedSpan) -> Void) {
        self.sample = sample
        self.export = export
    }

    package func startSpan<Instant: TracerInstant>(
        _ operationName: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
    ) -> RecordedSpan {
        var context = context()
        let parent = context.traceContext
        let trace = parent ?? context.newTrace ?? TraceContext(runID: Self.hex() + Self.hex())
        let isSampled = parent?.isSampled ?? isChosen(trace.traceID)
        let own = trace.with(spanID: Self.hex(), isSampled: isSampled)
        context.traceContext = own
        return RecordedSpan(
            FinishedSpan(
                context: own, parentID: parent?.spanID, name: operationName, kind: kind,
                start: instant().nanosecondsSinceEpoch),
            context, export: isSampled ? export : nil)
    }

    package func startAnySpan<Instant: TracerInstant>(
        _ operationName: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
    ) -> any Tracing.Span {
        startSpan(
            operationName, context: context(), ofKind: kind, at: instant(), function: function, file: fileID, line: line
        )
    }

    package func forceFlush() {}

    package func inject<Carrier, Inject: Injector>(
        _ context: ServiceContext, into carrier: inout Carrier, using injector: Inject
    ) where Inject.Carrier == Carrier {
        for (name, value) in context.traceContext?.headers ?? [] {
            injector.inject(value, forKey: name, into: &carrier)
        }
    }

    package func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
    ) where Extract.Carrier == Carrier {
        guard let parent = extractor.extract(key: TraceContext.fields.parent, from: carrier) else { return }
        context.traceContext = TraceContext(
            traceparent: parent, tracestate: extractor.extract(key: TraceContext.fields.state, from: carrier))
    }

    private func isChosen(_ traceID: String) -> Bool {
        guard sample < 1 else { return true }
        let number = UInt64(traceID.suffix(14), radix: 16) ?? 0
        // In whole numbers: a Double has fewer bits than the id.
        return number < UInt64(max(0, sample) * Double(UInt64(1) << 56))
    }

    /// 16 hexadecimal digits that are not all zero.
    private static func hex() -> String {
        let digits = String(UInt64.random(in: 1 ... .max), radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}

/// A span as it is exported.
package struct FinishedSpan: Sendable {
    package let context: TraceContext
    package let parentID: String?
    package var name: String
    package let kind: SpanKind
    /// Nanoseconds since 1970, as is ``end``.
    package let start: UInt64
    package var end: UInt64 = 0
    package var attributes: SpanAttributes = [:]
    package var events: [SpanEvent] = []
    package var links: [SpanLink] = []
    package var status: SpanStatus?
    /// How many events there were beyond ``RecordedSpan/maximumEvents``.
    package var droppedEvents = 0

    package init(context: TraceContext, parentID: String?, name: String, kind: SpanKind, start: UInt64) {
        (self.context, self.parentID, self.name) = (context, parentID, name)
        (self.kind, self.start) = (kind, start)
    }
}

/// A span of ``SpanTracer``. One that is not sampled keeps nothing but its place in the trace.
package final class RecordedSpan: Tracing.Span {
    /// Further events are counted only.
    static let maximumEvents = 128
    private static let maximumLinks = 128

    package let context: ServiceContext
    private let state: Mutex<FinishedSpan?>
    private let export: (@Sendable (FinishedSpan) -> Void)?

    init(_ span: FinishedSpan, _ context: ServiceContext, export: (@Sendable (FinishedSpan) -> Void)?) {
        self.context = context
        self.export = export
        state = Mutex(export == nil ? nil : span)
    }

    package var isRecording: Bool { state.withLock { $0 != nil } }

    package var operationName: String {
        get { state.withLock { $0?.name ?? "" } }
        set { state.withLock { $0?.name = newValue } }
    }

    package var attributes: SpanAttributes {
        get { state.withLock { $0?.attributes ?? [:] } }
        set { state.withLock { $0?.attributes = newValue } }
    }

    package func setStatus(_ status: SpanStatus) { state.withLock { $0?.status = status } }

    package func addEvent(_ event: SpanEvent) {
        state.withLock { span in
            if span?.events.count ?? 0 < Self.maximumEvents {
                span?.events.append(event)
            } else {
                span?.droppedEvents += 1
            }
        }
    }

    package func addLink(_ link: SpanLink) {
        state.withLock { if $0?.links.count ?? 0 < Self.maximumLinks { $0?.links.append(link) } }
    }

    package func recordError<Instant: TracerInstant>(
        _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
    ) {
        var attributes = attributes
        attributes["exception.type"] = (error as? StepError)?.code ?? "\(type(of: error))"
        attributes["exception.message"] = (error as? StepError)?.message ?? "\(error)"
        addEvent(SpanEvent(name: "exception", at: instant(), attributes: attributes))
    }

    /// Ends the span; a second end has no effect.
    package func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        guard var span = state.withLock({ $0.take() }) else { return }
        // A clock that was set back must not make a span end before it began.
        span.end = max(span.start, instant().nanosecondsSinceEpoch)
        export?(span)
    }
}

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
        let encoder = OTLPEncoder(resource: configuration.receiver.resource, version: version, redactor: redactor)
        await services.register(TraceExport.self, shutDown: { await $0.shutDown() }) { services in
            SpanExporter(
                configuration.receiver, encoder: encoder, sender: try services.get(HTTPClientService.self),
                logger: logger,
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
