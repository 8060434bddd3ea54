public import RunnelKit

/// What an agent found out about one run: written as a whole or not at all.
public struct RunCommit: Sendable {
    public var runID: String
    /// Who says so. Once the run belongs to somebody else, nothing is written.
    public var owner: AgentID
    /// Each replaces what was known of its execution.
    public var steps: [StepRecord]
    /// For those who watch the run; see ``RunEvent/json``. They are numbered in the order in which they come.
    public var events: [Value]
    public var end: End?

    /// How the run ended. It belongs to nobody afterwards.
    public struct End: Sendable {
        /// A final state.
        public var state: RunState
        public var output: Value?
        public var error: Value?
        /// Nanoseconds since 1970.
        public var time: Int64

        public init(state: RunState, output: Value? = nil, error: Value? = nil, time: Int64) {
            self.state = state
            self.output = output
            self.error = error
            self.time = time
        }
    }

    public init(
        runID: String, owner: AgentID, steps: [StepRecord] = [], events: [Value] = [], end: End? = nil
    ) {
        self.runID = runID
        self.owner = owner
        self.steps = steps
        self.events = events
        self.end = end
    }
}

/// When a commit is done.
public enum Durability: Sendable, Hashable {
    /// On disk: losing power loses nothing of it.
    case durable
    /// Taken; on disk a little later, in order, together with what comes after it.
    case soon
}

/// What became of a run that was handed in.
public enum Acceptance: Sendable, Hashable {
    case accepted
    /// There was a run with this dedupe key already.
    case duplicate(runID: String)
}

/// How many runs may go on at once.
public struct RunLimits: Sendable, Hashable {
    /// Of the run's pipeline; nil: any number.
    public var pipeline: Int?
    /// Of all pipelines together; nil: any number.
    public var total: Int?

    public init(pipeline: Int? = nil, total: Int? = nil) {
        self.pipeline = pipeline
        self.total = total
    }
}

/// What came of trying to take a run.
public enum Claim: Sendable, Hashable {
    /// The run is `running` and belongs to the caller.
    case claimed(RunRecord)
    /// The limits allow no more at the moment.
    case busy
    /// It belongs to another process.
    case taken(by: AgentID)
    case ended(RunState)
    case missing
}

/// What came of asking for a run to be cancelled.
public enum CancelAnswer: Sendable, Hashable {
    /// The process that works on it will see the request.
    case requested
    /// Nobody worked on it; it is cancelled now.
    case cancelled
    case ended(RunState)
    case missing
}
