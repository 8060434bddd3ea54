public import ArgumentParser
public import RunnelEngine
import RunnelKit
import RunnelServer
internal import RunnelSupport

/// `runnel deliveries`
struct DeliveriesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deliveries", abstract: "List, show and replay the calls of hooks.",
        discussion: HelpText.text(
            """
            Deliveries are kept as they came, without header fields and query parameters that carry credentials, for as \
            long and as many as `deliveries` in runnel.yaml says.
            """,
            examples: [
                "runnel deliveries list --outcome refused": "What was refused, and why?",
                "runnel deliveries show last": "The header fields and the body of the newest.",
                "runnel deliveries replay 12": "A new run for it.",
            ]),
        subcommands: [DeliveriesListCommand.self, DeliveriesShowCommand.self, DeliveriesReplayCommand.self],
        defaultSubcommand: DeliveriesListCommand.self)
}

/// The value of `--outcome`.
extension DeliveryRecord.Outcome: ExpressibleByArgument {}

/// `runnel deliveries list`
struct DeliveriesListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List deliveries, the newest first.",
        discussion: HelpText.text(
            examples: [
                "runnel deliveries list --outcome refused -n 5": "The last five that were refused, with their reasons."
            ]))

    @OptionGroup var options: ProjectOptions
    @Option(help: "Only deliveries with this outcome.") var outcome: DeliveryRecord.Outcome?
    @Option(help: "Only deliveries to hooks of this pipeline.", completion: PipelineCompletion.names)
    var pipeline: String?
    @OptionGroup var page: PagingOptions
    @Flag(help: "Print one JSON object a line.") var json = false

    func run() async throws {
        let project = try options.project()
        let journal = try options.journal(of: project)
        let filter = DeliveryFilter(
            outcome: outcome, pipeline: pipeline, before: page.last, limit: page.limit)
        let deliveries = try await withJournalErrors(closing: journal) {
            let found = try await journal.deliveries.deliveries(filter)
            if found.isEmpty, let pipeline { try await PipelineNames.check(pipeline, in: journal, project) }
            return found
        }
        if json {
            for delivery in deliveries { Streams.output.write(json: delivery.json(isFull: false), isPretty: false) }
            return
        }
        guard !deliveries.isEmpty else { return Streams.error.write("no deliveries\n") }
        let table = DeliveryTable(style: .standardOutput, width: Streams.output.width)
        Streams.output.write(styled: table.text(deliveries))
    }
}

/// Deliveries, one per line, with the reason of those that started no run.
struct DeliveryTable {
    let style: TextStyle
    /// The columns of the terminal; nil: nothing is cut.
    var width: Int?

    func text(_ deliveries: [DeliveryRecord]) -> String {
        let columns: [TextTable.Column] = [
            .init(title: "NUMBER"), .init(title: "TIME"), .init(title: "OUTCOME"),
            .init(title: "PIPELINE", shortest: 8), .init(title: "CALL", shortest: 8), .init(title: "RUN", shortest: 14),
        ]
        let rows = deliveries.map { delivery in
            TextTable.Row(
                cells: [
                    "\(delivery.number)", LocalTime.column(delivery.time, isOnTerminal: width != nil),
                    delivery.outcome.rawValue, style.line(delivery.pipeline),
                    style.line("\(delivery.method) \(SecretSeal.masked(delivery.path))"), delivery.runID ?? "-",
                ], detail: delivery.reason.isEmpty ? nil : style.line(SecretSeal.masked(delivery.reason)))
        }
        return TextTable(columns: columns, style: style, width: width).text(rows)
    }
}

/// The delivery that a command names: its number, or `last`.
enum DeliveryArgument: ExpressibleByArgument {
    case number(Int64)
    case last

    init?(argument: String) {
        if argument == "last" {
            self = .last
        } else if let number = Int64(argument) {
            self = .number(number)
        } else {
            return nil
        }
    }

    /// The delivery's number; prints an error and exits the command if `last` names none.
    func resolved(in journal: any Journal) async throws -> Int64 {
        switch self {
        case .number(let number): return number
        case .last:
            guard let newest = try await journal.deliveries.deliveries(DeliveryFilter(limit: 1)).first else {
                throw ExitStatus.usage.reporting("there are no deliveries")
            }
            return newest.number
        }
    }
}

