import ArgumentParser
import RunnelEngine
import RunnelKit
internal import RunnelSupport

/// `runnel usage`
struct UsageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage", abstract: "Show what agents and models have used: calls, model tokens, cost.",
        discussion: HelpText.text(
            """
            What a server did not tell is shown as unknown and is in no sum; budgets count an estimate for it. The cost \
            comes from `prices` in runnel.yaml. Days are those of the local time zone (`TZ`, else the machine's), as the times of \
            `runnel runs list` and schedules without a `timezone`; those of a budget begin in \
            `marketplace.budget.timezone`. Simulated chats are not counted, nor are chats without a journal: those of \
            `--no-journal` and of `runnel test --live`.
            """,
            "Below stand the budgets of `marketplace`, if there are any: what is used of each in its present period.",
            examples: [
                "runnel usage --since 7d --by day": "What each of the last seven days used."
            ]))

    enum Grouping: String, ExpressibleByArgument, CaseIterable { case pipeline, agent, day }

    @OptionGroup var options: ProjectOptions

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Only calls within this period: `12h`, `30d`.", valueName: "duration"))
    var since = DurationArgument(.seconds(30 * 86_400))

    @Option(help: "What each line sums up.") var by = Grouping.pipeline

    @Option(help: "Only calls of this pipeline.", completion: PipelineCompletion.names) var pipeline: String?

    @Flag(help: "Print a JSON object.") var json = false

    func run() async throws {
        let project = try options.project()
        let journal = try options.journal(of: project)
        try await withJournalErrors(closing: journal) {
            let now = WallClock.nanoseconds()
            let start = now - since.duration.nanoseconds
            // Whole days, so that the first one can be compared with the others.
            let days = by == .day ? UsageDays(from: start, to: now, in: UsageDays.localZone) : nil
            let sums = try await journal.usage(
                days?.query(pipeline: pipeline) ?? UsageQuery(since: start, pipeline: pipeline))
            let prices = project.settings.prices
            let budgets = try await ProjectPlugins.load(project).registry.budgets(
                MonitoringContext(now: now, journal: journal, prices: prices)
            ).filter { budget in pipeline == nil || budget.pipeline == nil || budget.pipeline == pipeline }
            let report = UsageReport(
                days?.byDay(sums) ?? sums, by: by, days: days, since: days?.start ?? start, prices, budgets)
            if report.rows.isEmpty, let pipeline {
                try await PipelineNames.check(pipeline, in: journal, project)
            }
            if json {
                Streams.output.write(json: report.json, isPretty: true)
            } else if report.rows.isEmpty {
                Streams.error.write(
                    """
                    no calls of agents or models since \(LocalTime.text(report.since))
                      = simulated chats are not counted

                    """)
            } else {
                Streams.output.write(styled: report.text(style: .standardOutput, width: Streams.output.width))
            }
            if !json, !budgets.isEmpty {
                let space = report.rows.isEmpty ? "" : "\n"
                let table = report.budgetText(style: .standardOutput, width: Streams.output.width)
                Streams.output.write(styled: space + table)
            }
        }
    }
}

/// The sums of `runnel usage`, by name.
struct UsageReport {
    let rows: [(name: String, total: UsageTotal)]
    let total: UsageTotal
    private let title: String
    private let zone: Zone?
    /// Nanoseconds since 1970.
    let since: Int64
    private let budgets: [BudgetStatus]

    /// - Parameter days: Those that the sums are by; nil for sums of the whole time.
    init(
        _ sums: [UsageSum], by grouping: UsageCommand.Grouping, days: UsageDays?, since: Int64, _ prices: PriceTable,
        _ budgets: [BudgetStatus] = []
    ) {
        self.budgets = budgets
        title = grouping.rawValue
        zone = days?.zone
        self.since = since
        var totals: [String: UsageTotal] = [:]
        for sum in sums {
            let name =
                switch grouping {
                case .pipeline: sum.pipeline
                case .agent: sum.agent ?? sum.model ?? "unknown"
                case .day: days?.date(sum.period) ?? ""
                }
            totals[name, default: UsageTotal()].add(prices.priced(sum.total, agent: sum.agent, model: sum.model))
        }
        rows = totals.sorted { $0.key < $1.key }.map { (name: $0.key, total: $0.value) }
        total = rows.reduce(into: UsageTotal()) { $0.add($1.total) }
    }

    // MARK: Text

