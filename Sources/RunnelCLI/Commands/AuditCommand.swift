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
        let entries = try await withJournalErrors(closing: journal) {
            try await journal.operators.audit(before: page.last, limit: page.limit)
        }
        if json {
            for entry in entries { Streams.output.write(json: entry.json, isPretty: false) }
            return
        }
        guard !entries.isEmpty else { return Streams.error.write("no actions\n") }
        let table = AuditTable(style: .standardOutput, width: Streams.output.width)
        Streams.output.write(styled: table.text(entries))
    }
}

/// Entries of the audit log, one per line.
struct AuditTable {
    let style: TextStyle
    /// The columns of the terminal; nil: nothing is cut.
    var width: Int?

    func text(_ entries: [AuditEntry]) -> String {
        let columns: [TextTable.Column] = [
            .init(title: "TIME"), .init(title: "ACTION"), .init(title: "SUBJECT", shortest: 8),
            .init(title: "OUTCOME", shortest: 8), .init(title: "CALLER", shortest: 6),
            .init(title: "FROM", shortest: 8),
        ]
        let rows = entries.map { entry in
            let words = [entry.action, entry.subject, entry.outcome, entry.caller, entry.origin]
            return TextTable.Row(
                cells: [LocalTime.column(entry.time, isOnTerminal: width != nil)] + words.map(style.line))
        }
        return TextTable(columns: columns, style: style, width: width).text(rows)
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
