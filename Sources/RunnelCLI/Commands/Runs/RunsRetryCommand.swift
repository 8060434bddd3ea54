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
            The new run uses the pipeline's file as it is now, also at another place of the project, or with \
            --unchanged the pipeline that the run began with. Inputs that the file has got since have their defaults; if \
            one is missing, or a value does not match any more, no step is run, and --input sets it. With --from, the steps before the named one are not run: \
            their outputs are taken over. A file that `watch` has moved, also after an earlier retry, is read at its \
            new place, and goes on to its folder for processed files when the run succeeds. It has the priority of its \
            run, or that of --priority; the retry is worked on here, so the priority counts if it is interrupted and a \
            server goes on with it.
            """,
            """
            Instead of one run, --state, --since and --pipeline select many, the oldest first. Runs that were retried \
            already are left out: the last retry stands for them. So are runs whose file is no longer where `watch` has \
            put it: it was put back, and has a newer run. A run that cannot be retried, such as because its pipeline \
            has errors, is left out with the reason, and the exit status is 1. With `last`, --state and --pipeline say \
            which runs count.
            """,
            examples: [
                "runnel runs retry last": "The newest run again, from its first step.",
                "runnel runs retry last --state failed": "The newest run that failed.",
                "runnel runs retry 01a2188c --from answer": "From the step answer, with earlier outputs as they were.",
                "runnel runs retry --state failed --since 12h": "All runs that failed in the last 12 hours.",
                "runnel runs retry last --input tone=formal": "With another value of an input.",
            ]))

    @OptionGroup var options: ProjectOptions
    @Argument(help: "The run: its id, an unambiguous prefix of it, or `last`.", completion: PipelineCompletion.runs)
    var run: String?
    @Option(
        name: .customLong("state"),
        help: ArgumentHelp(
            "Retry all runs in this state: failed, cancelled, succeeded, skipped; can be repeated.",
            valueName: "state"))
    var states: [SeenRunState] = []
    @Option(help: "Only runs of this pipeline.", completion: PipelineCompletion.names) var pipeline: String?
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Only runs created within this period: `90m`, `2d`.", valueName: "duration"))
    var since: DurationArgument?
    @Option(
        name: .customLong("input"),
        help: ArgumentHelp("Change an input of the pipeline; can be repeated.", valueName: "name=value"))
    var inputs: [String] = []
    @Option(
        help: ArgumentHelp("Start from this step; earlier results are reused.", valueName: "step"),
        completion: PipelineCompletion.steps)
    var from: String?
    @Flag(help: "Use the pipeline's definition from the original run.") var unchanged = false
    @Flag(help: "Use an embedded simulator instead of the Marketplace.") var simulate = false
    @Flag(help: "Write every run event as a line of JSON to standard output.") var json = false
    @OptionGroup var priority: PriorityOption
    @OptionGroup var progress: ProgressOptions

    func validate() throws {
        let selects = !states.isEmpty || pipeline != nil || since != nil
        let isLast = run == "last" && since == nil
        guard isLast || (run != nil) != selects else {
            throw ValidationError(
                selects
                    ? "name a run, or select runs with --state, --since and --pipeline; not both"
                    : "name the run, or select runs such as with --state failed --since 12h")
        }
        if selects, run == nil, states.isEmpty { throw ValidationError("say which runs: --state failed") }
        for state in states where !state.stored.isFinal {
            throw ValidationError("--state \(state.rawValue): only runs that have ended can be retried")
        }
        for input in inputs where !input.contains("=") {
            throw ValidationError("--input \(input): expected name=value")
        }
    }

    func run() async throws {
        let project = try options.project(runsCommands: true)
        let journal = try options.journal(of: project, migrates: true)
        let command = self
        try await withSimulator(when: simulate) { simulator in
            // Selected runs that cannot be retried.
            let refused = Watched(0)
            let (results, request) = try await withJournalErrors(closing: journal) {
                try await command.retry(in: project, journal, simulator, counting: refused)
            }
            try command.conclude(results, refused.value, request)
        }
    }

    private func conclude(_ results: [ForegroundRuns.Worked], _ refused: Int, _ request: StopRequest?) throws {
        if run != nil {
            for (id, result) in results { try result?.conclude(id, request) }
            return
        }
        if request == nil, results.isEmpty, refused == 0 { return Streams.error.write("no run to retry\n") }
        let failures = results.count { $0.result?.isFailure ?? false }
        let count = results.count == 1 ? "1 run retried" : "\(results.count) runs retried"
        let left = refused == 0 ? "" : ", \(refused) left out"
        if !results.isEmpty {
            Streams.error.write(
                count + (failures == 0 ? ", all succeeded" : ", \(failures) without success") + left + "\n")
        } else if refused > 0 {
            Streams.error.write("no run retried\(left)\n")
        }
        // Others may not have begun.
        if request != nil { throw ExitStatus.interrupted }
        if failures > 0 || refused > 0 { throw ExitStatus.runFailed }
    }

    private func retry(
        in project: Project, _ journal: any Journal, _ simulator: SimulatedMarketplace?, counting refused: Watched<Int>
    ) async throws -> (results: [ForegroundRuns.Worked], request: StopRequest?) {
        let found = try await selected(in: journal)
        guard !found.isEmpty else {
            if let pipeline { try await PipelineNames.check(pipeline, in: journal, project) }
            return ([], nil)
        }
        let loader = try await project.loader(startsServers: true, simulates: simulate)
        let selected = try await standing(found, in: journal, project, loader, counting: refused)
        let foreground = await ForegroundRuns(
            project: project, loader: loader, journal: journal, simulator: simulator, isJSON: json,
            progress: progress)
        return try await foreground.performEach(of: { selected }) { id, current in
            // It may have been removed meanwhile.
            guard let old = try await journal.run(id) else { return nil }
            let (pipeline, new): (Pipeline, NewRun)
            do {
                pipeline = try await self.pipeline(of: old, in: journal, project, loader)
                new = try await makeRetry(of: old, with: pipeline, foreground.service)
            } catch let refusal as Refusal {
                guard run == nil else { throw ExitStatus.usage.reporting(refusal.problem, hint: refusal.hint) }
                leaveOut(id, refusal.reason, hint: refusal.hint, counting: refused)
                return nil
            }
            guard await current.begin(new.id) else { return nil }
            try await journal.operators.record("retry-run", of: old.id, outcome: new.id)
            let observer = foreground.observer(of: pipeline)
            let result = try await withLiveLine(observer) {
                try await foreground.service.perform(new, observer: observer)
            }
            return (new.id, result)
        }
    }

    /// The runs to retry, the oldest first.
    func selected(in journal: any Journal) async throws -> [String] {
        if let run {
            let old = try await journal.find(run, states: states, pipeline: pipeline)
            do {
                try RetryError.check(old)
            } catch {
                let refusal = try refusal(error, old.id)
                throw ExitStatus.usage.reporting(refusal.problem, hint: refusal.hint)
            }
            return [old.id]
        }
        var filter = RunFilter(
            pipeline: pipeline, since: since.map { WallClock.nanoseconds() - $0.duration.nanoseconds },
            limit: 1000)
        let wanted = Set(states.map(\.stored))
        var found: [String] = []
        while true {
            let page = try await journal.runs(filter)
            found += page.filter { wanted.contains($0.state) && $0.retriedBy == nil }.map(\.id)
            guard page.count == filter.limit else { return found.reversed() }
            filter.before = page.last?.id
        }
    }

    /// Leaves out runs whose file is not there any more, or is that of a newer run: it was put back where it came from.
    /// Also those whose input the journal has lost.
    private func standing(
        _ ids: [String], in journal: any Journal, _ project: Project, _ loader: PipelineLoader,
        counting refused: Watched<Int>
    ) async throws -> [String] {
        guard run == nil else { return ids }
        let directory = project.files()
        var places: Set<ValueObject> = []
        var standing: [String] = []
        for id in ids.reversed() {
            guard let old = try await journal.run(id) else { continue }
            if let loss = old.loss(of: RunRecord.beginning) {
                leaveOut(id, loss.message, counting: refused)
                continue
            }
            guard let json = old.source, let source = RunSource(json: project.seal.unseal(json)),
                let trigger = loader.registry.trigger(named: old.trigger["type"]?.asString ?? "")
            else {
                standing.append(id)
                continue
            }
            do {
                if try trigger.isThere(source, directory), places.insert(source.payload).inserted {
                    standing.append(id)
                    continue
                }
                let place = source.payload["path"]?.asString.map { " at \"\($0)\"" } ?? ""
                leaveOut(id, "what it was started for is not there any more\(place), or has a newer run")
            } catch {
                leaveOut(id, (error as? StepError)?.message ?? "\(error)", counting: refused)
            }
        }
        return standing.reversed()
    }

    /// Says why a selected run is not retried.
    ///
    /// - Parameter refused: Counts it; nil if another run stands for it.
    private func leaveOut(_ id: String, _ reason: String, hint: String? = nil, counting refused: Watched<Int>? = nil) {
        refused?.update { $0 += 1 }
        let words = "the run \(id) is left out: \(reason)"
        Streams.error.write(TextWrap.wrap(words, width: Streams.error.width, hanging: 4) + "\n")
        if let hint { Streams.error.write("  = \(hint)\n") }
    }

    /// Why a run cannot be retried, and what to do about it.
    private struct Refusal: Error {
        let problem: String
        let hint: String?
        /// The problem without the name of the run, for a run that is left out.
        let reason: String

        init(_ problem: String, hint: String? = nil) {
            (self.problem, self.hint, reason) = (problem, hint, problem)
        }

        init(_ runID: String, because reason: String, hint: String? = nil) {
            (problem, self.hint, self.reason) = ("the run \(runID) cannot be retried: \(reason)", hint, reason)
        }
    }

    private func makeRetry(
        of old: RunRecord, with pipeline: Pipeline, _ service: RunService
    ) async throws -> NewRun {
        let changes: ValueObject
        do throws(InputError) {
            changes = try pipeline.changedInputs(inputs.compactMap(NamedValue.split))
        } catch {
            throw Refusal(error.message)
        }
        do throws(RetryError) {
            return try await service.makeRetry(
                of: old, with: pipeline, from: from, changing: changes, priority: priority.level)
        } catch {
            throw try refusal(error, old.id)
        }
    }

    private func pipeline(
        of run: RunRecord, in journal: any Journal, _ project: Project, _ loader: PipelineLoader
    ) async throws -> Pipeline {
        guard let definition = try await journal.definition(run.definition) else {
            throw Refusal("the journal does not hold the pipeline of the run \(run.id)")
        }
        var (file, bytes) = (definition.file, Array(project.seal.unseal(definition.text).utf8))
        var isStored = unchanged
        if !unchanged {
            if let current = try currentFile(of: run, definition.file, project) {
                (file, bytes) = current
            } else {
                isStored = true
                let problem = FileReading.isStream(file) ? "cannot be read again" : "does not exist"
                Streams.error.write("\(file) \(problem); using the recorded definition\n")
            }
        }
        let (pipeline, report) = loader.load(bytes, file: file, isStored: isStored)
        // Many runs may have the same errors, so each gets one line.
        if pipeline == nil, self.run == nil {
            let first = report.diagnostics.first { $0.severity == .error }.map(DiagnosticPrinter.line)
            throw Refusal("its pipeline has errors: \(first ?? file)")
        }
        if isStored, let name = project.seal.lostSecret(in: .string(definition.text)) {
            let problem = "its pipeline holds the secret \"\(name)\", which has no value any more"
            throw Refusal(run.id, because: problem, hint: Self.secretHint)
        }
        if isStored, let missing = report.missing {
            throw Refusal(run.id, because: project.redactor.redact(missing.message), hint: missing.hint)
        }
        DiagnosticOutput.write([report], format: .text, redactor: project.redactor)
        guard let pipeline else { throw ExitStatus.usage }
        return pipeline
    }

    /// The file that holds the run's pipeline now: the one that the run began with, or another one of the project; nil if
    /// there is none.
    ///
    /// - Parameter recorded: Relative to the project; in older journals to the folder in which the command was given.
    /// - Throws: A ``Refusal`` if the file holds another pipeline now.
    private func currentFile(
        of run: RunRecord, _ recorded: String, _ project: Project
    ) throws -> (path: String, bytes: [UInt8])? {
        guard !FileReading.isStream(project.path(recorded)) else { return nil }
        func read(_ path: String) -> (path: String, bytes: [UInt8], name: String)? {
            guard let bytes = try? FileReading.yaml(of: path) else { return nil }
            return (FileReading.shown(path), bytes, Pipeline.name(in: bytes, file: path))
        }
        let first = read(project.path(recorded))
        if let first, first.name == run.pipeline { return (first.path, first.bytes) }
        // `ask` has no file, and a file of the project may have its name.
        // Not the whole project: a file that has arrived in an inbox may have the name.
        let named =
            recorded.isYAMLFileName ? PipelineNames.below(PipelineFolder.usual(in: project.directory)) : []
        let moved = named.first { $0.name == run.pipeline }.flatMap { read($0.file) }
        guard let found = moved ?? read(recorded) ?? first else { return nil }
        guard found.name == run.pipeline else {
            throw Refusal(
                run.id,
                because: "\"\(found.path)\" holds the pipeline \"\(found.name)\" now, and no file of the project holds "
                    + "\"\(run.pipeline)\"",
                hint: "--unchanged uses the pipeline that the run began with")
        }
        return (found.path, found.bytes)
    }

    private static let secretHint =
        "give it a value under `secrets:` in runnel.yaml, by its former name if it was renamed"

    /// Why the run cannot be retried. An error of the whole journal is thrown.
    private func refusal(_ error: RetryError, _ runID: String) throws -> Refusal {
        switch error {
        case .notEnded:
            return Refusal("the run \(runID) has not ended yet", hint: "`runnel runs resume` continues it")
        case .noSuchStep(let step, let ids):
            return Refusal(
                "the pipeline has no step \"\(step)\"",
                hint: Suggestion.hint(for: step, among: ids) ?? "its steps are \(ids.joined(separator: ", "))")
        case .noResult(let step):
            return Refusal(
                "the step \"\(step)\" has no result in the run \(runID)",
                hint: "start from that step, or omit --from")
        case .badInput(let name, let problem):
            return Refusal(
                runID, because: problem, hint: "add `--input \(name)=…`, or use the old pipeline with --unchanged")
        case .sourceGone(let place, let newer):
            let hint = newer.map { newer in
                let place = newer.movedTo.map { ", at \"\($0)\"" } ?? ""
                return "the run \(newer.id) has it since\(place): `runnel runs retry \(newer.id)`"
            }
            return Refusal(
                "what the run \(runID) was started for is not at \"\(place)\" any more",
                hint: hint ?? "put it back there, or start behind the steps that need it: --from")
        case .sourceUnreadable(let reason):
            return Refusal(
                runID, because: reason,
                hint: "allow this user to read it, or start behind the steps that need it: --from")
        case .secretUnavailable(let secret): return Refusal(runID, because: secret.problem, hint: Self.secretHint)
        case .journal(let error) where run == nil && error.isOfOneRun: return Refusal(error.message)
        case .journal(let error): throw error
        }
    }
}
