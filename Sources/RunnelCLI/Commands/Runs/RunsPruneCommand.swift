import ArgumentParser
import RunnelEngine
import RunnelKit
internal import RunnelSupport

/// `runnel runs prune`
struct RunsPruneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Remove ended runs and free their space.",
        discussion: HelpText.text(
            """
            Without options, `journal.keep`, `journal.keep_runs` and `journal.keep_bytes` of runnel.yaml say what \
            stays. `runnel serve` does the same all the time.
            """,
            examples: [
                "runnel runs prune --keep 7d": "Removes runs that ended more than a week ago."
            ]))

    @OptionGroup var options: ProjectOptions
    @Option(
        parsing: .unconditional, help: ArgumentHelp("Keep runs that ended within this time.", valueName: "duration"))
    var keep: DurationArgument?
    @Option(
        parsing: .unconditional, help: ArgumentHelp("Number of runs to keep of each pipeline.", valueName: "number"))
    var keepRuns: Int?

    func validate() throws {
        if let keepRuns, keepRuns < 0 { throw ValidationError("--keep-runs \(keepRuns): expected 0 or more") }
    }

    func run() async throws {
        let project = try options.project()
        let journal = try options.journal(of: project, migrates: true)
        try await withJournalErrors(closing: journal) {
            var retention = project.settings.retention
            if keep != nil || keepRuns != nil {
                (retention.age, retention.count, retention.bytes) = (keep?.duration, keepRuns, nil)
            }
            let report = try await journal.prune(retention, now: WallClock.nanoseconds())
            let runs = report.runs == 1 ? "1 run" : "\(report.runs) runs"
            Streams.output.write("removed \(runs), \(readable(bytes: Int(report.bytes))) freed\n")
        }
    }
}
