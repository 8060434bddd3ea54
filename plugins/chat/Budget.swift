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

/// Where the days of a budget begin: `UTC`, a difference to it such as `+09:00`, or a zone by its IANA name.
public struct BudgetZone: Sendable, Hashable, FieldValue {
    /// The zone, with its changes of clocks.
    public var zone = Zone.utc

    /// UTC.
    public init() {}

    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value { ["type": "string", "examples": ["UTC", "+09:00", "Asia/Tokyo"]] }

    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        guard let text = value.asString, let sign = text.utf8.first else {
            throw .expected(
                "\"UTC\", a difference to it such as \"+09:00\", or a zone such as \"Asia/Tokyo\"", found: value)
        }
        guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else {
            zone = try Zone(field: value)
            return
        }
        let bytes = Array(text.utf8)
        guard bytes.count == 6, bytes[3] == UInt8(ascii: ":"),
            let hours = Int64(String(decoding: bytes[1...2], as: UTF8.self)), (0...14).contains(hours),
            let minutes = Int64(String(decoding: bytes[4...5], as: UTF8.self)), (0..<60).contains(minutes)
        else { throw .expected("a difference to UTC such as \"+09:00\"", found: value) }
        let seconds = hours * 3600 + minutes * 60
        zone = Zone(name: text, rules: ZoneRules(offset: sign == UInt8(ascii: "-") ? -seconds : seconds))
    }

    /// How the value is shown as a default.
    public var fieldDefault: Value? { .string(zone.name) }
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
    @Field("Where days begin: `UTC`, a difference to it such as `+09:00`, or a zone such as `Asia/Tokyo`.")
    public var timezone: BudgetZone = BudgetZone()

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
        let rules = timezone.zone.rules
        let offset = rules.offset(at: now.flooredQuotient(Self.second))
        let local = now.flooredQuotient(Self.second) + offset
        let today = Int(local.flooredQuotient(86_400))
        let days: Range<Int>
        switch per {
        case .hour:
            let start = local.flooredQuotient(3600) * 3600
            // An hour of real time, also where clocks are changed.
            return (start - offset) * Self.second..<(start - offset + 3600) * Self.second
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
        // A day begins when its midnight is first shown, or at the end of the gap that midnight falls into.
        func start(_ day: Int) -> Int64 { rules.firstTime(showing: Int64(day) * 86_400) * Self.second }
        return start(days.lowerBound)..<start(days.upperBound)
    }

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

    /// How far each limit is used up in a period.
    func statuses(_ total: UsageTotal, of pipeline: String?, until end: Int64) -> [BudgetStatus] {
        func status(_ used: Double, of limit: Double, _ currency: String?, isEstimated: Bool) -> BudgetStatus {
            BudgetStatus(
                pipeline: pipeline, used: used, limit: limit, currency: currency, isEstimated: isEstimated,
                period: per.rawValue, endsAt: end, excess: then == .wait ? .wait : .fail)
        }
        var all: [BudgetStatus] = []
        if let tokens {
            all.append(
                status(
                    Double(total.countedTokens), of: Double(tokens.number), nil, isEstimated: total.unknownCalls > 0))
        }
        if let cost {
            all.append(
                status(total.countedCost, of: cost.amount, cost.currency, isEstimated: total.estimatedCost != nil))
        }
        return all
    }
}

/// The budgets that a chat is under. A class, so that the async frames of a chat hold a reference.
final class Budgets: Sendable {
    private let budget: BudgetLimit?
    private let pipelineBudgets: [String: BudgetLimit]

    init(settings: MarketplaceSettings) {
        budget = settings.budget
        pipelineBudgets = settings.pipelineBudgets
    }

    /// Whether none is set.
    var isEmpty: Bool { budget == nil && pipelineBudgets.isEmpty }

    /// The part of a budget from which on it is a problem that a person should know of.
    private static let warning = 0.8

    /// All that are set, with the pipeline of each; nil for that of all chats, which comes first.
    private var all: [(limit: BudgetLimit, pipeline: String?)] {
        var all: [(limit: BudgetLimit, pipeline: String?)] = []
        if let budget { all.append((budget, nil)) }
        for (pipeline, limit) in pipelineBudgets.sorted(by: { $0.key < $1.key }) {
            all.append((limit, pipeline))
        }
        return all
    }

    /// How far the budgets are used up in the period around a time.
    func statuses(_ context: MonitoringContext) async throws -> [BudgetStatus] {
        var statuses: [BudgetStatus] = []
        for (limit, pipeline) in all {
            let period = limit.period(at: context.now)
            let total = try await context.usage(period.lowerBound, pipeline)
            statuses += limit.statuses(total, of: pipeline, until: period.upperBound)
        }
        return statuses
    }

    /// The budgets that are nearly or wholly used up in the period around a time.
    func problems(_ context: MonitoringContext) async throws -> [HealthBoard.Problem] {
        var problems: [HealthBoard.Problem] = []
        for (limit, pipeline) in all {
            let name = "the budget of \(pipeline ?? "all chats")"
            let total = try await context.usage(limit.period(at: context.now).lowerBound, pipeline)
            let (part, words) = limit.use(total)
            guard part >= Self.warning else { continue }
            let used = "\(words) are used in this \(limit.per.rawValue)"
            problems.append(HealthBoard.Problem(.budget, name, "\(Int(min(part, 1e6) * 100)) % of \(name): \(used)"))
            guard part >= 1 else { continue }
            let effect = limit.then == .wait ? "chats wait for the next \(limit.per.rawValue)" : "chats fail"
            problems.append(
                HealthBoard.Problem(.budget, "\(name), used up", "\(name) is used up, and \(effect): \(used)"))
        }
        return problems
    }

    /// The budgets of pipelines that are not there.
    /// - Parameter pipelines: The names of the project's.
    func strangers(among pipelines: [String]) -> [FieldError] {
        // A question by `runnel ask` is a run, too.
        let known = pipelines + ["ask"]
        return pipelineBudgets.keys.sorted().filter { !known.contains($0) }.map { name in
            let meant = Suggestion.hint(for: name, among: known)
            return FieldError(
                "`pipeline_budgets` has a budget of \(Value.string(name).quoted()), and no pipeline has that name",
                hint: meant ?? "it limits nothing: write the name of a pipeline, or remove it",
                path: [.key("pipeline_budgets"), .key(name)])
        }
    }

    /// Lets a chat begin, or not. Chats that are open already when a budget is reached finish.
    /// - Throws: ``StepPostponement`` or a ``StepError`` beyond a budget.
    func check(agent: String?, model: String?, _ context: StepContext) async throws {
        let pipeline = context.identity.pipeline
        let limits: [(limit: BudgetLimit?, pipeline: String?, name: String)] = [
            (budget, nil, "the budget"),
            (pipelineBudgets[pipeline], pipeline, "the budget of \(pipeline)"),
        ]
        for case (let limit?, let scope, let name) in limits {
            if let cost = limit.cost { try checkPrice(in: cost.currency, agent, model, context.prices) }
            let period = limit.period(at: context.now())
            let total = try await context.journal.usage(since: period.lowerBound, pipeline: scope)
            let (part, words) = limit.use(total)
            let used = "\(words) are used in this \(limit.per.rawValue)"
            guard part >= 1 else {
                if part >= Self.warning { await context.report(.note("\(Int(part * 100)) % of \(name): \(used)")) }
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
