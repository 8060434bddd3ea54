import RunnelEngine
import RunnelKit
import RunnelSupport
import YAML

/// The details of a run as text.
struct RunView {
    let style: TextStyle
    /// Whether outputs are shown in full.
    let isFull: Bool
    /// The columns of the terminal; nil elsewhere.
    var width: Int?

    /// What of a value is shown: on a terminal one line, with room for the mark of what was cut.
    private var shortOutput: Int { max(40, (width ?? 166) - 6) }
    private static let shortNotes = 5
    /// What the trigger of a run says that is long, or shown elsewhere.
    private static let hiddenFacts: Set<String> = ["type", "name", "stem", "extension", "raw", "body"]

    func text(_ run: RunRecord, _ steps: [StepRecord], _ events: [RunEvent]) -> String {
        var lines = ["\(style.bold(style.line(run.pipeline)))  \(RunTable(style: style).colored(run))  \(run.id)"]
        var fields: [(name: String, value: String)] = []
        func field(_ name: String, _ value: String?) {
            if let value { fields.append((name, value)) }
        }
        let trigger = run.trigger.asObject ?? [:]
        field("trigger", trigger["type"]?.asString)
        for (key, value) in trigger where !Self.hiddenFacts.contains(key) && value.isFact {
            field("  " + style.line(key), shown(value))
        }
        if run.call != nil { field("  delivery", run.dedupeKey.map { shown(.string($0)) }) }
        field("priority", run.priority == 0 ? nil : "\(run.priority)")
        field("accepted", LocalTime.text(run.createdAt))
        field("began", run.startedAt.map(LocalTime.text))
        field("ended", run.endedAt.map(LocalTime.text))
        field("took", run.took.map(DurationText.measured))
        if run.interruptions > 0 {
            field("interrupted", run.interruptions == 1 ? "once" : "\(run.interruptions) times")
        }
        if run.state == .waiting { field("waits until", run.wakeAt.map(LocalTime.text)) }
        field("files on", run.host.map(style.line))
        if run.deaths > 0 {
            field("died", "its process \(run.deaths == 1 ? "once" : "\(run.deaths) times") since a step ended")
        }
        if run.isCancelRequested, !run.state.isFinal { field("cancel", "asked for") }
        field("retry of", run.retryOf)
        field("file now at", run.movedTo)
        if !run.inputs.isEmpty { field("inputs", shown(.object(run.inputs))) }
        if !run.input.isNull { field("input", shown(run.input)) }
        let longest = fields.map(\.name.count).max() ?? 0
        lines += fields.map { name, value in
            "  " + style.dim(name.padded(to: max(11, min(longest, 20))) + " ") + style.safe(value)
        }
        if !steps.isEmpty { lines.append("") }
        for step in steps {
            lines += self.lines(step, item: item(of: step, in: steps), events.filter { $0.concerns(step.key) })
        }
        if let error = run.error.map(RunError.init(json:)) {
            lines.append("")
            let message = TextWrap.wrap("failed: " + style.safe(error.message), width: width, hanging: 4)
            lines.append(style.red("failed:") + message.dropFirst("failed:".count))
            if let hint = error.hint {
                lines.append(TextWrap.wrap("= " + style.safe(hint), width: width, indent: 2, hanging: 2))
            }
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

    private func lines(_ step: StepRecord, item: Value?, _ events: [RunEvent]) -> [String] {
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
            line += " " + style.dim(DurationText.measured(.nanoseconds(max(0, endedAt - startedAt))))
        }
        if step.attempt > 1 { line += style.dim(" attempt \(step.attempt)") }
        if step.state == .waiting, let retryAt = step.retryAt {
            line += style.dim(" again at \(LocalTime.text(retryAt))")
        }
        if let item { line += style.dim("  item ") + style.safe(shown(item)) }
        var lines = [line]
        let facts = ValueObject((step.attributes?.asObject ?? [:]).map { Self.fact($0.key, $0.value) })
        lines += details(step.with?.asObject ?? [:], facts)
        lines += notes(in: events)
        let attempts = failedAttempts(in: events)
        if step.attempt > 1, !attempts.isEmpty {
            lines += attempts.map { "    " + style.red("attempt \($0.number): ") + style.note($0.text) }
        } else if let error = step.error.map(RunError.init(json:)) {
            lines.append("    " + style.red(style.note(error.message)))
        }
        if let output = step.output, !output.isNull { lines.append("    " + style.safe(shown(output))) }
        if let partial = partial(step, events) {
            lines.append("    " + style.dim("so far: ") + style.safe(shown(partial)))
        }
        return lines
    }

    /// What a step had produced that did not succeed: what its error keeps, or the text that it has streamed.
    private func partial(_ step: StepRecord, _ events: [RunEvent]) -> Value? {
        guard step.state != .succeeded, step.state != .skipped else { return nil }
        if let kept = step.error.flatMap({ RunError(json: $0).partialOutput }), !kept.isNull { return kept }
        let text = events.reduce(into: "") { text, event in
            switch event.kind {
            case .stepStarted: text = ""
            case .stepText(_, let piece): text += piece
            default: break
            }
        }
        return text.isEmpty ? nil : .string(text)
    }

    /// An attribute for people: `time_to_first_token_ms: 45` is `time to first token  45 ms`.
    private static func fact(_ key: String, _ value: Value) -> (String, Value) {
        let name = key.replacing("_", with: " ")
        guard name.hasSuffix(" ms"), let milliseconds = value.asInt else { return (name, value) }
        return (String(name.dropLast(3)), .string(DurationText.measured(.milliseconds(milliseconds))))
    }

    /// The step's settings and attributes, one line for each key.
    private func details(_ with: ValueObject, _ facts: ValueObject) -> [String] {
        let longest = (Array(with.keys) + Array(facts.keys)).map(\.count).max() ?? 0
        return [with, facts].flatMap { object in
            object.map { key, value in
                let name = style.line(key).padded(to: min(max(12, longest), 24)) + " "
                let text = style.safe(shown(value))
                let room = width.map { max(20, $0 - 4 - name.count) }
                let line = room.map { !isFull && text.count > $0 ? text.prefix($0 - 1) + "…" : text } ?? text
                return "    " + style.dim(name) + line
            }
        }
    }

    /// The notes of a step, such as tool calls of an agent.
    private func notes(in events: [RunEvent]) -> [String] {
        let notes = events.compactMap { event in
            if case .stepNote(_, let text) = event.kind { text } else { nil }
        }
        let count = isFull ? notes.count : Self.shortNotes
        let lines = notes.prefix(count).map { style.dim("    · " + style.note(shown(.string($0)))) }
        guard notes.count > count else { return lines }
        return lines + [style.dim("    · … \(notes.count - count) more; --full shows them")]
    }

    /// The attempts of a step that failed, with the reasons.
    private func failedAttempts(in events: [RunEvent]) -> [(number: Int, text: String)] {
        var number = 1
        var failed: [(Int, String)] = []
        for event in events {
            switch event.kind {
            case .stepStarted(_, let attempt): number = attempt
            case .stepFailed(_, let error, let took, _):
                failed.append((number, "\(error.message) (\(DurationText.measured(took)))"))
            default: break
            }
        }
        return failed
    }

    /// The item that an execution inside a `for_each` is for.
    private func item(of step: StepRecord, in steps: [StepRecord]) -> Value? {
        guard let index = step.key.items.last else { return nil }
        let outer = Array(step.key.items.dropLast())
        let lists = steps.filter { $0.items != nil && $0.key.items == outer }
        // The step itself, or the group that it is in.
        let list = lists.first { $0.key.step == step.key.step } ?? (lists.count == 1 ? lists[0] : nil)
        return list?.items?[index]
    }

    private func shown(_ value: Value) -> String {
        let masked = SecretSeal.masked(value)
        let text = masked.asString ?? masked.json()
        guard !isFull, text.count > shortOutput || text.contains("\n") else { return text }
        let line = text.split(whereSeparator: \.isNewline).joined(separator: " ⏎ ")
        return line.count > shortOutput ? String(line.prefix(shortOutput)) + "…" : line
    }
}

extension String {
    func padded(to width: Int) -> String {
        count >= width ? self : self + String(repeating: " ", count: width - count)
    }
}

extension Value {
    /// Whether it is worth a line: neither empty nor a list or an object.
    fileprivate var isFact: Bool { !isNull && self != "" && asObject == nil && asList == nil }
}

extension RunEvent {
    /// Whether it is about this execution of a step.
    fileprivate func concerns(_ key: ExecutionKey) -> Bool {
        switch kind {
        case .stepStarted(let place, _), .stepText(let place, _), .stepNote(let place, _), .stepSkipped(let place),
            .stepSucceeded(let place, _, _), .stepFailed(let place, _, _, _), .stepHeld(let place, _, _),
            .stepCancelled(let place, _):
            place.id == key.description
        case .runStarted, .runFinished: false
        }
    }
}
