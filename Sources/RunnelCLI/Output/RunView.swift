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
    /// The newest retry of the run.
    var retry: RunRecord?

    /// How much of a value is shown where the columns are not known.
    private static let shortValue = 160
    /// How many lines of a text are shown.
    private static let shortText = 10
    private static let shortNotes = 5
    /// What the trigger of a run says that is long, or shown elsewhere.
    private static let hiddenFacts: Set<String> = ["type", "name", "stem", "extension", "raw", "body"]

    func text(_ run: RunRecord, _ steps: [StepRecord], _ events: [RunEvent]) -> String {
        let state = RunTable(style: style).colored(run, run.stateText.padded(to: 9))
        var lines = ["\(style.bold(style.line(run.pipeline)))  \(state)  \(run.id)"]
        var fields: [(name: String, value: Value)] = []
        func field(_ name: String, _ text: String?) {
            if let text { fields.append((name, .string(text))) }
        }
        let trigger = run.trigger.asObject ?? [:]
        field("trigger", trigger["type"]?.asString)
        for (key, value) in trigger where !Self.hiddenFacts.contains(key) && value.isFact {
            fields.append(("  " + style.line(key), value))
        }
        if run.call != nil { field("  delivery", run.dedupeKey) }
        field("priority", run.priority == 0 ? nil : "\(run.priority)")
        field("accepted", LocalTime.text(run.createdAt))
        field("began", run.startedAt.map(LocalTime.text))
        field("ended", run.endedAt.map(LocalTime.text))
        field("took", run.took(now: WallClock.nanoseconds()).map(DurationText.measured))
        if run.interruptions > 0 {
            field("interrupted", run.interruptions == 1 ? "once" : "\(run.interruptions) times")
        }
        if run.state == .waiting { field("waits until", run.wakeAt.map(LocalTime.text)) }
        field("files on", run.host.map(style.line))
        if run.deaths > 0 {
            field(
                "died", "its process \(run.deaths == 1 ? "once" : "\(run.deaths) times") since a step or a round ended")
        }
        if run.isCancelRequested, !run.state.isFinal {
            field("cancel", run.finallyStage == .cancelled ? "requested, also of `finally`" : "requested")
        }
        field("retry of", run.retryOf)
        field("retried by", run.retriedBy.map { id in retry.map { "\(id)  \($0.stateText)" } ?? id })
        field("file now at", run.movedTo)
        if !run.inputs.isEmpty { fields.append(("inputs", .object(run.inputs))) }
        if !run.input.isNull { fields.append(("input", run.input)) }
        let longest = fields.map(\.name.count).max() ?? 0
        lines += fields.flatMap { name, value in
            row(name.padded(to: max(11, min(longest, 20))) + " ", value, indent: 2)
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
            let advice = "interrupted: `runnel runs resume \(run.id)` goes on with it, as does the next `runnel serve`"
            lines.append(TextWrap.wrap(advice, width: width, hanging: 2))
        }
        // The output of a step is shown with the step.
        if let output = run.output, !output.isNull, !steps.contains(where: { $0.output == output }) {
            lines.append("")
            if let text = TextOutput(output, isFull: isFull) {
                lines.append(style.dim("output"))
                lines += self.lines(text, column: Self.column(of: [text.facts]))
            } else {
                lines += row("output  ", output, indent: 0)
            }
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
        let id = style.line(step.key.description)
        var words: [String] = []
        if !step.uses.isEmpty { words.append(style.line(step.uses)) }
        if let startedAt = step.startedAt, let endedAt = step.endedAt {
            words.append(DurationText.measured(.nanoseconds(max(0, endedAt - startedAt))))
        }
        if step.attempt > 1 { words.append("attempt \(step.attempt)") }
        if step.state == .waiting, let retryAt = step.retryAt { words.append("again at \(LocalTime.text(retryAt))") }
        var line = "\(mark) \(id)" + words.map { " " + style.dim($0) }.joined()
        if let item {
            let columns = words.reduce(2 + id.count + "  item ".count) { $0 + 1 + $1.count }
            line += style.dim("  item ") + style.safe(shown(item, behind: columns))
        }
        var lines = [line]
        let with = step.with?.asObject ?? [:]
        let facts = ValueObject((step.attributes?.asObject ?? [:]).map { Self.fact($0.key, $0.value) })
        let output = step.output.flatMap { TextOutput($0, isFull: isFull, beside: facts) }
        let partial = self.partial(step, events)
        let soFar = partial.flatMap { TextOutput($0, isFull: isFull, beside: facts) }
        let column = Self.column(of: [with, facts, output?.facts ?? [:], soFar?.facts ?? [:]])
        for (key, value) in with { lines += detail(key, value, column: column) }
        for (key, value) in facts { lines += detail(key, value, column: column) }
        lines += notes(in: events)
        let attempts = failedAttempts(in: events)
        if step.attempt > 1, !attempts.isEmpty {
            for attempt in attempts { lines += errorLines(attempt.text, behind: "attempt \(attempt.number): ") }
        } else if let error = step.shownError.map(RunError.init(json:)) {
            lines += errorLines(error.message)
        }
        if let output {
            lines += self.lines(output, column: column)
        } else if let value = step.output, !value.isNull {
            lines += row("", value, indent: 4)
        }
        if let soFar {
            lines += self.lines(soFar, label: "so far", column: column)
        } else if let partial {
            lines += row("so far: ", partial, indent: 4)
        }
        return lines
    }

    /// A message of an error in red, or behind its name in red.
    private func errorLines(_ message: String, behind name: String = "") -> [String] {
        var lines = TextWrap.lines(style.safe(name + message), width: width, indent: 4)
        guard !name.isEmpty else { return lines.map { "    " + style.red(String($0.dropFirst(4))) } }
        lines[0] = "    " + style.red(name) + String(lines[0].dropFirst(4 + name.count))
        return lines
    }

    /// An output that holds a text, such as the answer of an agent or what stands in a file.
    private struct TextOutput {
        let text: String
        let label: String
        /// Its other members, by name.
        let facts: ValueObject

        /// nil for any other output.
        ///
        /// - Parameters:
        ///   - isFull: Whether lists and objects are shown too.
        ///   - known: What is left out because the step says the same.
        init?(_ output: Value, isFull: Bool, beside known: ValueObject = [:]) {
            guard let members = SecretSeal.masked(output).asObject, let text = members["text"],
                // What an agent asked before it had said anything.
                text.asString != nil || (text.isNull && members["question"] != nil)
            else { return nil }
            self.text = text.asString ?? ""
            label = members["finish_reason"] == nil ? "text" : "answer"
            var facts: ValueObject = [:]
            for (key, value) in members where key != "text" && !value.isNull && value != [] {
                let (name, fact) = RunView.fact(key, value)
                if known[name] != fact, isFull || value.isFact || key == "json" { facts[name] = fact }
            }
            self.facts = facts
        }
    }

    /// The facts and the text of an output.
    private func lines(_ output: TextOutput, label: String? = nil, column: Int) -> [String] {
        var lines: [String] = []
        for (key, value) in output.facts { lines += detail(key, value, column: column) }
        guard !output.text.isEmpty else { return lines }
        lines.append("    " + style.dim(label ?? output.label))
        let columns = width ?? (isFull ? nil : Self.shortValue)
        let text = TextWrap.lines(style.safe(output.text), width: columns, indent: 6)
        let count = isFull ? text.count : Self.shortText
        lines += text.prefix(count)
        guard text.count > count else { return lines }
        return lines + [style.dim("      … \(text.count - count) more lines; --full shows them")]
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

    /// How wide the names are.
    private static func column(of facts: [ValueObject]) -> Int {
        min(max(12, facts.flatMap(\.keys).map(\.terminalWidth).max() ?? 0), 24)
    }

    /// A setting or an attribute of a step.
    private func detail(_ key: String, _ value: Value, column: Int) -> [String] {
        row(style.line(key).padded(to: column) + " ", value, indent: 4)
    }

    /// A value behind its name: on one line, or a text in full with its further lines below the first.
    private func row(_ name: String, _ value: Value, indent: Int) -> [String] {
        let start = String(repeating: " ", count: indent) + (name.isEmpty ? "" : style.dim(name))
        let columns = indent + name.terminalWidth
        guard isFull, let text = SecretSeal.masked(value).asString else {
            return [start + style.safe(shown(value, behind: columns))]
        }
        let lines = TextWrap.lines(style.safe(text), width: width, indent: columns)
        return [start + String(lines[0].dropFirst(columns))] + lines.dropFirst()
    }

    /// The notes of a step, such as tool calls of an agent.
    private func notes(in events: [RunEvent]) -> [String] {
        let notes = events.compactMap { event in
            if case .stepNote(_, let text) = event.kind { text } else { nil }
        }
        let count = isFull ? notes.count : Self.shortNotes
        let lines = notes.prefix(count).map { style.dim("    · " + style.note(shown(.string($0), behind: 6))) }
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

    /// The value on the rest of a line; with `--full` all of it.
    private func shown(_ value: Value, behind columns: Int) -> String {
        let masked = SecretSeal.masked(value)
        let text = masked.asString ?? masked.json()
        let room = width.map { max(20, $0 - columns) } ?? Self.shortValue
        guard !isFull, text.count > room || text.contains("\n") else { return text }
        let line = text.split(whereSeparator: \.isNewline).joined(separator: " ⏎ ")
        return line.count > room ? String(line.prefix(room - 1)) + "…" : line
    }
}

extension String {
    /// Padded with trailing spaces to a width in terminal cells.
    func padded(to width: Int) -> String { self + String(repeating: " ", count: Swift.max(0, width - terminalWidth)) }
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
