/// A plugin that limits what calls of models may use. `runnel usage`, the page Usage of the dashboard and
/// `GET /api/v1/budgets` show its budgets.
public protocol BudgetingPlugin: Plugin {
    /// The budgets as they stand at `context.now`; nothing is said of a budget that is not set.
    /// - Throws: What the journal has to say.
    func budgets(_ context: MonitoringContext) async throws -> [BudgetStatus]
}

/// How far a budget is used up. A budget with several limits has one of each.
public struct BudgetStatus: Sendable, Hashable {
    /// What happens to calls beyond a budget.
    @nonexhaustive public enum Excess: String, Sendable, CaseIterable {
        /// They wait for the next period.
        case wait
        /// They fail.
        case fail
    }

    /// The pipeline whose calls count; nil for those of all.
    public var pipeline: String?
    /// What is used in the period: model tokens, or units of ``currency``.
    public var used: Double
    /// The limit, in the same unit.
    public var limit: Double
    /// The currency of a limit on cost; nil for one on model tokens.
    public var currency: String?
    /// Whether some of ``used`` is an estimate.
    public var isEstimated: Bool
    /// The length of the period in a word: `day`.
    public var period: String
    /// When the next period begins; nanoseconds since 1970.
    public var endsAt: Int64
    /// What happens to calls beyond the budget.
    public var excess: Excess

    /// A status; see the properties.
    public init(
        pipeline: String?, used: Double, limit: Double, currency: String? = nil, isEstimated: Bool = false,
        period: String, endsAt: Int64, excess: Excess
    ) {
        self.pipeline = pipeline
        self.used = used
        self.limit = limit
        self.currency = currency
        self.isEstimated = isEstimated
        self.period = period
        self.endsAt = endsAt
        self.excess = excess
    }

    /// The used part of the limit: 1 for all of it.
    public var share: Double { limit > 0 ? used / limit : 1 }

    /// The share in whole per cent, rounded down, so that 100 means used up.
    package var percent: Int { Int(min(share, 1e6) * 100) }

    /// The status as the API and `runnel usage --json` show it.
    package var json: Value {
        func number(_ amount: Double) -> Value {
            guard currency == nil, let whole = Int64(exactly: amount.rounded()) else { return .double(amount) }
            return .int(whole)
        }
        return [
            "pipeline": pipeline.map { .string($0) } ?? .null, "unit": .string(currency ?? "tokens"),
            "used": number(used), "limit": number(limit), "share": .double(share), "estimated": .bool(isEstimated),
            "period": .string(period), "ends_at": .string(Timestamp.text(nanoseconds: endsAt)),
            "then": .string(excess.rawValue),
        ]
    }
}

extension StepRegistry {
    /// The budgets of all plugins.
    package func budgets(_ context: MonitoringContext) async throws -> [BudgetStatus] {
        var all: [BudgetStatus] = []
        for case let plugin as any BudgetingPlugin in plugins { all += try await plugin.budgets(context) }
        return all
    }
}
