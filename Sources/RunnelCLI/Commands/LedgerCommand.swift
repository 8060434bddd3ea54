import ArgumentParser
import RunnelEngine
import RunnelKit
import RunnelServer
internal import RunnelSupport

/// `runnel ledger`
struct LedgerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "Show what a trigger remembers, such as the files of a watched folder.",
        discussion: HelpText.text(
            """
            A `watch` starts no second run for a file that stands here with the same content. With `after: move` or \
            `delete`, files stand here with the run that they wait for, and leave when they are moved or deleted.
            """,
            examples: [
                "runnel ledger tickets": "The files that the watch of the pipeline tickets knows.",
                "runnel ledger tickets \"watch[1]\"": "Those of its second watch.",
            ]))

    @OptionGroup var options: ProjectOptions
    @Argument(help: "The pipeline's name.", completion: PipelineCompletion.names) var pipeline: String
    @Argument(help: "The trigger's key; not needed for the only one that remembers entries.") var trigger: String?
    @Option(name: [.customShort("n"), .long], parsing: .unconditional, help: "How many, by name.") var limit = 100
    @Option(help: ArgumentHelp("Only those behind this: `next` of a page before.", valueName: "position"))
    var after: String?
    @Flag(help: "Print a JSON object.") var json = false

    func validate() throws {
        if !(1...100_000).contains(limit) {
            throw ValidationError("--limit \(limit): expected a number from 1 to 100000")
        }
    }

    func run() async throws {
        let project = try options.project()
        let page = try await OfflineServer(options: options, project: project).perform(simulates: true) {
            [pipeline, trigger, after, limit] in
            try await $0.ledger(pipeline, key: trigger, after: after, limit: limit)
        }
        if json { return Streams.output.write(json: page.json, isPretty: true) }
        guard !page.items.isEmpty else { return Streams.error.write("no entries\n") }
        Streams.output.write(styled: Self.table(page.items, .standardOutput, width: Streams.output.width))
        guard let next = page.next else { return }
        Streams.error.write("there are more: --after \(Self.quoted(next))\n")
    }

    private static func table(_ items: [LedgerItem], _ style: TextStyle, width: Int?) -> String {
        let columns: [TextTable.Column] = [
            .init(title: "CHANGED"), .init(title: "SIZE"), .init(title: "RUN", shortest: 14),
            .init(title: "NAME", shortest: 12),
        ]
        let rows = items.map { item in
            TextTable.Row(
                cells: [
                    item.modified.map { LocalTime.column($0, isOnTerminal: width != nil) } ?? "-",
                    item.size.map { "\(ByteCount($0))" } ?? "-", style.line(item.runID ?? "-"), style.line(item.name),
                ])
        }
        return TextTable(columns: columns, style: style, width: width).text(rows)
    }

    /// As a shell takes it.
    private static func quoted(_ text: String) -> String { "'\(text.replacing("'", with: "'\\''"))'" }
}
