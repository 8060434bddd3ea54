import RunnelEngine
import RunnelKit
import RunnelSupport

/// Shows a run as text on standard error, and its output on standard output.
actor TextReporter: RunObserver {
    private let style: TextStyle
    private let redactor: Redactor
    private var renderer: EventRenderer

    /// - Parameter note: Shown after the name of the pipeline, such as "simulated".
    init(style: TextStyle, printer: DiagnosticPrinter, redactor: Redactor, note: String?) {
        self.style = style
        self.redactor = redactor
        renderer = EventRenderer(to: Streams.error, style: style, printer: printer, note: note)
    }

    func report(_ event: RunEvent) { renderer.show(event) }

    func finish(_ result: RunResult) {
        renderer.finish()
        guard case .succeeded(let output) = result.outcome else { return }
        // On a terminal, an answer that was just streamed is not printed again.
        if style.isTerminal, Streams.output.isTerminal, case .string(let text) = output,
            !renderer.shownText.isEmpty, redactor.redact(text) == renderer.shownText
        {
            return
        }
        result.outcome.writeOutput(redactor: redactor)
    }
}
