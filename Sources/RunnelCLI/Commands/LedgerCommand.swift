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
    @Option(name: [.customShort("n"), .long], help: "How many, by name.") var limit = 100
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
        let page = try await OfflineServer(options: options, project: project).perform {
            [pipeline, trigger, after, limit] in
            try await $0.ledger(pipeline, key: trigger, after: after, limit: limit)
        }
        if json { return Streams.output.write(json: page.json, isPretty: true) }
        guard !page.items.isEmpty else { return Streams.error.write("no entries\n") }
        let style = TextStyle.standardOutput
        for item in page.items {
            let words = [
                item.modified.map { LocalTime.text($0) } ?? "", item.size.map { "\(ByteCount($0))" } ?? "",
                style.line(item.name), item.runID.map { style.dim("→ " + style.line($0)) } ?? "",
            ]
            Streams.output.write(styled: words.filter { !$0.isEmpty }.joined(separator: "  ") + "\n")
        }
        guard let next = page.next else { return }
        Streams.error.write("there are more: --after \(Self.quoted(next))\n")
    }

    /// As a shell takes it.
    private static func quoted(_ text: String) -> String { "'\(text.replacing("'", with: "'\\''"))'" }
}
