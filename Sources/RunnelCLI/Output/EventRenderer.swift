import RunnelEngine
import RunnelKit
import RunnelSupport

/// Shows what happens in a run: for a terminal with colours and the text of steps as it comes, otherwise as plain lines.
///
/// The text of one step is shown as it comes. When several steps run at the same time, each text is shown in whole lines
/// with the step's id in front.
struct EventRenderer {
    let stream: OutputStream
    let style: TextStyle
    let printer: DiagnosticPrinter
    /// Stands behind the name of the pipeline, such as "simulated".
    let note: String?

    /// The text of a step that was shown last: it need not be shown twice.
    private(set) var shownText = ""
    private var shownStep: String?
    /// The run whose beginning was shown.
    private var begun: String?
    private var isInText = false
    private var endsWithNewline = true
    /// Steps whose text is not over, with the beginning of a line that is not shown yet.
    private var openLines: [String: String] = [:]

    /// The steps that are running, or wait for their next attempt, in the order of their start.
    private var running: [(place: RunEvent.StepPlace, since: Int64, attempt: Int, againAt: Int64?)] = []

    /// The error of the last step. Shown before the next event, unless that ends the run with the same error.
    private var failure: RunError?

    /// A longer line is shown in pieces. In characters.
    private static let longestLine = 4096

    init(
        to stream: OutputStream, style: TextStyle, printer: DiagnosticPrinter = DiagnosticPrinter(sources: []),
        note: String? = nil
    ) {
        self.stream = stream
        self.style = style
        self.printer = printer
        self.note = note
    }

    mutating func show(_ event: RunEvent) {
        track(event)
        showFailure(before: event)
        switch event.kind {
        case .runStarted where begun == event.runID:
            for step in openLines.keys.sorted() { endLine(of: step) }
            line(style.dim(EventWords.wentOn))
        case .runStarted(let pipeline, _):
            begun = event.runID
            let suffix = note.map { " (\($0))" } ?? ""
            line("\(style.bold(style.line(pipeline)))\(style.dim("\(suffix)  run \(event.runID)"))")
        case .stepStarted(let place, let attempt):
            endLine(of: place.id)
            if shownStep == place.id { shownStep = nil }
            if attempt > 1 { line("\(style.dim("↻")) \(name(place)) \(EventWords.attempt(attempt))") }
        case .stepText(let place, let text): show(text, of: place)
        case .stepNote(let place, let text): line(style.dim("  · \(style.line(place.id)): \(style.note(text))"))
        case .stepSkipped(let place): line("\(style.dim("○")) \(name(place)) \(style.dim(EventWords.skipped))")
        case .stepSucceeded(let place, _, let took):
            endLine(of: place.id)
            line("\(style.green("✓")) \(name(place)) \(style.dim(DurationText.measured(took)))")
        case .stepFailed(let place, let error, let took, let retryIn):
            endLine(of: place.id)
            line("\(style.red("✗")) \(name(place)) \(style.dim(DurationText.measured(took)))")
            if let retryIn {
                line("  \(style.safe(error.message.firstLine)); \(EventWords.tryingAgain(in: retryIn))")
            } else {
                failure = error
                // Other steps are running, so the next event is not the run's end.
                if !running.isEmpty { showFailure(before: nil) }
            }
        case .stepHeld(let place, let with, let input):
            line("\(style.bold("would run")) \(name(place))")
            line(style.safe(ReadableValue.text(.object(with), indent: 2)))
            if !input.isNull, !ReadableValue.holds(with, input) {
                line(style.dim("  with the input"))
                line(style.safe(ReadableValue.text(input, indent: 4)))
            }
            line("\(style.green("dry run")) stopped before this step, which costs or changes something,")
            line("  or uses a secret that a command fetches")
        case .stepCancelled(let place, let took):
            let partial = openLines[place.id] == nil ? "" : "; its text is partial"
            endLine(of: place.id)
            line(
                "\(style.dim("■")) \(name(place)) \(style.dim(EventWords.stopped(after: took) + partial))"
            )
        case .runFinished(let outcome, let took): finished(outcome, took)
        }
    }

    /// Shows why the last step failed, unless the event ends the run with the same error, which is shown in full.
    private mutating func showFailure(before event: RunEvent?) {
        guard let error = failure else { return }
        failure = nil
        if case .runFinished(.failed(let end), _)? = event?.kind, end.message == error.message { return }
        line("  \(style.note(error.message))")
    }

    /// What is going on, on one line: the running step and for how long; nil where nothing is.
    ///
    /// - Parameters:
    ///   - now: Nanoseconds since 1970.
    ///   - width: The columns of the terminal.
    func liveLine(now: Int64, width: Int) -> String? {
        guard let first = running.first else { return nil }
        let elapsed = DurationText.measured(.nanoseconds(max(0, now - first.since)))
        var facts = [elapsed]
        if let againAt = first.againAt {
            facts = ["again in \(DurationText.measured(.nanoseconds(max(0, againAt - now))))"]
        }
        if first.attempt > 1 { facts.insert(EventWords.attempt(first.attempt), at: 0) }
        if running.count > 1 { facts.append("and \(running.count - 1) more") }
        let mark = first.againAt == nil ? "▸" : "↻"
        let tail = "  " + facts.joined(separator: "  ")
        let label = style.line(
            first.place.isNamedAfterType ? first.place.uses : "\(first.place.id) \(first.place.uses)")
        // One column stays free: some terminals wrap behind the last one.
        let room = max(0, width - 3 - tail.count)
        return style.dim("\(mark) \(label.clipped(toTerminalWidth: room))\(tail)")
    }

