import RunnelEngine
import RunnelKit

/// What agents and models have used: by day, by pipeline and by agent.
struct UsagePage {
    let context: PageContext
    let sums: [UsageSum]
    let prices: PriceTable
    /// The days that the sums are by.
    let days: UsageDays
    let budgets: [BudgetStatus]
    /// The names of the served pipelines, which have pages.
    let served: Set<String>

    static let days = 30

    func html() -> String {
        let words = context.words
        let total = sums.total(prices)
        return PageFrame(
            context: context, section: .usage, title: words(.navUsage), live: PageFrame.followsAll
        ).html { html in
            html.element("div", .class("title")) { $0.element("h1", text: words(.navUsage)) }
            html.element("p", .class("soft"), text: words(.usageHelp, days.zone.name))
            html.element("div", .id("usage"), .flag("data-live")) { html in
                if !budgets.isEmpty { budgetTable(&html) }
                guard total.calls > 0 else {
                    html.element("section", .class("sheet"), .label(words(.navUsage))) {
                        $0.empty(words(.noUsage), words(.noUsageHint))
                    }
                    return
                }
                html.element("section", .class("tiles"), .label(words(.last30Days))) { html in
                    html.element("div", .class("sheet tile wide")) { html in
                        html.element("span", .class("soft"), text: words(.tokensByDay))
                        bars(&html)
                    }
                    tile(words(.columnCalls), words.short(total.calls), unknown(total), &html)
                    tile(
                        words(.columnTokens),
                        words.tokens(total.inputTokens + total.outputTokens, unknown: total.unknownCalls, of: total),
                        words(.inAndOut, words.short(total.inputTokens), words.short(total.outputTokens)), &html)
                    tile(words(.columnCost), words.cost(total) ?? "—", nil, &html)
                }
                table("by-pipeline", .byPipeline, .columnPipeline, { $0.pipeline }, isPipeline: true, &html)
                table("by-agent", .byAgent, .columnAgent, { $0.agent ?? $0.model ?? words(.stateUnknown) }, &html)
                table(
                    "by-day", .byDay, .columnDay,
                    { days.date($0.period) },
                    isNewestFirst: true, &html)
            }
        }
    }

    private func tile(_ title: String, _ number: String, _ detail: String?, _ html: inout HTMLWriter) {
        html.element("div", .class("sheet tile")) { html in
            html.element("span", .class("soft"), text: title)
            html.element("b", text: number)
            if let detail { html.element("span", .class("soft cut"), text: detail) }
        }
    }

    private func unknown(_ total: UsageTotal) -> String? {
        total.unknownCalls == 0 ? nil : context.words(.unknownCalls, total.unknownCalls)
    }

    private func bars(_ html: inout HTMLWriter) {
        var tokens = [Int](repeating: 0, count: Self.days)
        for sum in sums where tokens.indices.contains(sum.period) { tokens[sum.period] += sum.total.countedTokens }
        let most = max(1, tokens.max() ?? 1)
        html.bars(Self.days, label: context.words(.tokensByDay)) { html in
            for (index, count) in tokens.enumerated() {
                let height = count == 0 ? 1 : max(2, Int(Double(count) / Double(most) * 40))
                html.bar(index, height: height, count == 0 ? "none" : "run")
            }
        }
        html.element("p", .class("scale soft")) { html in
            html.element("span", text: days.date(0))
            html.element("span", text: context.words(.dayAtMost, context.words.short(tokens.max() ?? 0)))
            html.element("span", text: days.date(Self.days - 1))
        }
    }

    private func table(
        _ id: StaticString, _ title: Phrase, _ column: Phrase, _ name: (UsageSum) -> String, isPipeline: Bool = false,
        isNewestFirst: Bool = false, _ html: inout HTMLWriter
    ) {
        let words = context.words
        let rows = Dictionary(grouping: sums, by: name).mapValues { $0.total(prices) }.sorted {
            isNewestFirst ? $0.key > $1.key : ($1.value.countedTokens, $0.key) < ($0.value.countedTokens, $1.key)
        }
        html.sheet(id, words(title)) { html in
            html.table(
                words(title), words, .text(column),
                .numbers(.columnCalls, .columnTokensIn, .columnTokensCached, .columnTokensOut, .columnCost)
            ) { html in
                for (name, total) in rows.prefix(200) {
                    html.element("tr") { html in
                        html.element("td", .class("name")) { html in
                            if isPipeline { pipeline(name, &html) } else { html.outside(name) }
                        }
                        number(.columnCalls, words.number(total.calls), &html)
                        let (unknown, uncached) = (total.unknownCalls, total.unknownCachedCalls)
                        number(.columnTokensIn, words.tokens(total.inputTokens, unknown: unknown, of: total), &html)
                        number(
                            .columnTokensCached, words.tokens(total.cachedTokens, unknown: uncached, of: total), &html)
                        number(.columnTokensOut, words.tokens(total.outputTokens, unknown: unknown, of: total), &html)
                        number(.columnCost, words.cost(total) ?? "—", &html)
                    }
                }
            }
        }
    }

    private func pipeline(_ name: String, _ html: inout HTMLWriter) {
        guard served.contains(name) else { return html.outside(name) }
        html.element("a", .href(Link("pipelines", name))) { $0.outside(name) }
    }

    private func budgetTable(_ html: inout HTMLWriter) {
        let words = context.words
        html.sheet("budgets", words(.budgets)) { html in
            html.table(
                words(.budgets), words, .text(.columnBudget), .numbers(.columnUsed, .columnLimit, .columnShare),
                .text(.columnPeriodEnd, .columnBeyond)
            ) { html in
                for budget in budgets {
                    html.element("tr") { html in
                        html.element("td", .class("name")) { html in
                            guard let name = budget.pipeline else { return html.text(words(.allChats)) }
                            pipeline(name, &html)
                        }
                        let used = amount(budget.used, of: budget)
                        number(.columnUsed, budget.isEstimated ? words(.partlyEstimated, used) : used, &html)
                        number(.columnLimit, amount(budget.limit, of: budget), &html)
                        number(.columnShare, "\(budget.percent) %", &html)
                        html.element("td", .plain("data-label", words(.columnPeriodEnd))) {
                            $0.time(budget.endsAt, context)
                        }
                        html.element(
                            "td", .plain("data-label", words(.columnBeyond)),
                            text: words(budget.excess == .wait ? .chatsWait : .chatsFail))
                    }
                }
            }
        }
    }

    private func amount(_ amount: Double, of budget: BudgetStatus) -> String {
        if let currency = budget.currency { return "\(Money(amount, currency))" }
        return context.words(.amountOfTokens, context.words.short(Int(min(amount, 1e18))))
    }

    private func number(_ label: Phrase, _ text: String, _ html: inout HTMLWriter) {
        html.element("td", .class("num"), .plain("data-label", context.words(label)), text: text)
    }
}

extension Words {
    /// What is not known of all calls is marked, and what is known of none is "unknown". There must be a call.
    func tokens(_ number: Int, unknown: Int, of total: UsageTotal) -> String {
        if unknown == total.calls { return self(.stateUnknown) }
        return (unknown > 0 ? "≥ " : "") + short(number)
    }

    /// nil where no cost is known.
    func cost(_ total: UsageTotal) -> String? {
        total.cost.map { total.unpricedCalls > 0 ? "≥ \($0)" : "\($0)" }
    }
}