    /// - Parameter width: The columns of the terminal; nil: nothing is cut or wrapped.
    func text(style: TextStyle, width: Int? = nil) -> String {
        let header = [title.uppercased(), "CALLS", "IN", "CACHED", "OUT", "COST"]
        var table = rows.map { [style.line($0.name)] + Self.cells($0.total) }
        if rows.count > 1 { table.append(["total"] + Self.cells(total)) }
        var notes: [String] = []
        if let zone { notes.append("days of the time zone \(style.line(zone.name))") }
        if total.unknownCalls > 0 {
            let estimate = total.estimatedInput + total.estimatedOutput
            notes.append(
                "the server told no tokens of \(Self.calls(total.unknownCalls)); estimated, and counted by budgets: "
                    + "\(estimate)")
        }
        let unpriced = total.unpricedCalls - total.unknownCalls
        if unpriced > 0 {
            notes.append("no price is set for \(Self.calls(unpriced)); see `prices` in runnel.yaml")
        }
        return Self.table(header, table.map { .init(cells: $0) }, style, width)
            + notes.map { style.dim(TextWrap.wrap($0, width: width, hanging: 2)) + "\n" }.joined()
    }

    /// The budgets, in a table of their own. Where it does not fit into the terminal, its last two columns stand below each
    /// row.
    func budgetText(style: TextStyle, width: Int? = nil) -> String {
        let header = ["BUDGET", "USED", "LIMIT", "SHARE", "PER", "UNTIL", "THEN"]
        let rows = budgets.map { budget in
            func amount(_ number: Double) -> String {
                budget.currency.map { "\(Money(number, $0))" } ?? "\(Int(min(number, 1e18))) tokens"
            }
            return [
                budget.pipeline.map(style.line) ?? "all chats", (budget.isEstimated ? "~ " : "") + amount(budget.used),
                amount(budget.limit), "\(budget.percent) %", budget.period, LocalTime.text(budget.endsAt),
                budget.excess.rawValue,
            ]
        }
        let whole = Self.table(header, rows.map { .init(cells: $0) }, TextStyle(hasColor: false), nil)
        let columns = whole.split(separator: "\n").map(\.count).max() ?? 0
        let isNarrow = width.map { columns > $0 } ?? false
        let table = rows.map { cells in
            isNarrow
                ? TextTable.Row(cells: Array(cells.dropLast(2)), detail: "until \(cells[5]), then \(cells[6])")
                : TextTable.Row(cells: cells)
        }
        let note = "~ some of it is estimated: the server did not tell it"
        return Self.table(isNarrow ? Array(header.dropLast(2)) : header, table, style, width)
            + (budgets.contains(where: \.isEstimated) ? style.dim(note) + "\n" : "")
    }

    /// A name and numbers in each row.
    private static func table(
        _ header: [String], _ rows: [TextTable.Row], _ style: TextStyle, _ width: Int?
    ) -> String {
        let columns = header.enumerated().map { index, title in
            TextTable.Column(title: title, shortest: index == 0 ? 12 : nil, isNumber: index > 0)
        }
        return TextTable(columns: columns, style: style, width: width).text(rows)
    }

    private static func calls(_ count: Int) -> String { count == 1 ? "1 call" : "\(count) calls" }

    /// What is not known of all calls is marked, and what is known of none is "unknown".
    private static func cells(_ total: UsageTotal) -> [String] {
        func tokens(_ number: Int, unknown: Int) -> String {
            if unknown == total.calls { return "unknown" }
            return unknown > 0 ? "≥ \(number)" : "\(number)"
        }
        let cost = total.cost.map { total.unpricedCalls > 0 ? "≥ \($0)" : "\($0)" } ?? "unknown"
        return [
            "\(total.calls)", tokens(total.inputTokens, unknown: total.unknownCalls),
            tokens(total.cachedTokens, unknown: total.unknownCachedCalls),
            tokens(total.outputTokens, unknown: total.unknownCalls), cost,
        ]
    }

    // MARK: JSON

    var json: Value {
        var object: ValueObject = [
            "since": .string(Timestamp.text(nanoseconds: since)), "by": .string(title),
            "rows": .list(
                rows.map {
                    .object(ValueObject([(title, .string($0.name))] + Self.json($0.total).map { ($0.key, $0.value) }))
                }),
            "total": .object(Self.json(total)),
        ]
        object["timezone"] = zone.map { .string($0.name) }
        object["budgets"] = .list(budgets.map(\.json))
        return .object(object)
    }

    private static func json(_ total: UsageTotal) -> ValueObject {
        func known(_ number: Int, unknown: Int) -> Value { unknown == total.calls ? .null : .int(Int64(number)) }
        return [
            "calls": .int(Int64(total.calls)), "input_tokens": known(total.inputTokens, unknown: total.unknownCalls),
            "cached_tokens": known(total.cachedTokens, unknown: total.unknownCachedCalls),
            "output_tokens": known(total.outputTokens, unknown: total.unknownCalls),
            "unknown_calls": .int(Int64(total.unknownCalls)),
            "unknown_cached_calls": .int(Int64(total.unknownCachedCalls)),
            "estimated_tokens": .int(Int64(total.estimatedInput + total.estimatedOutput)),
            "cost": total.cost.map { .double($0.amount) } ?? .null,
            "currency": total.cost.map { .string($0.currency) } ?? .null,
            "unpriced_calls": .int(Int64(total.unpricedCalls)),
        ]
    }
}
