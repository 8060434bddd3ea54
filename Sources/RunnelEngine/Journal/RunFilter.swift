/// Which runs are meant; the newest come first.
public struct RunFilter: Sendable, Hashable {
    /// Empty: all.
    public var states: Set<RunState>
    public var pipeline: String?
    /// Created at or after this time, in nanoseconds since 1970.
    public var since: Int64?
    /// Only runs older than this one, for the next page.
    public var before: String?
    public var limit: Int

    public init(
        states: Set<RunState> = [], pipeline: String? = nil, since: Int64? = nil, before: String? = nil,
        limit: Int = 50
    ) {
        self.states = states
        self.pipeline = pipeline
        self.since = since
        self.before = before
        self.limit = limit
    }
}

/// What is kept of runs that have ended. Runs that have not are never removed.
public struct Retention: Sendable, Hashable {
    /// Runs that ended longer ago go.
    public var age: Duration?
    /// Of each pipeline, only so many ended runs stay, the newest.
    public var count: Int?
    /// How many bytes the journal may take on disk; beyond that, the oldest runs of all pipelines go.
    public var bytes: Int64?
    /// How long after its end a run's dedupe key is known, whether the run itself is kept or not.
    public var dedupe: Duration

    public init(age: Duration? = nil, count: Int? = nil, bytes: Int64? = nil, dedupe: Duration = .seconds(30 * 86_400))
    {
        self.age = age
        self.count = count
        self.bytes = bytes
        self.dedupe = dedupe
    }
}

/// What was removed.
public struct PruneReport: Sendable, Hashable {
    public var runs: Int
    /// How much smaller the journal is on disk, in bytes.
    public var bytes: Int64

    public init(runs: Int, bytes: Int64) {
        self.runs = runs
        self.bytes = bytes
    }
}
