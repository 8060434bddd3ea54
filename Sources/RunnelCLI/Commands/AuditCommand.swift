import ArgumentParser
import RunnelEngine
import RunnelKit
internal import RunnelSupport

/// `runnel audit`
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Show what operators did: who, when, what, from where.",
        discussion: HelpText.text(
            examples: [
                "runnel audit -n 5": "The last five actions."
            ]))

    @OptionGroup var options: ProjectOptions
    @OptionGroup var page: PagingOptions
    @Flag(help: "Print one JSON object a line.") var json = false

    func run() async throws {
        let journal = try options.journal(of: try options.project())
        let entries = try await withJournalErrors {
            try await journal.operators.audit(before: page.last, limit: page.number)
        }
        await journal.close()
        if json {
            for entry in entries { Streams.output.write(json: entry.json, isPretty: false) }
            return
        }
        let style = TextStyle.standardOutput
        for entry in entries {
            let outcome = entry.outcome.isEmpty ? "" : " → \(entry.outcome)"
            let what = style.safe("\(entry.action) \(entry.subject)\(outcome)")
            let who = style.safe("\(entry.caller) from \(entry.origin)")
            Streams.output.write(styled: "\(LocalTime.text(entry.time))  \(what)  \(style.dim(who))\n")
        }
    }
}

extension OperatorRecords {
    /// Adds an entry for what was done on the command line.
    func record(_ action: String, of subject: String, outcome: String = "") async throws(JournalError) {
        try await append(
            AuditEntry(
                time: WallClock.nanoseconds(), caller: "local", origin: "command line", action: action,
                subject: subject, outcome: outcome))
    }
}
