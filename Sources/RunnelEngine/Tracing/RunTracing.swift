import RunnelKit
package import Tracing

/// Where the spans of runs go.
public struct RunTracing: Sendable {
    /// nil: nothing is recorded. Trace contexts are passed on nevertheless.
    let tracer: (any Tracer)?
    /// Whether spans may hold prompts and answers.
    let recordsContent: Bool

    /// Nothing is recorded.
    public static let off = RunTracing(tracer: nil)

    package init(tracer: (any Tracer)?, recordsContent: Bool = false) {
        self.tracer = tracer
        self.recordsContent = recordsContent
    }

    /// The id of a run's trace for the log; nil where the run brought none and nothing is recorded, so that nobody would
    /// find it.
    func traceID(of runID: String, trigger: Value) -> String? {
        TraceContext(trigger: trigger)?.traceID ?? (tracer == nil ? nil : TraceContext(runID: runID).traceID)
    }
}

/// The trace of a run while a process works on it: a span for the run, and one for each execution of a step.
///
/// A run that came with a trace context belongs to that trace; another one begins a trace with an id that is made of the
/// run's, so that each life of the run has the same. What is passed on is known also where nothing is recorded.
struct RunTrace: Sendable {
    /// What the steps pass on where they have no span of their own.
    let context: TraceContext
    private let tracer: (any Tracer)?
    private let recordsContent: Bool
    private let span: (any Span)?
    private var spans: [ExecutionKey: any Span] = [:]
    /// The group around a step, by the step's id.
    private let groups: [String: String]
    private let now: @Sendable () -> Int64

    /// - Parameters:
    ///   - trigger: As templates see it.
    ///   - earlier: The span of the run's life before, or of the run that it retries; for a link.
    init(
        _ tracing: RunTracing, _ pipeline: Pipeline, runID: String, trigger: Value, earlier: TraceContext? = nil,
        attributes: ValueObject = [:], now: @escaping @Sendable () -> Int64
    ) {
        let parent = TraceContext(trigger: trigger)
        tracer = tracing.tracer
        recordsContent = tracing.recordsContent
        self.now = now
        guard let tracer else {
            (span, context, groups) = (nil, parent ?? TraceContext(runID: runID), [:])
            return
        }
        var above = ServiceContext.topLevel
        above.traceContext = parent
        above.newTrace = TraceContext(runID: runID)
        let span: any Span = tracer.startSpan(
            "\(GenAIConventions.Operation.invokeWorkflow) \(pipeline.name)", context: above,
            at: DefaultTracerClock.Timestamp(now()))
        span.updateAttributes { all in
            // With room for the state, which the end adds.
            all.reserveCapacity(5 + attributes.count)
            all[GenAIConventions.operationName] = GenAIConventions.Operation.invokeWorkflow
            all[GenAIConventions.agentName] = pipeline.name
            all["runnel.run.id"] = runID
            all["runnel.trigger.type"] = trigger["type"]?.asString
            for (key, value) in attributes { all.set(key, value: value.spanAttribute) }
        }
        if let earlier {
            var context = ServiceContext.topLevel
            context.traceContext = earlier
            span.addLink(SpanLink(context: context, attributes: [:]))
        }
        self.span = span
        context = span.context.traceContext ?? parent ?? TraceContext(runID: runID)
        var groups: [String: String] = [:]
        for steps in [pipeline.steps, pipeline.onFailure, pipeline.finally] { Self.note(groupsOf: steps, in: &groups) }
        self.groups = groups
    }

    private static func note(groupsOf steps: [PipelineStep], in groups: inout [String: String]) {
        for step in steps {
            guard let inner = step.group else { continue }
            for innerStep in inner { groups[innerStep.id] = step.id }
            note(groupsOf: inner, in: &groups)
        }
    }

    /// Whether spans are recorded.
    var isRecording: Bool { span != nil }

    // MARK: - Steps

    /// Opens the span of an execution, unless an earlier attempt has opened it.
    @discardableResult mutating func begin(_ key: ExecutionKey, uses: String, attempt: Int) -> StepTrace {
        guard let tracer else { return StepTrace(context: context) }
        let span: any Span
        if let open = spans[key] {
            span = open
            if attempt > 0 { span.attributes["runnel.step.attempt"] = Int64(attempt) }
        } else {
            let above = parent(of: key) ?? self.span
            span = tracer.startSpan(
                "step \(key.step)", context: above?.context ?? .topLevel, at: DefaultTracerClock.Timestamp(now()))
            span.updateAttributes { all in
                all.reserveCapacity(4)
                all["runnel.step.id"] = key.description
                if !uses.isEmpty { all["runnel.step.uses"] = uses }
                if attempt > 0 { all["runnel.step.attempt"] = Int64(attempt) }
            }
            spans[key] = span
        }
        return StepTrace(
            span.context.traceContext ?? context, tracer: tracer, below: span, recordsContent: recordsContent)
    }

    /// Notes the end of an attempt that is made again; the span stays open.
    func retry(_ key: ExecutionKey, _ attempt: Int, _ error: RunError?, reason: String?, in pause: Duration) {
        guard let span = spans[key] else { return }
        var attributes = SpanAttributes()
        attributes["runnel.step.attempt"] = Int64(attempt)
        attributes["runnel.retry.delay_ms"] = pause.milliseconds
        attributes[GenAIConventions.errorType] = error?.code
        attributes["exception.message"] = error?.message ?? reason
        span.addEvent(
            SpanEvent(
                name: error == nil ? "postponed" : "retry", at: DefaultTracerClock.Timestamp(now()),
                attributes: attributes))
    }

