import RunnelKit

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
    func earlierSpan(of run: RunRecord, in journal: any Journal) async -> TraceContext? {
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
    mutating func note(_ change: RunMachine.Change) {
        guard trace.isRecording else { return }
        switch change.state {
        case .running:
            // The span of a step begins with its first attempt.
            guard steps[change.key.step]?.group != nil || change.items != nil else { return }
            trace.begin(change.key, uses: "", attempt: 0)
        case .waiting:
            trace.retry(
                change.key, change.attempt, change.error, reason: change.reason, in: change.retryIn ?? .zero)
        case .succeeded, .failed, .cancelled, .skipped:
            trace.end(change.key, change.state.rawValue, change.state == .cancelled ? nil : change.error)
        }
    }
}
