internal import RunnelSupport

/// A filter of runs; the newest come first.
public struct RunFilter: Sendable, Hashable {
    /// The states; empty for all.
    public var states: Set<RunState>
    /// The pipeline; nil for all.
    public var pipeline: String? {
        // Pipelines are named in composed form.
        didSet { pipeline = pipeline?.composed }
    }
    /// Created at or after this time, in nanoseconds since 1970.
    public var since: Int64?
    /// Only runs older than this one, for the next page.
    public var before: String?
    /// The maximum number of runs.
    public var limit: Int

    /// What is not given does not limit.
    public init(
        states: Set<RunState> = [], pipeline: String? = nil, since: Int64? = nil, before: String? = nil,
        limit: Int = 50
    ) {
        self.states = states
        self.pipeline = pipeline?.composed
        self.since = since
        self.before = before
        self.limit = limit
    }

    /// The runs of several queries, each for one state (nil for all): databases have an index for one state.
    package func runs(
        _ query: (RunState?) async throws(JournalError) -> [RunRecord]
    ) async throws(JournalError) -> [RunRecord] {
        guard states.count > 1, states.count < RunState.allCases.count else {
            return try await query(states.count == 1 ? states.first : nil)
        }
        var found: [RunRecord] = []
        for state in states { found += try await query(state) }
        return Array(found.sorted { $0.id > $1.id }.prefix(limit))
    }
}

/// The retention of ended runs. Unfinished runs are never removed.
public struct Retention: Sendable, Hashable {
    /// Ended runs older than this are removed.
    public var age: Duration?
    /// The number of newest ended runs kept of each pipeline.
    public var count: Int?
    /// The maximum size of the journal on disk in bytes; beyond it the oldest runs of all pipelines are removed.
    public var bytes: Int64?
    /// How long after its end a run's dedupe key is kept, independent of the run.
    public var dedupe: Duration
    /// How long it is kept what calls of models have used, independent of the runs.
    public var usage: Duration
    /// Deliveries older than this are removed.
    public var deliveryAge: Duration
    /// How many bytes of deliveries are kept, the newest ones; see ``DeliveryRecord/refusedShare``.
    public var deliveryBytes: Int64

    /// How long after its end a retry whose trigger has not been notified is kept, whatever the other limits are. The
    /// notification never happens if the machine with the files does not come back, or the trigger's plugin was removed.
    public static let dueRetries = Duration.seconds(30 * 86_400)

    /// What is not given does not limit.
    public init(
        age: Duration? = nil, count: Int? = nil, bytes: Int64? = nil, dedupe: Duration = .seconds(30 * 86_400),
        usage: Duration = .seconds(400 * 86_400), deliveryAge: Duration = .seconds(7 * 86_400),
        deliveryBytes: Int64 = 256 << 20
    ) {
        self.usage = usage
        self.deliveryAge = deliveryAge
        self.deliveryBytes = deliveryBytes
        self.age = age
        self.count = count
        self.bytes = bytes
        self.dedupe = dedupe
    }
}

/// The result of retention.
public struct PruneReport: Sendable, Hashable {
    /// The number of runs removed.
    public var runs: Int
    /// The bytes freed on disk.
    public var bytes: Int64

    package init(runs: Int, bytes: Int64) {
        self.runs = runs
        self.bytes = bytes
    }
}
