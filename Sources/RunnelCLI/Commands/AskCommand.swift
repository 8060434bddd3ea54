import ArgumentParser
import JSONSchema
import LibC
import RunnelEngine
import RunnelKit
internal import RunnelSupport

/// `runnel ask`
struct AskCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ask", abstract: "Ask an agent one question.",
        discussion: HelpText.text(
            """
            What standard input brings, from a pipe or a file, comes before the question. The answer goes to standard \
            output as it comes, everything else to standard error. The question is a run of the pipeline `ask`, which \
            `runnel runs` shows.
            """,
            "Exit status: 0 an answer, 1 none, 2 usage or configuration, 130 interrupted.",
            examples: [
                "runnel ask \"What is a webhook?\"": "The answer, as it comes.",
                "cat notes.txt | runnel ask \"Sum it up.\"": "A question about a text.",
                "runnel ask --conversation trip \"And by train?\"": "Goes on where the last question ended.",
            ]))

    @Argument(help: ArgumentHelp("The question.", valueName: "text")) var words: [String] = []

    @Option(help: "The agent that answers, when it is not the configured one.") var agent: String?

    @Option(help: "The model, when it is not the configured one.") var model: String?

    @Option(help: "What the agent is told beforehand.") var system: String?

    @Option(
        help: ArgumentHelp("A JSON schema that the answer has to fit: a file, or JSON.", valueName: "file"),
        completion: .file())
    var schema: String?

    @Option(help: ArgumentHelp("Go on with the conversation of this key, or begin it.", valueName: "key"))
    var conversation: String?

    @Flag(help: "Print the whole answer as a JSON object instead of its text.") var json = false

    @Flag(help: "Use an embedded simulator instead of the Marketplace.") var simulate = false

    @Flag(
        help:
            "Do not record the question: no conversation is kept, `runnel usage` does not count it. Refused under a budget."
    )
    var noJournal = false

    @OptionGroup var options: ProjectOptions

    func validate() throws {
        if noJournal, conversation != nil {
            throw ValidationError("--conversation needs the journal, which --no-journal leaves out")
        }
    }

    func run() async throws {
        let project = try options.project(runsCommands: true)
        let question = try question()
        let given = try given()
        let loader = try await project.loader(startsServers: true, simulates: simulate)
        let (pipeline, report) = loader.load(Array(Self.pipeline(given).utf8), file: "ask")
        guard let pipeline else {
            // The pipeline is made here: its lines are none of the person's.
            for problem in report.diagnostics where problem.severity == .error {
                Streams.error.write(problem: "\(problem.message) [\(problem.code)]", hint: problem.hint)
            }
            throw ExitStatus.usage
        }
        let request = RunRequest(
            id: UUIDv7.make(nanoseconds: WallClock.nanoseconds()), inputs: given, input: .string(question))
        let command = self
        try await withSimulator(when: simulate) { simulator in
            try await command.ask(pipeline, request, project, loader, simulator: simulator)
        }
    }

    // MARK: The question

    private func question() throws -> String {
        do {
            let text = words.joined(separator: " ")
            let question = [try Self.piped(), text].filter { !$0.allSatisfy(\.isWhitespace) }.joined(separator: "\n\n")
            guard !question.isEmpty else {
                throw FileReading.Failure(message: "there is no question\n  = runnel ask \"…\", or pipe a text into it")
            }
            return question
        } catch let error as FileReading.Failure {
            throw ExitStatus.usage.reporting(error.message)
        }
    }

    private static func piped() throws(FileReading.Failure) -> String {
        guard FileReading.isGiven(STDIN_FILENO) else { return "" }
        let bytes = try FileReading.standardInput()
        do throws(TextEncoding.Failure) { return try TextEncoding.utf8.text(of: bytes) } catch {
            throw FileReading.Failure(message: "standard input \(error.message)\n  = convert it to UTF-8 first")
        }
    }

    /// The keys of the chat that were given. They are inputs of the pipeline, so that nothing in them is a template.
    private func given() throws -> ValueObject {
        var given: ValueObject = [:]
        for (key, text) in [("agent_id", agent), ("model", model), ("system", system)] {
            if let text { given[key] = .string(text) }
        }
        if let conversation { given["conversation"] = ["key": .string(conversation)] }
        guard let schema else { return given }
        do {
            let isInline = schema.drop(while: \.isWhitespace).first == "{"
            let value = try Value.json(isInline ? Array(schema.utf8) : FileReading.bytes(of: schema))
            guard value.asObject != nil else {
                throw FileReading.Failure(message: "--schema: expected a JSON object, found \(value.quoted())")
            }
            if let problem = JSONSchema.problems(in: value).first {
                throw FileReading.Failure(message: "--schema: not a JSON schema: \(problem)")
            }
            given["schema"] = value
        } catch let error as FileReading.Failure {
            throw ExitStatus.usage.reporting(error.message)
        } catch {
            throw ExitStatus.usage.reporting("--schema: not JSON: \(error)")
        }
        return given
    }

    private static func pipeline(_ given: ValueObject) -> String {
        let inputs = given.map { key, value -> (String, Value) in
            (key, ["type": value.asObject == nil ? "string" : "object"])
        }
        let with = given.map { key, _ -> (String, Value) in (key, .string("{{ inputs.\(key) }}")) }
        let pipeline: Value = [
            "name": "ask", "inputs": .object(ValueObject(inputs)),
            "steps": [["id": "answer", "uses": "chat", "with": .object(ValueObject(with))]],
        ]
        return pipeline.json()
    }

    // MARK: The answer

    private func ask(
        _ pipeline: Pipeline, _ request: RunRequest, _ project: Project, _ loader: PipelineLoader,
        simulator: SimulatedMarketplace?
    ) async throws {
        let reporter = AnswerReporter(showsText: !json && schema == nil, isJSON: json, redactor: project.redactor)
        guard !noJournal else {
            if simulator == nil { try UnkeptRun.refuseBudget(pipeline, loader.registry, project) }
            let assembly = await RunnerAssembly(
                loader: loader, project: project, grantedFiles: [], simulator: simulator)
            let (ended, isInterrupted) = try await withInterrupt { [runner = assembly.runner] in
                await runner.run(pipeline, request) { await reporter.report($0) }
            }
            await assembly.services.shutDown()
            await reporter.finish(ended)
            return try DriveResult.ended(ended).conclude(request.id, isInterrupted ? .interrupt : nil)
        }
        let journal = try JournalSetup.open(project, hint: "with --no-journal the question is not recorded")
        let runs = await ForegroundRuns(
            project: project, loader: loader, journal: journal, simulator: simulator, isJSON: false)
        try await runs.perform(pipeline, request, in: journal, observer: reporter)
    }
}

