import RunnelEngine
import RunnelKit
import RunnelSupport

/// Shows a run as text on standard error, and its output on standard output.
actor TextReporter: RunObserver {
    private let style: TextStyle
    private let redactor: Redactor
    private var renderer: EventRenderer
    private var inputHint: InputHint?

    private let isQuiet: Bool

    /// - Parameters:
    ///   - note: Shown after the name of the pipeline, such as "simulated".
    ///   - isQuiet: Whether only the failure of the run is shown.
    ///   - lacksInput: Whether the run was started on the command line without an input.
    init(
        style: TextStyle, printer: DiagnosticPrinter, redactor: Redactor, note: String?, isQuiet: Bool = false,
        lacksInput: Bool = false
    ) {
        self.isQuiet = isQuiet
        inputHint = lacksInput ? InputHint() : nil
        self.style = style
        self.redactor = redactor
        renderer = EventRenderer(to: Streams.error, style: style, printer: printer, note: note)
    }

    func report(_ event: RunEvent) {
        let event = inputHint?.replaced(in: event) ?? event
        guard isQuiet else { return renderer.show(event) }
        switch event.kind {
        case .stepHeld, .runFinished(.failed, _), .runFinished(.cancelled, _): renderer.show(event)
        default: break
        }
    }

    /// Redraws the line that says what is going on.
    fileprivate func drawLiveLine(width: Int) {
        LiveLine.draw(renderer.liveLine(now: WallClock.nanoseconds(), width: width))
    }

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

/// Says how to give the input that a run started on the command line does not have, instead of how to do without it.
private struct InputHint {
    private static let text = "give it with `--input-file FILE`, or `-` for standard input"
    /// Whether `input` is the output of a step by now.
    private var hasOutput = false

    mutating func replaced(in event: RunEvent) -> RunEvent {
        var event = event
        switch event.kind {
        case .stepSucceeded: hasOutput = true
        case .stepFailed(let place, let error, let took, let retryIn):
            event.kind = .stepFailed(place, replaced(in: error), took: took, retryIn: retryIn)
        case .runFinished(.failed(let error), let took):
            event.kind = .runFinished(.failed(replaced(in: error)), took: took)
        default: break
        }
        return event
    }

    private func replaced(in error: RunError) -> RunError {
        guard !hasOutput else { return error }
        var error = error
        let message = error.message
        let isAboutInput = ["`input`", "`input.", "`input[", "`input "].contains { message.contains($0) }
        if isAboutInput, message.contains("null") {
            error.hint = Self.text
        } else if error.code == "empty-prompt" {
            error.hint = "give `prompt`, or an input with `--input-file FILE`, or `-` for standard input"
        }
        return error
    }
}

/// Runs `body` while the running step is shown at the bottom of the terminal, if the observer shows the run there.
func withLiveLine<Result: Sendable>(
    _ observer: any RunObserver, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    guard let reporter = observer as? TextReporter, LiveLine.width != nil else { return try await body() }
    return try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            while !Task.isCancelled {
                // The width may change.
                if let width = LiveLine.width { await reporter.drawLiveLine(width: width) }
                try? await ContinuousClock().sleep(for: .milliseconds(200))
            }
            return nil
        }
        defer {
            group.cancelAll()
            LiveLine.draw(nil)
        }
        while let next = try await group.next() {
            if let result = next { return result }
        }
        throw CancellationError()
    }
}

/// Writes each event as one line of JSON on standard output.
struct JSONReporter: RunObserver {
    func report(_ event: RunEvent) {
        Streams.output.write(json: event.json)
    }

    func finish(_ result: RunResult) {}
}

extension RunOutcome {
    /// Writes the run's output to standard output, redacted.
    func writeOutput(redactor: Redactor) {
        guard case .succeeded(let output) = self else { return }
        switch redactor.redact(output) {
        case .null: break
        case .bytes(let bytes): Streams.output.write(product: bytes)
        case .string(let text): Streams.output.write(product: (text.hasSuffix("\n") ? text : text + "\n").utf8)
        case let value: Streams.output.write(json: value, isPretty: true)
        }
    }
}
