public import RunnelKit

/// A number of model tokens, written as `50000`, `500k` or `2M`.
public struct TokenCount: Sendable, Hashable, FieldValue {
    /// How many.
    public var number: Int

    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value {
        ["anyOf": [["type": "integer", "minimum": 1], ["type": "string", "pattern": "^[0-9]+(\\.[0-9]+)? ?[kMG]$"]]]
    }

    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        if let whole = value.asInt, let number = Int(exactly: whole), number > 0 {
            self.number = number
            return
        }
        let units: [Character: Double] = ["k": 1e3, "M": 1e6, "G": 1e9]
        let text = value.asString ?? ""
        let digits = text.dropLast().last == " " ? text.dropLast(2) : text.dropLast()
        guard let unit = text.last.flatMap({ units[$0] }), let number = Double(digits), number > 0,
            number * unit < 1e15
        else { throw .expected("a number of tokens, such as 50000, \"500k\" or \"2M\"", found: value) }
        self.number = Int(number * unit)
    }

    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: Value? { .int(Int64(number)) }

    /// `2M`, `1.5M`, `500k`, `999`.
    static func text(_ number: Int) -> String {
        for (unit, size) in [("M", 1_000_000), ("k", 1000)] where number >= size {
            let tenths = number / (size / 10)
            return tenths % 10 == 0 ? "\(tenths / 10)\(unit)" : "\(tenths / 10).\(tenths % 10)\(unit)"
        }
        return "\(number)"
    }
}

/// The difference of a time zone to UTC, as `UTC` or `+09:00`.
public struct TimeOffset: Sendable, Hashable, FieldValue {
    /// East of Greenwich.
    public var seconds: Int64 = 0

    /// UTC.
    public init() {}

    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value { ["type": "string", "pattern": "^(UTC|[+-][0-9]{2}:[0-9]{2})$"] }

    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        guard value != "UTC" else { return }
        let text = Array((value.asString ?? "").utf8)
        guard text.count == 6, text[0] == UInt8(ascii: "+") || text[0] == UInt8(ascii: "-"),
            text[3] == UInt8(ascii: ":"),
            let hours = Int64(String(decoding: text[1...2], as: UTF8.self)), hours <= 14,
            let minutes = Int64(String(decoding: text[4...5], as: UTF8.self)), minutes < 60
        else { throw .expected("\"UTC\" or a difference to it such as \"+09:00\"", found: value) }
        seconds = (text[0] == UInt8(ascii: "-") ? -1 : 1) * (hours * 3600 + minutes * 60)
    }

    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: Value? { "UTC" }
}

/// A limit on what chats use in a period.
public struct BudgetLimit: FieldGroup {
    /// How long a budget lasts.
    public enum Period: String, FieldChoice { case hour, day, week, month }
    /// What happens to a chat beyond the budget.
    public enum Excess: String, FieldChoice { case wait, fail }

    @Field("The model tokens, in and out; of chats whose tokens are unknown an estimate counts.")
    public var tokens: TokenCount?
    @Field("The cost, by `prices`.") public var cost: Money?
    @Field("The period; it begins at its first minute in `timezone`, a week on Monday.") public var per: Period = .day
    @Field("Beyond the budget: `wait` until the next period, or `fail`.") public var then: Excess = .wait
    @Field("Where days begin.") public var timezone: TimeOffset = TimeOffset()

    /// No limit.
    public init() {}

    /// - Throws: A ``FieldError`` for a budget without a limit.
    public func validate() throws(FieldError) {
        guard tokens != nil || cost != nil else {
            throw FieldError("expected `tokens`, `cost` or both", hint: "a budget without a limit limits nothing")
        }
    }
}

extension BudgetLimit {
    private static let second: Int64 = 1_000_000_000

