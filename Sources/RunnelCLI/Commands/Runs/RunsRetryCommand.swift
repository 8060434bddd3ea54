import ArgumentParser
import RunnelEngine
import RunnelKit
internal import RunnelSupport

/// `runnel runs retry`
struct RunsRetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry", abstract: "Run again with the same input, as a new run.",
        discussion: HelpText.text(
            """
            The new run uses the pipeline's file as it is now, or with --unchanged the pipeline that the run began \
            with. With --from, the steps before the named one are not run: their outputs are taken over.
            """,
            examples: [
                "runnel runs retry last": "The newest run again, from its first step.",
                "runnel runs retry 01a2188c --from answer": "From the step answer, with earlier outputs as they were.",
            ]))

    @OptionGroup var options: ProjectOptions
    @Argument(help: "The run: its id, an unambiguous prefix of it, or `last`.", completion: PipelineCompletion.runs)
    var run: String
    @Option(
        help: ArgumentHelp("Start from this step; earlier results are reused.", valueName: "step"),
        completion: PipelineCompletion.steps)
    var from: String?
    @Flag(help: "Use the pipeline's definition from the original run.") var unchanged = false
    @Flag(help: "Use an embedded simulator instead of the Marketplace.") var simulate = false
    @Flag(help: "Write every run event as a line of JSON to standard output.") var json = false
    @OptionGroup var progress: ProgressOptions

    func run() async throws {
        let project = try options.project(runsCommands: true)
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
        do {
            try RetryError.check(old)
        } catch {
            return try fail(error, old.id)
        }
        let loader = try await project.loader(startsServers: true, simulates: simulate)
        let pipeline = try await pipeline(of: old, in: journal, project, loader)
        let foreground = await ForegroundRuns(
            project: project, loader: loader, journal: journal, simulator: simulator, isJSON: json,
            progress: progress)
        let new: NewRun
        do {
            new = try await foreground.service.makeRetry(of: old, with: pipeline, from: from)
        } catch {
            await foreground.assembly.services.shutDown()
            return try fail(error, old.id)
        }
        let (result, request) = try await withSignals({ request, _ in
            if request == .terminate { foreground.worker.stop() } else { foreground.worker.cancelRun(new.id) }
        }) {
            try await foreground.worker.withSession {
                let observer = foreground.observer(of: pipeline)
                return try await withLiveLine(observer) {
                    try await foreground.service.perform(new, observer: observer)
                }
            }
        }
        await foreground.assembly.services.shutDown()
        return (new.id, result, request)
    }

    private func pipeline(
        of run: RunRecord, in journal: any Journal, _ project: Project, _ loader: PipelineLoader
    ) async throws -> Pipeline {
        guard let definition = try await journal.definition(run.definition) else {
            return try fail("the journal does not hold the pipeline of the run \(run.id)", nil)
        }
        var bytes = Array(project.seal.unseal(definition.text).utf8)
        if !unchanged, let current = try? FileReading.yaml(of: definition.file) {
            bytes = current
        } else if !unchanged {
            Streams.error.write("\(definition.file) does not exist; using the recorded definition\n")
        }
        let (pipeline, report) = loader.load(bytes, file: definition.file)
        DiagnosticOutput.write([report], format: .text, redactor: project.redactor)
        guard let pipeline else { throw ExitStatus.usage }
        return pipeline
    }

    private func fail<Result>(_ error: RetryError, _ runID: String) throws -> Result {
        switch error {
        case .notEnded: return try fail("the run \(runID) has not ended yet", "`runnel runs resume` continues it")
        case .noSuchStep(let step, let ids):
            let closest = Suggestion.closest(to: step, among: ids)
            return try fail(
                "the pipeline has no step \"\(step)\"",
                closest.map { "did you mean \"\($0)\"?" } ?? "its steps are \(ids.joined(separator: ", "))")
        case .noResult(let step):
            return try fail(
                "the step \"\(step)\" has no result in the run \(runID)",
                "start from that step, or omit --from")
        case .journal(let error): throw error
        }
    }

    private func fail<Result>(_ message: String, _ hint: String?) throws -> Result {
        Streams.error.write("error: \(message)\n" + (hint.map { "  = \($0)\n" } ?? ""))
        throw ExitStatus.usage
    }
}
