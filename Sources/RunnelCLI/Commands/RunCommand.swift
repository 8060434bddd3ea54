import ArgumentParser
import HTTPServing
import MarketplaceSimulator
import RunnelEngine
import RunnelKit
internal import RunnelSupport

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// `runnel run`
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a pipeline once.",
        discussion: HelpText.text(
            """
            The pipeline is a file (`.yaml` is optional), `-` for standard input, or the name of a pipeline below the \
            current folder. Outside of a project, without a `runnel.yaml`, names are searched in the current folder and its \
            `pipelines` only.
            """,
            "The input is the file of --input-file, the text of --text, or what is piped into standard input.",
            "The output of the last step goes to standard output, everything else to standard error.",
            "Exit status: 0 the run succeeded, 1 it failed, 2 usage or an invalid pipeline, 130 interrupted.",
            examples: [
                "runnel run hello --simulate --text \"Good morning\"": "Runs the pipeline hello without an account.",
                "runnel run pipelines/hello -f notes.md -i sentences=2":
                    "With a file as its input, and one of its inputs set.",
                "cat notes.md | runnel run hello > summary.md": "In a pipe.",
                "runnel run hello --dry-run --text x": "Shows the prompt without sending it.",
            ]))

    @Argument(help: "The pipeline's file; `.yaml` is optional.", completion: PipelineCompletion.files)
    var pipeline: String

    @Option(
        name: [.customShort("i"), .customLong("input")],
        help: ArgumentHelp("Set an input of the pipeline.", valueName: "name=value"),
        completion: PipelineCompletion.inputs)
    var inputs: [String] = []

    @Option(
        name: [.customShort("f"), .customLong("input-file")],
        help: "Use the content of this file as the input of the first step; `-` is standard input.", completion: .file()
    )
    var inputFile: String?

    @Option(help: "Give the first step this text as its input.") var text: String?

    @Flag(help: "Use an embedded simulator instead of the Marketplace.")
    var simulate = false

    @Option(
        help: ArgumentHelp("With --simulate: a fault to simulate, such as `cut-off`.", valueName: "fault"),
        completion: PipelineCompletion.faults)
    var fault: String?

    @Flag(help: "Write every run event as a line of JSON to standard output.")
    var json = false

    @Flag(
        help:
            "Do not record this run: it cannot be resumed, `runnel usage` does not count its chats. Refused under a budget."
    )
    var noJournal = false

    @Flag(help: "Run up to the first step that costs or changes something, and show what it would do.")
    var dryRun = false

    @Flag(help: "Run again when the pipeline, a file it reads, or its configuration changes.")
    var watch = false

    @OptionGroup var priority: PriorityOption
    @OptionGroup var progress: ProgressOptions
    @OptionGroup var options: ProjectOptions

    func validate() throws {
        if watch, FileReading.isStream(pipeline) { throw ValidationError("--watch cannot read \(pipeline) again") }
        if watch, inputFile == "-" { throw ValidationError("--watch cannot read standard input again") }
        if inputFile == "-", FileReading.isStandardInput(pipeline) {
            throw ValidationError("--input-file -: standard input is the pipeline already")
        }
        if inputFile != nil, text != nil { throw ValidationError("--input-file and --text are mutually exclusive") }
        if noJournal, priority.text != nil {
            throw ValidationError("--priority is for runs of the journal; leave out --no-journal")
        }
        if fault != nil, !simulate { throw ValidationError("--fault needs --simulate") }
        for input in inputs where !input.contains("=") || input.hasPrefix("=") {
            throw ValidationError(
                "--input \(input): expected name=value; --text gives the first step a text, --input-file a file")
        }
    }

    func run() async throws {
        guard watch else { return try await runOnce() }
        let command = self
        let interruption = Latch()
        // Signals are handled throughout, so that none is lost between a run and the wait after it.
        _ = try await withSignals({ _, _ in interruption.open() }) {
            while !interruption.isOpen {
                let before = FileChanges(of: await command.watchedFiles())
                do {
                    try await command.runOnce()
                } catch let status as ExitStatus where status != .interrupted {}
                Streams.error.write("waiting for a change; Ctrl-C ends\n")
                guard let changed = try await before.wait(unless: { interruption.isOpen }) else { break }
                Streams.error.write("\n\(FileReading.shown(changed)) has changed\n")
            }
        }
        throw ExitStatus.interrupted
    }

    private func runOnce() async throws {
        let loaded = try await LoadedPipeline(
            pipeline, options, startsServers: !dryRun, simulates: simulate || dryRun)
        let request = try request(for: loaded.pipeline)
        let faults = try fault.map { text in
            do throws(SimulatorError) {
                return try FaultPlan(parsing: text)
            } catch {
                throw error.reported()
            }
        }
        let command = self
        try await withSimulator(when: simulate, faults: faults ?? .none) { simulator in
            try await command.execute(loaded, request, simulator: simulator)
        }
    }

    private func execute(
        _ loaded: LoadedPipeline, _ request: RunRequest, simulator: SimulatedMarketplace?
    ) async throws {
        let granted = inputFile.map { $0 == "-" ? [] : Set([FileReading.absolute($0)]) } ?? []
        guard !noJournal, !dryRun else { return try await throwAway(loaded, request, granted, simulator) }
        let journal = try JournalSetup.open(
            loaded.project, hint: "with --no-journal the run is not recorded and needs no journal")
        let runs = await ForegroundRuns(
            project: loaded.project, loader: loaded.loader, journal: journal, grantedFiles: granted,
            simulator: simulator, isJSON: json, progress: progress)
        let pipeline = loaded.pipeline
        try await runs.perform(
            pipeline, request, priority: priority.level, in: journal,
            observer: runs.observer(of: pipeline, lacksInput: request.input.isNull))
    }

    private func throwAway(
        _ loaded: LoadedPipeline, _ request: RunRequest, _ granted: Set<String>, _ simulator: SimulatedMarketplace?
    ) async throws {
        if simulator == nil, !dryRun {
            try UnkeptRun.refuseBudget(loaded.pipeline, loaded.loader.registry, loaded.project)
        }
        let assembly = await RunnerAssembly(
            loader: loaded.loader, project: loaded.project, grantedFiles: granted, simulator: simulator,
            logLevel: progress.logLevel)
        let reporter: any RunObserver =
            json
            ? JSONReporter()
            : TextReporter(
                style: .standardError, printer: DiagnosticPrinter(sources: loaded.pipeline.sources),
                redactor: loaded.project.redactor, note: simulator == nil ? nil : "simulated",
                isQuiet: progress.quiet, lacksInput: request.input.isNull)
        let (ended, isInterrupted) = try await withInterrupt { [runner = assembly.runner, isDry = dryRun] in
            try await withLiveLine(reporter) {
                isDry
                    ? await runner.dryRun(loaded.pipeline, request) { await reporter.report($0) }
                    : await runner.run(loaded.pipeline, request) { await reporter.report($0) }
            }
        }
        await assembly.services.shutDown()
        // A dry run that stopped before a step has no result, as requested.
        guard let result = ended else { return }
        await reporter.finish(result)
        try DriveResult.ended(result).conclude(request.id, isInterrupted ? .interrupt : nil)
    }

    /// The trigger with the place in a distributed trace that a CI job or another program hands on in its environment.
    private static func inTrace(_ trigger: Value, _ environment: [String: String]) -> Value {
        guard var fields = trigger.asObject, let parent = environment["TRACEPARENT"],
            let trace = TraceContext(traceparent: parent, tracestate: environment["TRACESTATE"])
        else { return trigger }
        for (key, value) in trace.payload { fields[key] = value }
        return .object(fields)
    }

    private func request(for pipeline: Pipeline) throws -> RunRequest {
        do {
            let values = try pipeline.inputValues(inputs.compactMap(NamedValue.split))
            let takesPipe = !watch && !FileReading.isStandardInput(self.pipeline)
            let (input, trigger) = try ManualInput.read(inputFile, text: text, takesPipe: takesPipe)
            return RunRequest(
                id: UUIDv7.make(nanoseconds: WallClock.nanoseconds()), inputs: values,
                trigger: Self.inTrace(trigger, ProcessInfo.processInfo.environment), input: input)
        } catch let error as InputError {
            throw ExitStatus.usage.reporting(error.message)
        } catch let error as FileReading.Failure {
            throw ExitStatus.usage.reporting(error.message)
        }
    }
}