    /// Ends the span of an execution.
    mutating func end(_ key: ExecutionKey, _ state: String, _ error: RunError?) {
        guard let span = spans.removeValue(forKey: key) else { return }
        span.attributes["runnel.step.state"] = state
        if let error { span.fail(code: error.code, message: error.message) }
        span.end(at: DefaultTracerClock.Timestamp(now()))
    }

    /// The innermost open span around an execution: of its `for_each`, or of a group.
    private func parent(of key: ExecutionKey) -> (any Span)? {
        var (step, items) = (key.step, key.items)
        while true {
            if !items.isEmpty, let span = spans[ExecutionKey(step, items: items.dropLast())], step == key.step {
                return span
            }
            guard let group = groups[step] else { return nil }
            for count in stride(from: items.count, through: 0, by: -1) {
                if let span = spans[ExecutionKey(group, items: Array(items.prefix(count)))] { return span }
            }
            step = group
        }
    }

    // MARK: - The run

    /// Ends all spans: with the run, or because this process works on it no more.
    mutating func end(_ result: DriveResult) {
        guard let span else { return }
        let state: String
        switch result {
        case .ended(let result):
            state = result.outcome.state
            if case .failed(let error) = result.outcome { span.fail(code: error.code, message: error.message) }
        case .waiting: state = "waiting"
        case .released: state = "interrupted"
        case .lost:
            state = "lost"
            span.fail(code: JournalError.Code.leaseLost.rawValue, message: "another worker owns the run")
        case .broken(let error):
            state = "interrupted"
            span.fail(code: error.code.rawValue, message: error.message)
        }
        for key in spans.keys { end(key, state == "waiting" ? "waiting" : "interrupted", nil) }
        span.attributes["runnel.run.state"] = state
        span.end(at: DefaultTracerClock.Timestamp(now()))
    }
}

extension DefaultTracerClock.Timestamp {
    /// A time of the run's clock, in nanoseconds since 1970.
    fileprivate init(_ nanoseconds: Int64) { self.init(nanosecondsSinceEpoch: UInt64(max(0, nanoseconds))) }
}

extension Value {
    fileprivate var spanAttribute: SpanAttribute? {
        switch self {
        case .string(let text): .string(text)
        case .int(let number): .int64(number)
        case .bool(let flag): .bool(flag)
        case .double(let number): .double(number)
        case .null, .bytes, .list, .object: nil
        }
    }
}

extension RunTrace {
    /// The event as the journal keeps it: the start of a run with the place of its span, so that a later life of the run,
    /// or a retry of it, can link to it.
    func noted(_ event: RunEvent) -> Value {
        guard isRecording, case .runStarted = event.kind, var object = event.journalJSON.asObject else {
            return event.journalJSON
        }
        object[TraceContext.fields.parent] = .string(context.traceparent)
        return .object(object)
    }
}

extension PipelineRunner {
    /// The span of the run's life before, or of the run that it retries; nil where there is none, or where it is not known.
    /// Not inlined, so that its variables do not stay in the async frame of a run.
    @inline(never) func earlierSpan(of claimed: ClaimedRun, in journal: any Journal) async -> TraceContext? {
        let run = claimed.record
        if run.startedAt != nil, run.interruptions > 0 || run.wakeAt != nil,
            let span = await lastSpan(of: run.id, journal)
        {
            return span
        }
        guard let retried = run.retryOf else { return nil }
        return await lastSpan(of: retried, journal)
    }

    private func lastSpan(of runID: String, _ journal: any Journal) async -> TraceContext? {
        let page = 1000
        var (number, span) = (0, TraceContext?.none)
        while let events = try? await journal.events(of: runID, from: number, limit: page), let last = events.last {
            for (_, event) in events where RunEvent.Name(of: event) == .runStarted {
                span = TraceContext(trigger: event) ?? span
            }
            guard events.count == page else { break }
            number = last.number + 1
        }
        return span
    }
}

extension RunRecord {
    /// What a run's span holds of the record.
    var traceAttributes: ValueObject {
        var attributes: ValueObject = [:]
        if let retryOf { attributes["runnel.run.retry_of"] = .string(retryOf) }
        if interruptions > 0 { attributes["runnel.run.interruptions"] = .int(Int64(interruptions)) }
        if epoch > 0 { attributes["runnel.run.epoch"] = .int(epoch) }
        return attributes
    }
}

extension RunDriver {
    /// Notes in the spans what became of an execution.
    func note(_ change: RunMachine.Change) {
        guard trace.isRecording else { return }
        switch change.state {
        case .running:
            // The span of a step begins with its first attempt.
            guard step(change.key)?.declaration.group != nil || change.items != nil else { return }
            trace.begin(change.key, uses: "", attempt: 0)
        case .waiting:
            trace.retry(
                change.key, change.attempt, change.error, reason: change.reason, in: change.retryIn ?? .zero)
        case .succeeded, .failed, .cancelled, .skipped:
            trace.end(change.key, change.state.rawValue, change.state == .cancelled ? nil : change.error)
        }
    }
}