/// Shows the answer to a question: its text as it comes, or all of it at its end.
private actor AnswerReporter: RunObserver {
    private let showsText: Bool
    private let isJSON: Bool
    private let redactor: Redactor
    private let style = TextStyle.standardError
    private var endsWithNewline = true
    private var hasText = false

    init(showsText: Bool, isJSON: Bool, redactor: Redactor) {
        self.showsText = showsText
        self.isJSON = isJSON
        self.redactor = redactor
    }

    func report(_ event: RunEvent) {
        switch event.kind {
        case .stepText(_, let text) where showsText:
            Streams.output.write(product: text.utf8)
            endsWithNewline = text.hasSuffix("\n")
            hasText = true
        case .stepNote(_, let text):
            endLine()
            Streams.error.write(styled: style.dim("· \(style.note(text))") + "\n")
        default: break
        }
    }

    func finish(_ result: RunResult) {
        endLine()
        switch result.outcome {
        case .succeeded(let output):
            let output = redactor.redact(output)
            if isJSON {
                Streams.output.write(json: output, isPretty: true)
            } else if !showsText {
                Streams.output.write(json: output["json"] ?? .null, isPretty: true)
            }
        case .cancelled: Streams.error.write(hasText ? "cancelled; the answer is partial\n" : "cancelled\n")
        case .failed(let error):
            Streams.error.write(styled: style.red("error: ") + style.safe("\(error.message) [\(error.code)]") + "\n")
            if let hint = error.hint { Streams.error.write("  = \(hint)\n") }
        }
    }

    private func endLine() {
        if !endsWithNewline { Streams.output.write(product: "\n".utf8) }
        endsWithNewline = true
    }
}