    private mutating func track(_ event: RunEvent) {
        func end(_ place: RunEvent.StepPlace) { running.removeAll { $0.place == place } }
        switch event.kind {
        case .stepStarted(let place, let attempt):
            end(place)
            running.append((place, event.time, attempt, nil))
        case .stepFailed(let place, _, _, let retryIn?):
            guard let index = running.firstIndex(where: { $0.place == place }) else { break }
            running[index].attempt += 1
            let (time, isTooLate) = event.time.addingReportingOverflow(retryIn.nanoseconds)
            running[index].againAt = isTooLate ? .max : time
        case .stepSucceeded(let place, _, _), .stepFailed(let place, _, _, nil), .stepCancelled(let place, _),
            .stepHeld(let place, _, _):
            end(place)
        // What was interrupted starts again; what waits goes on waiting.
        case .runStarted: running.removeAll { $0.againAt == nil }
        case .runFinished: running = []
        case .stepText, .stepNote, .stepSkipped: break
        }
    }

    /// Shows a pending error, and ends an unfinished line of text.
    mutating func finish() {
        showFailure(before: nil)
        if isInText, !endsWithNewline { stream.write("\n") }
        isInText = false
        endsWithNewline = true
    }

    /// One line of progress for the event; nil for an event that is not progress.
    static func progress(_ event: RunEvent) -> String? {
        switch event.kind {
        case .stepStarted(let place, let attempt):
            attempt > 1 ? "\(place.id): \(EventWords.attempt(attempt))" : place.id
        case .stepNote(let place, let text), .stepText(let place, let text): "\(place.id): \(text)"
        case .stepFailed(let place, let error, _, _): "\(place.id) failed: \(error.message)"
        case .runStarted, .stepSkipped, .stepSucceeded, .stepHeld, .stepCancelled, .runFinished: nil
        }
    }

    private mutating func finished(_ outcome: RunOutcome, _ took: Duration) {
        switch outcome {
        case .succeeded: line(style.green("done") + " in \(DurationText.measured(took))")
        case .cancelled: line(style.red(EventWords.cancelled))
        case .failed(let error):
            line(style.red(EventWords.failed) + " after \(DurationText.measured(took))")
            if let diagnostic = error.diagnostic {
                line(TextWrap.messages(style.safe(printer.text(diagnostic)), width: stream.width))
            } else {
                let hint = error.hint.map { "\n  = \($0)" } ?? ""
                let text = style.safe("error: \(EventWords.error(error))\(hint)")
                line(TextWrap.messages(text, width: stream.width))
            }
            let kept = error.partialOutput
            if let text = kept?.asString ?? kept?["text"]?.asString, !text.isEmpty, !style.isTerminal {
                line(style.safe("  the text so far: \(text)"))
            }
        }
    }

    private func name(_ place: RunEvent.StepPlace) -> String {
        place.isNamedAfterType
            ? style.line(place.uses) : "\(style.line(place.id)) \(style.dim(style.line(place.uses)))"
    }

    /// Shows streamed tokens of a step.
    private mutating func show(_ text: String, of place: RunEvent.StepPlace) {
        let rest = openLines.updateValue("", forKey: place.id) ?? ""
        // One that began alone goes on as it is until another has a text.
        let isAlone = running.count < 2 || isInText && shownStep == place.id
        guard openLines.count == 1, rest.isEmpty, isAlone else { return showLines(rest + text, of: place) }
        if shownStep != place.id { shownText = "" }
        shownStep = place.id
        shownText += text
        if !isInText {
            isInText = true
            stream.write(styled: "\(style.dim("▸")) \(name(place))\n")
        }
        stream.write(text)
        endsWithNewline = text.hasSuffix("\n")
    }

    /// What is whole of a text, beside others.
    private mutating func showLines(_ text: String, of place: RunEvent.StepPlace) {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var rest = lines.removeLast()
        if rest.count > Self.longestLine {
            lines.append(rest)
            rest = ""
        }
        for text in lines { line("\(style.dim("\(style.line(place.id)) │")) \(style.safe(text))") }
        openLines[place.id] = rest
        // Parts of other texts were shown between: the answer has not been read in one piece.
        (shownStep, shownText) = (nil, "")
    }

    private mutating func endLine(of step: String) {
        guard let rest = openLines.removeValue(forKey: step), !rest.isEmpty else { return }
        line("\(style.dim("\(style.line(step)) │")) \(style.safe(rest))")
    }

    private mutating func line(_ text: String) {
        finish()
        stream.write(styled: text + "\n")
    }
}

/// What happens in a run, in words; on the terminal and in what `runnel logs` prints.
enum EventWords {
    static let skipped = "skipped"
    static let cancelled = "cancelled"
    static let failed = "failed"
    /// After an interruption or a wait.
    static let wentOn = "the run went on"

    static func attempt(_ number: Int) -> String { "attempt \(number)" }
    static func stopped(after took: Duration) -> String { "stopped after \(DurationText.measured(took))" }
    static func tryingAgain(in pause: Duration) -> String { "trying again in \(DurationText.measured(pause))" }
    static func error(_ error: RunError) -> String { "\(error.message) [\(error.code)]" }
}

extension RunEvent.StepPlace {
    /// Whether the id says no more than the type of the step.
    fileprivate var isNamedAfterType: Bool { id == uses.replacing(".", with: "-") }
}
