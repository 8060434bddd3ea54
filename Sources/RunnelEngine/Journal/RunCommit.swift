public import RunnelKit

/// What a worker found out about one run: written as a whole or not at all.
public struct RunCommit: Sendable {
    /// By what right. Once the run was claimed anew, or belongs to nobody, nothing is written.
    public var lease: Lease
    /// Each replaces what was known of its execution.
    public var steps: [StepRecord]
    /// For those who watch the run; see ``RunEvent/json``. They are numbered in the order in which they come.
    public var events: [Value]
    /// How long the run was worked on over all its lives; nil where nobody asks.
    public var worked: Duration?
    /// The run belongs to nobody afterwards and is `waiting` until this time, in nanoseconds since 1970.
    public var wakeAt: Int64?
    public var end: End?

    public var runID: String { lease.runID }

    /// Whether a step ended for good: then deaths of the worker from before it do not count any more.
    public var isProgress: Bool { steps.contains { $0.state.isFinal } }

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

    public init(lease: Lease, steps: [StepRecord] = [], events: [Value] = [], end: End? = nil) {
        self.lease = lease
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
    /// The run is accepted and belongs to its owner, who may work on it by this epoch.
    case claimed(epoch: Int64)
    /// There was a run with this dedupe key already.
    case duplicate(runID: String)
}

/// How many runs may go on at once.
public struct RunLimits: Sendable, Hashable {
    /// Of the run's pipeline; nil: any number. Runs that have begun and rest for a while count as well.
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
    /// The run belongs to the caller, and a value of it is damaged, so that nobody can work on it.
    case damaged(Lease, JournalError)
    /// It belongs to another worker.
    case taken(by: WorkerID)
    /// It is waiting, until this time in nanoseconds since 1970.
    case waiting(until: Int64)
    case ended(RunState)
    case missing
}

/// What came of asking for a run to be cancelled.
public enum CancelAnswer: Sendable, Hashable {
    /// The worker that works on it, or the next that claims it, will see the request.
    case requested
    /// Nobody worked on it; it is cancelled now.
    case cancelled
    case ended(RunState)
    case missing
}

/// Which queued runs are looked for. Those that have begun come first, then the oldest.
public struct QueueSearch: Sendable, Hashable {
    public var limit: Int
    /// Without the runs of these pipelines.
    public var except: Set<String>
    /// Only runs that may be claimed at this time, in nanoseconds since 1970; nil: all.
    public var now: Int64?
    /// Only runs whose workers died this often since a step of them ended.
    public var deaths: Range<Int>

    public init(
        limit: Int, except pipelines: Set<String> = [], now: Int64? = nil, deaths: Range<Int> = 0..<Int(Int32.max)
    ) {
        self.limit = limit
        except = pipelines
        self.now = now
        self.deaths = deaths
    }
}

/// How a run is given back.
public enum ReleaseReason: Sendable, Hashable {
    /// In good order: it may be claimed at once.
    case stopped
    /// After trouble: it is not claimed again before a pause that grows while no step of it ends.
    ///
    /// - now: Nanoseconds since 1970.
    case broken(now: Int64)
}

/// What became of waiting runs.
public struct Waking: Sendable, Hashable {
    /// Back in the queue.
    public var woken: [String]
    /// When the next is due, in nanoseconds since 1970.
    public var next: Int64?

    public init(woken: [String] = [], next: Int64? = nil) {
        self.woken = woken
        self.next = next
    }
}
