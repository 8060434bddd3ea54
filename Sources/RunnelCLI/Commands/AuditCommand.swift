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
    @Option(name: .shortAndLong, help: "How many entries, the newest first.") var number = 50
    @Option(help: ArgumentHelp("Only entries before this number: the last of a page before.", valueName: "number"))
    var before: Int?
    @Flag(help: "Print one JSON object a line.") var json = false

    func validate() throws {
        if number < 1 { throw ValidationError("-n \(number): expected 1 or more") }
    }

    func run() async throws {
        let journal = try options.journal(of: try options.project())
        let entries = try await withJournalErrors {
            try await journal.operators.audit(before: before.map { Int64($0) }, limit: number)
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
