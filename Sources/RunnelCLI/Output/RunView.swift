import RunnelEngine
import RunnelKit
import RunnelSupport
import YAML

/// The details of a run as text.
struct RunView {
    let style: TextStyle
    /// Whether outputs are shown in full.
    let isFull: Bool

    private static let shortOutput = 160

    func text(_ run: RunRecord, _ steps: [StepRecord], _ events: [RunEvent]) -> String {
        var lines = ["\(style.bold(style.line(run.pipeline)))  \(RunTable(style: style).colored(run))  \(run.id)"]
        func field(_ name: String, _ value: String?) {
            guard let value else { return }
            lines.append("  " + style.dim(name.padded(to: 12)) + style.safe(value))
        }
        field("trigger", run.triggerText)
        if run.triggerText.hasPrefix("webhook") { field("delivery", run.dedupeKey.map { shown(.string($0)) }) }
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
        if let error = run.error.map(RunError.init(json:)) {
            lines.append("")
            lines.append(style.red("failed: ") + style.safe(error.message))
            if let hint = error.hint { lines.append("  = " + style.safe(hint)) }
            if let file = error.file, let range = error.range {
                lines.append(style.dim("  at \(style.line(file)):\(range.start.line)"))
            }
        }
        if run.isInterrupted {
            lines.append("")
            lines.append("interrupted: `runnel runs resume \(run.id)` goes on with it, as does the next `runnel serve`")
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
        if let error = step.error.map(RunError.init(json:)) {
            lines.append("    " + style.red(style.safe(error.message)))
        }
        if let output = step.output, !output.isNull { lines.append("    " + style.safe(shown(output))) }
        return lines
    }

    /// The notes of the step, such as tool calls of an agent.
    private func notes(of step: StepRecord, in events: [RunEvent]) -> [String] {
        events.compactMap { event in
            guard case .stepNote(let place, let text) = event.kind, place.id == step.key.description else { return nil }
            return text
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
