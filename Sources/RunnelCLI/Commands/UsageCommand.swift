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

    @Option(help: ArgumentHelp("Only calls within this period: `12h`, `30d`.", valueName: "duration"))
    var since = DurationArgument(.seconds(30 * 86_400))

    @Option(help: "What each line sums up.") var by = Grouping.pipeline

    @Option(help: "Only calls of this pipeline.", completion: PipelineCompletion.names) var pipeline: String?

    @Flag(help: "Print a JSON object.") var json = false

    func run() async throws {
        let project = try options.project()
        let journal = try options.journal(of: project)
        try await withJournalErrors {
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
                Streams.output.write(styled: report.text(style: .standardOutput))
            }
            if !json, !budgets.isEmpty {
                let space = report.rows.isEmpty ? "" : "\n"
                Streams.output.write(styled: space + report.budgetText(style: .standardOutput))
            }
        }
        await journal.close()
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

    func text(style: TextStyle) -> String {
        let header = [title.uppercased(), "CALLS", "IN", "CACHED", "OUT", "COST"]
        var table = rows.map { [style.line($0.name)] + Self.cells($0.total) }
        if rows.count > 1 { table.append(["total"] + Self.cells(total)) }
        var lines = Self.lines(header, table, style)
        if let zone { lines.append(style.dim("days of the time zone \(style.line(zone.name))")) }
        if total.unknownCalls > 0 {
            let estimate = total.estimatedInput + total.estimatedOutput
            lines.append(
                style.dim(
                    "the server told no tokens of \(Self.calls(total.unknownCalls)); estimated, and counted by budgets: "
                        + "\(estimate)"))
        }
        let unpriced = total.unpricedCalls - total.unknownCalls
        if unpriced > 0 {
            lines.append(style.dim("no price is set for \(Self.calls(unpriced)); see `prices` in runnel.yaml"))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The budgets, in a table of their own.
    func budgetText(style: TextStyle) -> String {
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
        var lines = Self.lines(["BUDGET", "USED", "LIMIT", "SHARE", "PER", "UNTIL", "THEN"], rows, style)
        if budgets.contains(where: \.isEstimated) {
            lines.append(style.dim("~ some of it is estimated: the server did not tell it"))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func lines(_ header: [String], _ table: [[String]], _ style: TextStyle) -> [String] {
        let widths = header.indices.map { column in ([header] + table).map { $0[column].count }.max() ?? 0 }
        func line(_ cells: [String]) -> String {
            cells.enumerated().map { column, text in
                let space = String(repeating: " ", count: widths[column] - text.count)
                return column == 0 ? text + space : space + text
            }.joined(separator: "  ")
        }
        return [style.dim(line(header))] + table.map(line)
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
