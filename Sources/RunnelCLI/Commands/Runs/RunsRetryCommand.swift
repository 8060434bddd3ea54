import ArgumentParser
import RunnelEngine
import RunnelKit

/// `runnel runs retry`
struct RunsRetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry", abstract: "Send a run again: a new run with the same input.",
        discussion: """
            The new run uses the pipeline's file as it is now, or with --unchanged the pipeline that the run began with.
            With --from, the steps before the named one are not run: their outputs are taken over.
            """)

    @OptionGroup var options: ProjectOptions
    @Argument(help: "The run, by the beginning of its id, or `last`.", completion: PipelineCompletion.runs) var run:
        String
    @Option(help: ArgumentHelp("Begin with this step.", valueName: "step")) var from: String?
    @Flag(help: "Use the pipeline as it was when the run began.") var unchanged = false
    @Flag(help: "Talk to an embedded simulator instead of the Marketplace.") var simulate = false
    @Flag(help: "Write every event as a line of JSON to standard output.") var json = false

    func run() async throws {
        let project = try options.project()
        let journal = try options.journal(of: project)
        let command = self
        try await withSimulator(when: simulate) { simulator in
            let (id, result, request) = try await withJournalErrors {
                try await command.retry(in: project, journal, simulator)
            }
            await journal.close()
            try result?.conclude(id, request)
        }
    }

    private func retry(
        in project: Project, _ journal: any Journal, _ simulator: SimulatedMarketplace?
    ) async throws -> (id: String, result: DriveResult?, request: StopRequest?) {
        let old = try await journal.find(run)
        guard old.state.isFinal else {
            return try fail("the run \(old.id) has not ended yet", "`runnel runs resume` goes on with it")
        }
        let loader = try await project.loader(startsServers: true)
        let pipeline = try await pipeline(of: old, in: journal, project, loader)
        let kept = try await keptSteps(of: old, pipeline, journal)
        let foreground = await ForegroundRuns(
            project: project, loader: loader, journal: journal, simulator: simulator, isJSON: json)
        let definition = foreground.definition(of: pipeline)
        let id = UUIDv7.make(nanoseconds: WallClock.nanoseconds())
        let (result, request) = try await withSignals({ request, _ in
            if request == .terminate { foreground.worker.stop() } else { foreground.worker.cancelRun(id) }
        }) {
            try await foreground.worker.withSession {
                try await journal.keep(definition)
                let new = RunRecord(
                    id: id, pipeline: pipeline.name, definition: definition.hash, trigger: old.trigger,
                    inputs: old.inputs, input: old.input, createdAt: WallClock.nanoseconds(), retryOf: old.id)
                return try await foreground.begin(new, of: pipeline, with: kept)
            }
        }
        await foreground.assembly.services.shutDown()
        return (id, result, request)
    }

    private func pipeline(
        of run: RunRecord, in journal: any Journal, _ project: Project, _ loader: PipelineLoader
    ) async throws -> Pipeline {
        guard let definition = try await journal.definition(run.definition) else {
            return try fail("the journal does not hold the pipeline of the run \(run.id)", nil)
        }
        var bytes = Array(project.seal.open(definition.text).utf8)
        if !unchanged, let current = try? FileReading.yaml(of: definition.file) {
            bytes = current
        } else if !unchanged {
            Streams.error.write("\(definition.file) is not there; the pipeline is taken as it was\n")
        }
        let (pipeline, report) = loader.load(bytes, file: definition.file)
        DiagnosticOutput.write([report], format: .text, redactor: project.redactor)
        guard let pipeline else { throw ExitStatus.usage }
        return pipeline
    }

    /// What is taken over from the old run.
    private func keptSteps(
        of run: RunRecord, _ pipeline: Pipeline, _ journal: any Journal
    ) async throws -> [StepRecord] {
        guard let from else { return [] }
        guard let index = pipeline.steps.firstIndex(where: { $0.id == from }) else {
            let ids = pipeline.steps.map(\.id)
            let closest = Suggestion.closest(to: from, among: ids)
            return try fail(
                "the pipeline has no step \"\(from)\"",
                closest.map { "did you mean \"\($0)\"?" } ?? "its steps are \(ids.joined(separator: ", "))")
        }
        let earlier = pipeline.steps.prefix(index)
        let before = Set(earlier.flatMap(\.withInner).map(\.id))
        let steps = try await journal.steps(of: run.id).filter { before.contains($0.key.step) }
        let finished = Set(steps.filter { $0.state.isFinal && $0.state != .cancelled }.map(\.key.step))
        if let missing = earlier.first(where: { !finished.contains($0.id) }) {
            return try fail(
                "the step \"\(missing.id)\" has no result in the run \(run.id)",
                "begin with that step, or leave out --from")
        }
        return steps
    }

    private func fail<Result>(_ message: String, _ hint: String?) throws -> Result {
        Streams.error.write("error: \(message)\n" + (hint.map { "  = \($0)\n" } ?? ""))
        throw ExitStatus.usage
    }
}
