/// What one call of a model has used. What the server did not tell is nil, and is never counted as 0.
public struct UsageRecord: Sendable, Hashable {
    /// The agent that was called.
    public var agent: String?
    /// The model that was called.
    public var model: String?
    /// The model tokens of the request, those from a cache included.
    public var inputTokens: Int?
    /// The model tokens of the answer.
    public var outputTokens: Int?
    /// How many of ``inputTokens`` came from the server's cache.
    public var cachedTokens: Int?
    /// Stands in for ``inputTokens`` where a budget has to count and nothing is known: the bytes divided by 4.
    public var estimatedInput: Int
    /// Stands in for ``outputTokens``, as ``estimatedInput`` does.
    public var estimatedOutput: Int

    /// A record; see the properties.
    public init(
        agent: String? = nil, model: String? = nil, inputTokens: Int? = nil, outputTokens: Int? = nil,
        cachedTokens: Int? = nil, estimatedInput: Int = 0, estimatedOutput: Int = 0
    ) {
        self.agent = agent
        self.model = model
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.cachedTokens = cachedTokens
        self.estimatedInput = estimatedInput
        self.estimatedOutput = estimatedOutput
    }

    /// The record with numbers that can be true; others are unknown, so that a server cannot make a sum overflow.
    package var plausible: UsageRecord {
        func number(_ tokens: Int?) -> Int? { tokens.flatMap { (0...1_000_000_000).contains($0) ? $0 : nil } }
        var copy = self
        copy.inputTokens = number(inputTokens)
        copy.outputTokens = number(outputTokens)
        copy.cachedTokens = number(cachedTokens)
        copy.estimatedInput = min(max(0, estimatedInput), 1_000_000_000)
        copy.estimatedOutput = min(max(0, estimatedOutput), 1_000_000_000)
        return copy
    }

    /// Whether the server told both numbers.
    public var isKnown: Bool { inputTokens != nil && outputTokens != nil }

    /// The tokens that a budget counts: each number that the server told, else its estimate.
    package var countedTokens: Int { (inputTokens ?? estimatedInput) + (outputTokens ?? estimatedOutput) }
}

/// The sum of several ``UsageRecord``s.
public struct UsageTotal: Sendable, Hashable {
    /// The number of calls.
    public var calls = 0
    /// How many of them told no tokens.
    public var unknownCalls = 0
    /// The tokens of the calls that told them.
    public var inputTokens = 0
    /// The tokens of the calls that told them.
    public var outputTokens = 0
    /// The tokens of the calls that told them.
    public var cachedTokens = 0
    /// How many calls are not in ``cachedTokens``: they told none, or no tokens at all.
    public var unknownCachedCalls = 0
    /// The estimates for the other calls.
    public var estimatedInput = 0
    /// The estimates for the other calls.
    public var estimatedOutput = 0
    /// The cost of the calls whose tokens and price are known; nil where there is no such call.
    public var cost: Money?
    /// The estimated cost of the calls whose tokens are unknown and whose price is known.
    public var estimatedCost: Money?
    /// How many calls are not in ``cost``.
    public var unpricedCalls = 0

    /// Nothing.
    public init() {}

    /// All tokens that a budget counts: the known ones and the estimates for the others.
    public var countedTokens: Int {
        [inputTokens, outputTokens, estimatedInput, estimatedOutput].reduce(0) { sum, next in
            let (total, overflow) = sum.addingReportingOverflow(next)
            return overflow ? .max : total
        }
    }

    /// What a budget counts in money: the known cost and the estimate for the other calls.
    public var countedCost: Double { (cost?.amount ?? 0) + (estimatedCost?.amount ?? 0) }

    /// Adds calls of one agent and model.
    public mutating func add(_ other: UsageTotal) {
        calls += other.calls
        unknownCalls += other.unknownCalls
        inputTokens += other.inputTokens
        outputTokens += other.outputTokens
        cachedTokens += other.cachedTokens
        unknownCachedCalls += other.unknownCachedCalls
        estimatedInput += other.estimatedInput
        estimatedOutput += other.estimatedOutput
        unpricedCalls += other.unpricedCalls
        cost = Money.sum(cost, other.cost)
        estimatedCost = Money.sum(estimatedCost, other.estimatedCost)
    }
}
