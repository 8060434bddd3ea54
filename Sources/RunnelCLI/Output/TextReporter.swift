import RunnelEngine
import RunnelKit
import RunnelSupport
import YAML

/// Shows a run as text on standard error: for a terminal with colours and the tokens as they come, otherwise as plain
/// lines.
actor TextReporter: RunReporter {
    private let style: TextStyle
    private let printer: DiagnosticPrinter
    private let redactor: Redactor
    private let note: String?
    private var isInText = false
    private var endsWithNewline = true
    /// The text that was streamed last: it need not be shown twice.
    private var shownText = ""
    private var shownStep: String?

    /// - Parameter note: Stands behind the name of the pipeline, such as "simulated".
    init(style: TextStyle, printer: DiagnosticPrinter, redactor: Redactor, note: String?) {
        self.style = style
        self.printer = printer
        self.redactor = redactor
        self.note = note
    }

    func report(_ event: RunEvent) {
        switch event.kind {
        case .runStarted(let pipeline, _):
            let suffix = note.map { " (\($0))" } ?? ""
            line("\(style.bold(style.line(pipeline)))\(style.dim("\(suffix)  run \(event.runID)"))")
        case .stepStarted(let place, let attempt):
            if shownStep == place.id { shownStep = nil }
            if attempt > 1 { line("\(style.dim("↻")) \(name(place)) attempt \(attempt)") }
        case .stepText(let place, let text): show(text, of: place)
        case .stepNote(let place, let text): line(style.dim("  · \(style.line(place.id)): \(style.note(text))"))
        case .stepSkipped(let place): line("\(style.dim("○")) \(name(place)) \(style.dim("skipped"))")
        case .stepSucceeded(let place, _, let took):
            line("\(style.green("✓")) \(name(place)) \(style.dim(readable(took)))")
        case .stepFailed(let place, let error, let took, let retryIn):
            line("\(style.red("✗")) \(name(place)) \(style.dim(readable(took)))")
            if let retryIn {
                line("  \(style.safe(error.message)); trying again in \(readable(retryIn))")
            }
        case .stepHeld(let place, let with, let input):
            line("\(style.bold("would run")) \(name(place))")
            line(style.safe(ReadableValue.text(.object(with), indent: 2)))
            if !input.isNull, !ReadableValue.holds(with, input) {
                line(style.dim("  with the input"))
                line(style.safe(ReadableValue.text(input, indent: 4)))
            }
            line("\(style.green("dry run")) ended before it: it costs or changes something")
        case .stepCancelled(let place, let took):
            line("\(style.dim("■")) \(name(place)) \(style.dim("stopped after \(readable(took))"))")
        case .runFinished(let outcome, let took): finished(outcome, took)
        }
    }

    func finish(_ result: RunResult) {
        endText()
        guard case .succeeded(let output) = result.outcome else { return }
        // On a terminal, an answer that has just been read there is not printed once more.
        if style.isTerminal, Streams.output.isTerminal, case .string(let text) = output,
            !shownText.isEmpty, redactor.redact(text) == shownText
        {
            return
        }
        result.outcome.writeOutput(redactor: redactor)
    }

    private func finished(_ outcome: RunOutcome, _ took: Duration) {
        switch outcome {
        case .succeeded: line("\(style.green("done")) in \(readable(took))")
        case .cancelled: line(style.red("cancelled"))
        case .failed(let error):
            line("\(style.red("failed")) after \(readable(took))")
            if let diagnostic = error.diagnostic {
                line(style.safe(printer.text(diagnostic)))
            } else {
                line(style.safe("error: \(error.message) [\(error.code)]"))
                if let hint = error.hint { line(style.safe("  = \(hint)")) }
            }
            let kept = error.partialOutput
            if let text = kept?.asString ?? kept?["text"]?.asString, !text.isEmpty, !style.isTerminal {
                line(style.safe("  the text so far: \(text)"))
            }
        }
    }

    private func name(_ place: RunEvent.StepPlace) -> String {
        place.id == place.uses.replacing(".", with: "-")
            ? style.line(place.uses) : "\(style.line(place.id)) \(style.dim(style.line(place.uses)))"
    }

    /// The tokens of a step, as they come.
    private func show(_ text: String, of place: RunEvent.StepPlace) {
        if shownStep != place.id { shownText = "" }
        shownStep = place.id
        shownText += text
        if !isInText {
            isInText = true
            Streams.error.write(styled: "\(style.dim("▸")) \(name(place))\n")
        }
        Streams.error.write(text)
        endsWithNewline = text.hasSuffix("\n")
    }

    private func line(_ text: String) {
        endText()
        Streams.error.write(styled: text + "\n")
    }

    private func endText() {
        if isInText, !endsWithNewline { Streams.error.write("\n") }
        isInText = false
        endsWithNewline = true
    }
}
