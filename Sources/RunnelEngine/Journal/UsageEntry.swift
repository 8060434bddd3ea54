public import RunnelKit
internal import RunnelSupport

/// The journal's record of one call of a model.
public struct UsageEntry: Sendable, Hashable {
    /// The name of the pipeline.
    public var pipeline: String
    /// The step that called the model.
    public var step: ExecutionKey
    /// Nanoseconds since 1970.
    public var at: Int64
    /// What the call used.
    public var usage: UsageRecord
    /// The run that made the call; nil until the journal has it.
    package var runID: String?

    package init(pipeline: String, step: ExecutionKey, at: Int64, usage: UsageRecord) {
        self.pipeline = pipeline
        self.step = step
        self.at = at
        self.usage = usage
    }
}

/// A selection of calls to be summed up.
public struct UsageQuery: Sendable, Hashable {
    /// Nanoseconds since 1970.
    public var since: Int64
    /// nil for all pipelines.
    public var pipeline: String? {
        // Pipelines are named in composed form.
        didSet { pipeline = pipeline?.composed }
    }
    /// The length of the periods to sum by, in nanoseconds, counted from ``since``; nil for one period.
    public var period: Int64?

    package init(since: Int64, pipeline: String? = nil, period: Int64? = nil) {
        self.since = since
        self.pipeline = pipeline?.composed
        self.period = period
    }

    /// The periods that journals keep sums of, in nanoseconds, the longest first. Offsets of time zones are multiples of
    /// the last one.
    package static let keptPeriods: [Int64] = [HourCount.length, HourCount.length / 4]

    /// Which kept sums answer the query: those of periods of this length that begin at this time or later. Calls before
    /// it are summed one by one; without such periods, all are.
    package var kept: (length: Int64, start: Int64) {
        guard let period else {
            let hour = HourCount.hour(of: since)
            guard hour < since else { return (HourCount.length, hour) }
            return (HourCount.length, hour > .max - HourCount.length ? .max : hour + HourCount.length)
        }
        // A kept period must not lie in two periods of the query.
        let length = Self.keptPeriods.first { since % $0 == 0 && period % $0 == 0 }
        return length.map { ($0, since) } ?? (HourCount.length, .max)
    }
}

/// The sum of the calls of one pipeline, agent and model in a period.
public struct UsageSum: Sendable, Hashable {
    /// The number of the period, from 0.
    public var period: Int
    /// The name of the pipeline.
    public var pipeline: String
    package var agent: String?
    /// The model; nil where the server named none.
    public var model: String?
    /// Without costs.
    public var total: UsageTotal

    package init(period: Int, pipeline: String, agent: String?, model: String?, total: UsageTotal) {
        self.period = period
        self.pipeline = pipeline
        self.agent = agent
        self.model = model
        self.total = total
    }
}

extension [UsageSum] {
    /// All together, with their costs.
    public func total(_ prices: PriceTable) -> UsageTotal {
        reduce(into: UsageTotal()) { $0.add(prices.priced($1.total, agent: $1.agent, model: $1.model)) }
    }
}

extension MonitoringContext {
    /// A context whose usage is what the journal holds.
    package init(now: Int64, journal: any Journal, prices: PriceTable) {
        self.init(now: now) { since, pipeline in
            try await journal.usage(UsageQuery(since: since, pipeline: pipeline)).total(prices)
        }
    }
}

extension UsageTotal {
    /// Adds one call.
    mutating func add(_ usage: UsageRecord) {
        calls += 1
        guard usage.isKnown else {
            unknownCalls += 1
            unknownCachedCalls += 1
            estimatedInput += usage.inputTokens ?? usage.estimatedInput
            estimatedOutput += usage.outputTokens ?? usage.estimatedOutput
            return
        }
        inputTokens += usage.inputTokens ?? 0
        outputTokens += usage.outputTokens ?? 0
        cachedTokens += usage.cachedTokens ?? 0
        if usage.cachedTokens == nil { unknownCachedCalls += 1 }
    }
}

/// A change of what the steps of one kind remember, as the journal makes it. Values are sealed.
public struct StepMemoryEdit: Sendable, Hashable {
    /// The kind of step, as `uses` writes it.
    public var uses: String
    package var change: StepMemoryChange
    /// Nanoseconds since 1970.
    public var at: Int64

    package init(uses: String, change: StepMemoryChange, at: Int64) {
        self.uses = uses
        self.change = change
        self.at = at
    }

    /// The limit in bytes of JSON of all entries of one key.
    public static let maximumBytes = 4 << 20
}

/// What the steps of one kind remember under one key. Values are sealed.
public struct StepMemory: Sendable, Hashable {
    /// The value; nil where none was set.
    public var value: Value?
    package var entries: [Value] = []

    package init(value: Value? = nil, entries: [Value] = []) {
        self.value = value
        self.entries = entries
    }
}
