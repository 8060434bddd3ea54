import ArgumentParser
import RunnelEngine
import RunnelKit
internal import RunnelSupport

/// `runnel logs`
struct LogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Print what happened in a run, with times.",
        discussion: HelpText.text(
            "Texts of steps appear in whole lines. Times are local; `--json` has them in UTC.",
            examples: [
                "runnel logs last": "The newest run.",
                "runnel logs last --follow": "Goes on until its end.",
                "runnel logs last --step answer": "Only one step.",
            ]))

    @OptionGroup var options: ProjectOptions
    @Argument(help: "The run: its id, an unambiguous prefix of it, or `last`.", completion: PipelineCompletion.runs)
    var run = "last"
    @Option(help: "Only what this step says.", completion: PipelineCompletion.steps) var step: String?
    @Flag(name: .shortAndLong, help: "Wait for further lines until the run ends.") var follow = false
    @Flag(help: "Print every event as a line of JSON.") var json = false

    func run() async throws {
        let journal = try options.journal(of: try options.project())
        let command = self
        let (_, isInterrupted) = try await withJournalErrors(closing: journal) {
            try await withInterrupt { try await command.show(journal) }
        }
        if isInterrupted { throw ExitStatus.interrupted }
    }

    private func show(_ journal: any Journal) async throws {
        var lines = RunLogLines()
        let stored = StoredEvents(journal: journal, run: try await journal.find(run))
        var steps: [String] = []
        var isFound = false
        _ = try await stored.follow(goesOn: follow) { id, event in
            if let step {
                guard let execution = event["step"]?.asString else { return }
                guard Self.names(execution, step) else {
                    let name = String(execution.prefix { $0 != "[" })
                    if !steps.contains(name) { steps.append(name) }
                    return
                }
                isFound = true
            }
            guard !json, let event = RunEvent(json: event, runID: id) else {
                return Streams.output.write(json: event)
            }
            write(lines.lines(of: event))
        }
        write(lines.rest())
        guard let step, !isFound, !Task.isCancelled else { return }
        let hint =
            Suggestion.hint(for: step, among: steps)
            ?? (steps.isEmpty ? nil : "it has events of \(steps.joined(separator: ", "))")
        throw ExitStatus.usage.reporting("the run \(stored.run.id) has no event of a step \"\(step)\"", hint: hint)
    }

    /// Whether an execution belongs to the step: those of `for_each` have a number behind its id.
    private static func names(_ execution: String, _ step: String) -> Bool {
        execution == step || execution.hasPrefix(step + "[")
    }

    private func write(_ lines: [RunLogLines.Line]) {
        for line in lines {
            Streams.output.write(styled: line.shown(.standardOutput, width: Streams.output.width))
        }
    }
}

/// Turns the events of a run into lines.
struct RunLogLines {
    struct Line: Hashable {
        /// Nanoseconds since 1970.
        var time: Int64
        /// nil for the run itself.
        var step: String?
        var text: String
        var isProblem = false

        /// The line as it is printed.
        ///
        /// - Parameter width: The columns of the terminal; nil: it is not wrapped.
        func shown(_ style: TextStyle, width: Int?) -> String {
            let when = LocalTime.column(time, isOnTerminal: width != nil)
            let place = step.map { style.line($0) + "  " } ?? ""
            let indent = when.count + 2 + place.count
            let words = TextWrap.lines(style.line(text), width: width, indent: indent).joined(separator: "\n")
                .dropFirst(indent)
            return "\(style.dim(when))  \(place)\(isProblem ? style.red(String(words)) : String(words))\n"
        }
    }

    /// The beginning of a line by step, with the time of its first piece.
    private var open: [String: (time: Int64, text: String)] = [:]
    private var hasBegun = false
    /// A longer line is cut into several. In characters.
    private static let longestLine = 4096

    mutating func lines(of event: RunEvent) -> [Line] {
        func line(_ step: String?, _ text: String, isProblem: Bool = false) -> Line {
            Line(time: event.time, step: step, text: text, isProblem: isProblem)
        }
        switch event.kind {
        case .runStarted where hasBegun: return rest() + [line(nil, EventWords.wentOn)]
        case .runStarted(let pipeline, _):
            hasBegun = true
            return [line(nil, "run \(event.runID) of \(pipeline) began")]
        case .stepStarted(let place, let attempt):
            return end(place.id) + [
                line(place.id, attempt > 1 ? "\(EventWords.attempt(attempt)) began" : "\(place.uses) began")
            ]
        case .stepText(let place, let text): return add(text, to: place.id, event.time)
        case .stepNote(let place, let text): return [line(place.id, text)]
        case .stepSkipped(let place): return [line(place.id, EventWords.skipped)]
        case .stepSucceeded(let place, _, let took):
            return end(place.id) + [line(place.id, "succeeded after \(Self.text(took))")]
        case .stepFailed(let place, let error, let took, let retryIn):
            let again = retryIn.map { "; \(EventWords.tryingAgain(in: $0))" } ?? ""
            return end(place.id) + [
                line(
                    place.id, "\(EventWords.failed) after \(Self.text(took)): \(EventWords.error(error))\(again)",
                    isProblem: true)
            ]
        case .stepHeld(let place, _, _): return [line(place.id, "not run: this is a dry run")]
        case .stepCancelled(let place, let took):
            return end(place.id) + [line(place.id, EventWords.stopped(after: took))]
        case .runFinished(let outcome, let took):
            switch outcome {
            case .succeeded: return rest() + [line(nil, "succeeded after \(Self.text(took))")]
            case .cancelled: return rest() + [line(nil, "\(EventWords.cancelled) after \(Self.text(took))")]
            case .failed(let error):
                return rest() + [
                    line(
                        nil, "\(EventWords.failed) after \(Self.text(took)): \(EventWords.error(error))",
                        isProblem: true)
                ]
            }
        }
    }

    /// The lines that have not ended.
    mutating func rest() -> [Line] { open.keys.sorted().flatMap { end($0) } }

    private mutating func add(_ text: String, to step: String, _ time: Int64) -> [Line] {
        var pieces = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let last = pieces.removeLast()
        var lines: [Line] = []
        for piece in pieces {
            let begun = open.removeValue(forKey: step)
            lines.append(Line(time: begun?.time ?? time, step: step, text: (begun?.text ?? "") + piece))
        }
        guard !last.isEmpty else { return lines }
        open[step, default: (time, "")].text += last
        if let begun = open[step], begun.text.count >= Self.longestLine { lines += end(step) }
        return lines
    }

    private mutating func end(_ step: String) -> [Line] {
        open.removeValue(forKey: step).map { [Line(time: $0.time, step: step, text: $0.text)] } ?? []
    }

    private static func text(_ duration: Duration) -> String {
        DurationText.measured(duration)
    }
}
