public import Tracing

/// The trace that a step works in: where its span is, and how to open spans below it.
///
/// Spans are those of swift-distributed-tracing. Nothing is recorded, and ``withSpan(_:ofKind:isolation:_:)`` costs next to nothing,
/// unless `runnel.yaml` or `OTEL_EXPORTER_OTLP_ENDPOINT` names a receiver.
public struct StepTrace: Sendable {
    /// What to send along with a request or give to a program, so that its spans join the trace; nil outside of a run.
    public var context: TraceContext?
    /// Whether spans may hold prompts and answers (`traces.content`).
    public var recordsContent = false
    private var tracer: (any Tracer)?
    private var parent: ServiceContext = .topLevel

    /// A step that belongs to no trace, such as in a test.
    public init(context: TraceContext? = nil) {
        self.context = context
    }

    package init(_ context: TraceContext, tracer: any Tracer, below span: any Tracing.Span, recordsContent: Bool) {
        self.context = context
        self.tracer = tracer
        parent = span.context
        self.recordsContent = recordsContent
    }

    /// Whether spans are recorded, so that it is worth while to collect what they hold.
    public var isRecording: Bool { tracer != nil }

    /// Opens a span below that of the step and ends it after `body`. An error that is thrown is recorded by its code.
    ///
    /// - Parameters:
    ///   - name: Of low cardinality: no ids of runs, no names of files.
    ///   - kind: How it stands to the spans around it; `client` for a request.
    ///   - isolation: The actor of the caller.
    ///   - body: Gets the span, and the trace context to send along.
    public func withSpan<Result>(
        _ name: String, ofKind kind: SpanKind = .internal,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (any Tracing.Span, TraceContext?) async throws -> Result
    ) async rethrows -> Result {
        guard let tracer else { return try await body(NoOpTracer.NoOpSpan(context: parent), context) }
        let span: any Tracing.Span = tracer.startSpan(name, context: parent, ofKind: kind)
        defer { span.end() }
        do {
            return try await body(span, span.context.traceContext ?? context)
        } catch {
            span.fail(error)
            throw error
        }
    }

    /// What to send along with a request that a span of this step stands for.
    public func context(of span: any Tracing.Span) -> TraceContext? { span.context.traceContext ?? context }

    /// A span below that of the step, which the caller ends; nil where nothing is recorded.
    ///
    /// - Parameters:
    ///   - name: Of low cardinality: no ids of runs, no names of files.
    ///   - kind: How it stands to the spans around it; `client` for a request.
    ///   - span: The span above it; nil for that of the step.
    public func startSpan(
        _ name: String, ofKind kind: SpanKind = .internal, below span: (any Tracing.Span)? = nil
    ) -> (any Tracing.Span)? {
        tracer?.startSpan(name, context: span?.context ?? parent, ofKind: kind)
    }
}

extension Tracing.Span {
    /// Marks the span as failed: `error.type` is the code of a ``StepError``, or `cancelled`.
    public func fail(_ error: any Error) {
        switch error {
        case let error as StepError: fail(code: error.code, message: error.message)
        case is CancellationError: attributes["error.type"] = "cancelled"
        default: fail(code: "_OTHER", message: "\(error)")
        }
    }

    /// Marks the span as failed.
    public func fail(code: String, message: String) {
        attributes["error.type"] = code
        setStatus(SpanStatus(code: .error, message: message))
    }
}

extension ServiceContext {
    private enum TraceContextKey: ServiceContextKey {
        typealias Value = TraceContext
    }

    private enum NewTraceKey: ServiceContextKey {
        typealias Value = TraceContext
    }

    /// The span that a new one has as its parent.
    package var traceContext: TraceContext? {
        get { self[TraceContextKey.self] }
        set { self[TraceContextKey.self] = newValue }
    }

    /// Which trace a span without a parent begins; its span id is not used.
    package var newTrace: TraceContext? {
        get { self[NewTraceKey.self] }
        set { self[NewTraceKey.self] = newValue }
    }
}
