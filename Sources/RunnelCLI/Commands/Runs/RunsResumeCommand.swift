import ArgumentParser
import RunnelEngine
import RunnelKit
internal import RunnelSupport

/// `runnel runs resume`
struct RunsResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Resume interrupted runs.",
        discussion: HelpText.text(
            """
            Finished steps are not run again, and their outputs are what they were. The step that was interrupted \
            is executed again with the same idempotency key. The pipeline is the one that the run began with.
            """,
            """
            With --all, runs about files of another machine are left to it; a run that is named is resumed here.
            """,
            examples: [
                "runnel runs resume --all": "All runs that were interrupted or are queued.",
                "runnel runs resume last": "The newest run.",
            ]))

    @OptionGroup var options: ProjectOptions
    @Argument(
        help: "The runs: their ids, unambiguous prefixes of them, or `last`.", completion: PipelineCompletion.runs)
    var runs: [String] = []
    @Flag(help: "Resume all queued and interrupted runs.") var all = false
    @Flag(help: "Use an embedded simulator instead of the Marketplace.") var simulate = false
    @Flag(help: "Write every run event as a line of JSON to standard output.") var json = false
    @OptionGroup var progress: ProgressOptions

    /// The maximum number of runs that --all resumes.
    private static let limit = 10_000

    func validate() throws {
        if runs.isEmpty != all { throw ValidationError("name the runs, or use --all") }
    }

    func run() async throws {
        let project = try options.project(runsCommands: true)
        let journal = try options.journal(of: project, migrates: true)
        let command = self
        let refused = Watched(0)
        try await withSimulator(when: simulate) { simulator in
            let (results, request, left) = try await withJournalErrors(closing: journal) {
                let (results, request) = try await command.resume(in: project, journal, simulator, counting: refused)
                let host = JournalSetup.hostName(project.settings.journal)
                let left =
                    command.all && request == nil
                    ? try await journal.queuedElsewhere(than: host, limit: Self.limit) : [:]
                return (results, request, left)
            }
            try command.conclude(results, refused.value, request, left)
        }
    }

    /// - Parameters:
    ///   - refused: The number of runs for which there was no place.
    ///   - left: The numbers of runs that are left to other machines.
    private func conclude(
        _ results: [ForegroundRuns.Worked], _ refused: Int, _ request: StopRequest?, _ left: [String: Int]
    ) throws {
        for (machine, count) in left.sorted(by: { $0.key < $1.key }) {
            Streams.error.write(Self.notice(count, leftTo: machine) + "\n")
        }
        if results.isEmpty, all, left.isEmpty, refused == 0, request == nil {
            Streams.error.write("no run waits to be resumed\n")
        }
        for (id, result) in results {
            do {
                try result?.conclude(id, request)
            } catch  where id != results.last?.id {}
        }
        // Others may not have begun.
        if request != nil, all || runs.count > 1 { throw ExitStatus.interrupted }
        if results.contains(where: { $0.result?.isFailure ?? false }) { throw ExitStatus.runFailed }
    }

    static func notice(_ count: Int, leftTo machine: String) -> String {
        let name = "the machine \(Value.string(machine).quoted())"
        return count == 1
            ? "1 queued run is left to \(name), whose files it may need; to resume it here, type its id"
            : "\(count) queued runs are left to \(name), whose files they may need; to resume one here, type its id"
    }

    private func resume(
        in project: Project, _ journal: any Journal, _ simulator: SimulatedMarketplace?,
        counting refused: Watched<Int>
    ) async throws -> (results: [ForegroundRuns.Worked], request: StopRequest?) {
        let loader = try await project.loader(startsServers: true, simulates: simulate)
        let foreground = await ForegroundRuns(
            project: project, loader: loader, journal: journal, simulator: simulator, isJSON: json,
            progress: progress)
        return try await foreground.performEach(of: {
            try await foreground.service.takeOverFromGone()
            return try await ids(in: journal, for: foreground.worker.host)
        }) { id, current in
            guard await current.begin(id) else { return nil }
            let observer = foreground.observer(of: nil)
            let outcome = try await withLiveLine(observer) {
                try await foreground.service.resume(id, observer: observer) {
                    // The run goes on without it.
                    try? await journal.operators.record("resume-run", of: id)
                }
            }
            switch outcome {
            case .performed(let result): return (id, result)
            case .refused(let claim):
                refused.update { $0 += 1 }
                try await refuse(id, claim, in: journal)
                return nil
            }
        }
    }

    /// - Parameter host: This machine.
    private func ids(in journal: any Journal, for host: String) async throws -> [String] {
        if all { return try await journal.queued(QueueSearch(limit: Self.limit, host: host)).map(\.id) }
        var ids: [String] = []
        for name in runs { ids.append(try await journal.find(name).id) }
        return ids
    }

    /// Says why the run cannot be resumed, and ends the command if it was named.
    private func refuse(_ id: String, _ claim: Claim, in journal: any Journal) async throws {
        let problem: String
        switch claim {
        case .claimed: problem = "another process is changing it at this moment; try again"
        case .busy: problem = "as many runs of its pipeline go on as `concurrency` allows; try again when one has ended"
        case .full: problem = "as many runs go on as `runs.total` allows; try again when one has ended"
        case .taken(let owner):
            let process = try await journal.workers().first { $0.id == owner }?.processID
            problem = "it is being worked on" + (process.map { " by the process \($0)" } ?? "")
        case .contended: problem = "another process is changing it at this moment; try again"
        case .ended(let state):
            problem =
                "it has ended: \(state.rawValue)"
                + (state == .failed ? "; `runnel runs retry \(id)` runs it again" : "")
        case .waiting(let time): problem = "it waits until \(LocalTime.text(time)); `runnel serve` resumes it then"
        case .damaged(_, let error): problem = error.message
        case .missing: problem = "it no longer exists"
        }
        Streams.error.write("error: the run \(id) cannot be resumed: \(problem)\n")
        guard all else { throw ExitStatus.usage }
    }
}