/// `runnel deliveries show`
struct DeliveriesShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a delivery: its header fields, its body, and what became of it.",
        discussion: HelpText.text(
            examples: [
                "runnel deliveries show 12 --json": "As a JSON object."
            ]))

    @OptionGroup var options: ProjectOptions
    @Argument(help: ArgumentHelp("The delivery: its number, or `last`.", valueName: "delivery"))
    var requested: DeliveryArgument
    @Flag(help: "Print a JSON object.") var json = false

    func run() async throws {
        let journal = try options.journal(of: try options.project())
        let (number, found) = try await withJournalErrors(closing: journal) {
            let number = try await requested.resolved(in: journal)
            return (number, try await journal.deliveries.delivery(number))
        }
        guard let delivery = found else {
            throw ExitStatus.usage.reporting(
                "there is no delivery \(number)", hint: "`runnel deliveries list` lists them")
        }
        if json { return Streams.output.write(json: delivery.json(isFull: true), isPretty: true) }
        let style = TextStyle.standardOutput
        let request = SecretSeal.masked(delivery.request)
        let query = request["query"]?.asString ?? ""
        var lines = [
            "\(delivery.method) \(SecretSeal.masked(delivery.path))\(query.isEmpty ? "" : "?\(query)")",
            "\(delivery.outcome.rawValue) by \(delivery.pipeline) (\(delivery.trigger)), answered \(delivery.status), "
                + "from \(request["from"]?.asString ?? "")",
            LocalTime.text(delivery.time),
        ]
        if let run = delivery.runID { lines.append("run \(run)") }
        if !delivery.reason.isEmpty { lines.append("reason: \(SecretSeal.masked(delivery.reason))") }
        for field in request["headers"]?.asList ?? [] {
            lines.append("\(field.asList?.first?.asString ?? ""): \(field.asList?.last?.asString ?? "")")
        }
        for line in lines { Streams.output.write(styled: style.line(line) + "\n") }
        if delivery.size > 0 {
            Streams.output.write("\n")
            if let text = delivery.shownText {
                Streams.output.write(styled: style.safe(text) + (text.hasSuffix("\n") ? "" : "\n"))
            } else {
                Streams.output.write("(\(ByteCount(delivery.size)) that are not text)\n")
            }
        }
        if delivery.isBodyUnread {
            Streams.error.write("the body was not read to its end\n")
        } else if !delivery.isWhole {
            let kept = ByteCount(DeliveryRecord.maximumBody)
            Streams.error.write("\(kept) of the body are kept, of \(ByteCount(delivery.size))\n")
        }
    }
}

/// `runnel deliveries replay`
struct DeliveriesReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Start a new run for a delivery.",
        discussion: HelpText.text(
            """
            The run begins with the pipeline as it is now. The signature is not checked again, and neither is the \
            trigger's `if`, so a delivery that was refused or ignored can be replayed once its cause is mended. Where a \
            run stands for the delivery already, the new one is a retry of it. The running server works on it; without \
            one, it waits in the journal for the next `runnel serve`.
            """,
            examples: [
                "runnel deliveries replay 12": "Prints the id of the new run."
            ]))

    @OptionGroup var options: ProjectOptions
    @Argument(help: ArgumentHelp("The delivery: its number, or `last`.", valueName: "delivery"))
    var requested: DeliveryArgument

    func run() async throws {
        let project = try options.project(runsCommands: true)
        let number = try await resolvedNumber(in: project)
        let client = ServerClient(project: project)
        guard await OfflineServer.isNeeded(client) else {
            let answer = try await client.request("POST", "/deliveries/\(number)/replay")
            return Streams.output.write((answer["run"]?.asString ?? "") + "\n")
        }
        let run = try await OfflineServer(options: options, project: project).perform { try await $0.replay(number) }
        OfflineServer.tell(of: 1)
        Streams.output.write(run + "\n")
    }

    private func resolvedNumber(in project: Project) async throws -> Int64 {
        // Only `last` has to be looked up in the journal.
        if case .number(let number) = requested { return number }
        let journal = try options.journal(of: project)
        return try await withJournalErrors(closing: journal) { try await requested.resolved(in: journal) }
    }
}
