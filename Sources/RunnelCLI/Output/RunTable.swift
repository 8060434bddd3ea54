import RunnelEngine
import RunnelKit

/// Runs as a table, one a line.
struct RunTable {
    let style: TextStyle

    func text(_ runs: [RunRecord]) -> String {
        let width = max(8, runs.map(\.pipeline.count).max() ?? 8)
        var lines = [
            style.dim("\(pad("RUN", 36))  \(pad("STATE", 9))  \(pad("PIPELINE", width))  \(pad("BEGAN", 25))  TOOK")
        ]
        for run in runs {
            let took = run.took.map(readable) ?? "-"
            var line = "\(run.id)  \(colored(run.state))  \(pad(style.safe(run.pipeline), width))  "
            line += "\(pad(LocalTime.text(run.startedAt ?? run.createdAt), 25))  \(took)"
            if let message = run.error?.asObject?["message"]?.asString {
                line += style.dim("  \(style.safe(message.firstLine))")
            }
            lines.append(line)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    func colored(_ state: RunState) -> String {
        let text = pad(state.rawValue, 9)
        switch state {
        case .succeeded: return style.green(text)
        case .failed: return style.red(text)
        case .running: return style.bold(text)
        case .queued, .cancelled, .skipped: return style.dim(text)
        }
    }

    private func pad(_ text: String, _ width: Int) -> String {
        text.count >= width ? text : text + String(repeating: " ", count: width - text.count)
    }
}

extension RunRecord {
    /// From begin to end, or until now.
    var took: Duration? {
        guard let startedAt else { return nil }
        return .nanoseconds(max(0, (endedAt ?? WallClock.nanoseconds()) - startedAt))
    }

    /// - Parameter isFull: With input and output. Sealed secrets are masked.
    func json(isFull: Bool) -> Value {
        var object: ValueObject = [
            "id": .string(id), "pipeline": .string(pipeline), "state": .string(state.rawValue),
            "trigger": SecretSeal.masked(trigger), "created_at": .string(Timestamp.text(nanoseconds: createdAt)),
        ]
        object["started_at"] = startedAt.map { .string(Timestamp.text(nanoseconds: $0)) }
        object["ended_at"] = endedAt.map { .string(Timestamp.text(nanoseconds: $0)) }
        object["error"] = error
        object["interruptions"] = .int(Int64(interruptions))
        if isCancelRequested { object["cancel_requested"] = true }
        object["retry_of"] = retryOf.map { .string($0) }
        object["dedupe_key"] = dedupeKey.map { .string($0) }
        guard isFull else { return .object(object) }
        object["definition"] = .string(definition)
        object["inputs"] = SecretSeal.masked(.object(inputs))
        object["input"] = SecretSeal.masked(input)
        object["output"] = output.map(SecretSeal.masked)
        return .object(object)
    }
}

extension StepRecord {
    /// Sealed secrets are masked.
    var json: Value {
        var object: ValueObject = [
            "step": .string(key.description), "uses": .string(uses), "state": .string(state.rawValue),
            "attempt": .int(Int64(attempt)),
        ]
        object["started_at"] = startedAt.map { .string(Timestamp.text(nanoseconds: $0)) }
        object["ended_at"] = endedAt.map { .string(Timestamp.text(nanoseconds: $0)) }
        object["retry_at"] = retryAt.map { .string(Timestamp.text(nanoseconds: $0)) }
        object["error"] = error
        object["output"] = output.map(SecretSeal.masked)
        return .object(object)
    }
}

extension String {
    var firstLine: String { split(separator: "\n", maxSplits: 1).first.map(String.init) ?? self }
}