    /// The period around a time, in nanoseconds since 1970.
    func period(at now: Int64) -> Range<Int64> {
        let local = now.flooredQuotient(Self.second) + timezone.seconds
        let today = Int(local.flooredQuotient(86_400))
        let days: Range<Int>
        switch per {
        case .hour:
            let start = local.flooredQuotient(3600) * 3600
            return instant(start)..<instant(start + 3600)
        case .day: days = today..<(today + 1)
        case .week:
            // 1970-01-01 was a Thursday.
            let monday = today - (today + 3).flooredRemainder(7)
            days = monday..<(monday + 7)
        case .month:
            let date = CivilDate(daysSinceEpoch: today)
            let first = today - (date.day - 1)
            days = first..<(first + CivilDate.days(inMonth: date.month, of: date.year))
        }
        return instant(Int64(days.lowerBound) * 86_400)..<instant(Int64(days.upperBound) * 86_400)
    }

    private func instant(_ local: Int64) -> Int64 { (local - timezone.seconds) * Self.second }

    /// How much of the budget is used, as a part of 1, with the words for it.
    func use(_ total: UsageTotal) -> (part: Double, words: String) {
        var uses: [(part: Double, words: String)] = []
        if let tokens {
            let estimate = total.unknownCalls > 0 ? ", of which some are estimated" : ""
            uses.append(
                (
                    Double(total.countedTokens) / Double(tokens.number),
                    "\(TokenCount.text(total.countedTokens)) of \(TokenCount.text(tokens.number)) tokens\(estimate)"
                ))
        }
        if let cost {
            let spent = Money(total.countedCost, cost.currency)
            let part = cost.amount > 0 ? spent.amount / cost.amount : 1
            uses.append((part, "\(spent) of \(cost)"))
        }
        return uses.max { $0.part < $1.part } ?? (0, "")
    }
}

/// The budgets that a chat is under.
struct Budgets {
    let settings: MarketplaceSettings

    /// Lets a chat begin, or not. Chats that are open already when a budget is reached finish.
    /// - Throws: ``StepPostponement`` or a ``StepError`` beyond a budget.
    func check(agent: String?, model: String?, _ context: StepContext) async throws {
        let pipeline = context.identity.pipeline
        let limits: [(limit: BudgetLimit?, pipeline: String?, name: String)] = [
            (settings.budget, nil, "the budget"),
            (settings.pipelineBudgets[pipeline], pipeline, "the budget of \(pipeline)"),
        ]
        for case (let limit?, let scope, let name) in limits {
            if let cost = limit.cost { try checkPrice(in: cost.currency, agent, model, context.prices) }
            let period = limit.period(at: context.now())
            let total = try await context.journal.usage(since: period.lowerBound, pipeline: scope)
            let (part, words) = limit.use(total)
            let used = "\(words) are used in this \(limit.per.rawValue)"
            guard part >= 1 else {
                if part >= 0.8 { await context.report(.note("\(Int(part * 100)) % of \(name): \(used)")) }
                continue
            }
            switch limit.then {
            case .wait:
                throw StepPostponement(
                    until: period.upperBound, reason: "waiting for the next \(limit.per.rawValue): \(used)")
            case .fail:
                throw StepError(
                    ChatErrorCode.budgetExceeded, "\(name) is used up: \(used)",
                    hint:
                        "raise it in runnel.yaml, or set `then: wait` there to wait for the next \(limit.per.rawValue)")
            }
        }
    }

    private func checkPrice(
        in currency: String, _ agent: String?, _ model: String?, _ prices: PriceTable
    ) throws(StepError) {
        guard prices.price(agent: agent, model: model) != nil else {
            let names = [agent, model].compactMap(\.self).map { "\"\($0)\"" }.joined(separator: " or ")
            throw StepError(
                ChatErrorCode.priceUnknown, "the budget has a cost, and `prices` has no price for \(names)",
                hint: "add the price to `prices` in runnel.yaml, or limit `tokens` instead")
        }
        guard prices.currency == currency else {
            throw StepError(
                ChatErrorCode.priceUnknown,
                "the budget is in \(currency), and `prices` are in \(prices.currency ?? "no currency")",
                hint: "use one currency")
        }
    }
}
