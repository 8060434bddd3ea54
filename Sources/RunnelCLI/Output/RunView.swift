import RunnelEngine
import RunnelKit
import RunnelSupport

/// One run with all that is known of it, for a person.
struct RunView {
    let style: TextStyle
    /// Whether outputs are shown whole.
    let isFull: Bool

    private static let shortOutput = 160

    func text(_ run: RunRecord, _ steps: [StepRecord], _ events: [Value]) -> String {
        var lines = ["\(style.bold(style.line(run.pipeline)))  \(RunTable(style: style).colored(run))  \(run.id)"]
        func field(_ name: String, _ value: String?) {
            guard let value else { return }
            lines.append("  " + style.dim(name.padded(to: 12)) + style.safe(value))
        }
        field("trigger", run.trigger.asObject?["type"]?.asString)
        field("accepted", LocalTime.text(run.createdAt))
        field("began", run.startedAt.map(LocalTime.text))
        field("ended", run.endedAt.map(LocalTime.text))
        field("took", run.took.map(readable))
        if run.interruptions > 0 {
            field("interrupted", run.interruptions == 1 ? "once" : "\(run.interruptions) times")
        }
        if run.state == .waiting { field("waits until", run.wakeAt.map(LocalTime.text)) }
        if run.deaths > 0 {
            field("died", "its process \(run.deaths == 1 ? "once" : "\(run.deaths) times") since a step ended")
        }
        if run.isCancelRequested, !run.state.isFinal { field("cancel", "asked for") }
        field("retry of", run.retryOf)
        if !run.inputs.isEmpty { field("inputs", shown(.object(run.inputs))) }
        if !run.input.isNull { field("input", shown(run.input)) }
        if !steps.isEmpty { lines.append("") }
        for step in steps { lines += self.lines(step, notes: notes(of: step, in: events)) }
        if let error = run.error {
            lines.append("")
            lines.append(style.red("failed: ") + style.safe(error.asObject?["message"]?.asString ?? error.json()))
            if let hint = error.asObject?["hint"]?.asString { lines.append("  = " + style.safe(hint)) }
            if let file = error.asObject?["file"]?.asString, let line = error.asObject?["line"]?.asInt {
                lines.append(style.dim("  at \(style.line(file)):\(line)"))
            }
        }
        if let output = run.output, !output.isNull {
            lines.append("")
            lines.append(style.dim("output  ") + style.safe(shown(output)))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func lines(_ step: StepRecord, notes: [String]) -> [String] {
        let mark =
            switch step.state {
            case .succeeded: style.green("✓")
            case .failed: style.red("✗")
            case .skipped: style.dim("○")
            case .cancelled: style.dim("■")
            case .running: style.bold("▸")
            case .waiting: style.dim("↻")
            }
        var line = "\(mark) \(style.line(step.key.description))"
        if !step.uses.isEmpty { line += " " + style.dim(style.line(step.uses)) }
        if let startedAt = step.startedAt, let endedAt = step.endedAt {
            line += " " + style.dim(readable(.nanoseconds(max(0, endedAt - startedAt))))
        }
        if step.attempt > 1 { line += style.dim(" attempt \(step.attempt)") }
        if step.state == .waiting, let retryAt = step.retryAt {
            line += style.dim(" again at \(LocalTime.text(retryAt))")
        }
        var lines = [line]
        lines += notes.map { style.dim("    · " + style.note($0)) }
        if let message = step.error?.asObject?["message"]?.asString {
            lines.append("    " + style.red(style.safe(message)))
        }
        if let output = step.output, !output.isNull { lines.append("    " + style.safe(shown(output))) }
        return lines
    }

    /// What an agent did, and whatever else the step had to say.
    private func notes(of step: StepRecord, in events: [Value]) -> [String] {
        events.compactMap { event in
            guard let object = event.asObject, object["event"]?.asString == "step-note",
                object["step"]?.asString == step.key.description
            else { return nil }
            return object["text"]?.asString
        }
    }

    private func shown(_ value: Value) -> String {
        let masked = SecretSeal.masked(value)
        let text = masked.asString ?? masked.json()
        guard !isFull, text.count > Self.shortOutput || text.contains("\n") else { return text }
        let line = text.split(whereSeparator: \.isNewline).joined(separator: " ⏎ ")
        return line.count > Self.shortOutput ? String(line.prefix(Self.shortOutput)) + "…" : line
    }
}

extension String {
    func padded(to width: Int) -> String {
        count >= width ? self : self + String(repeating: " ", count: width - count)
    }
}
