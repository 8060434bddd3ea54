public import RunnelKit

/// An atomic update of a run by its worker.
public struct RunCommit: Sendable {
    /// The lease. If the run was claimed again or has no owner, nothing is written.
    public var lease: Lease
    /// Each replaces the record of its execution.
    public var steps: [StepRecord]
    /// Events for watchers; see ``RunEvent/json``. They are numbered in order.
    public var events: [Value]
    /// The total worked time of the run; nil if not needed.
    public var worked: Duration?
    /// If set, the run has no owner afterwards and is `waiting` until this time, in nanoseconds since 1970.
    public var wakeAt: Int64?
    /// Whether the steps under `finally` begin: from now on, a second request to cancel the run ends them.
    public var beginsFinally = false
    /// The end of the run; nil if it goes on.
    public var end: End?
    /// What calls of models have used.
    public var usage: [UsageEntry] = []
    /// Changes of what the steps of one kind (`uses`) remember over runs.
    public var memories: [StepMemoryEdit] = []
    /// What is known meanwhile of executions that are running.
    public var updates: [StepUpdate] = []

    package var runID: String { lease.runID }

    /// Whether a step, or a round of a loop, has ended by itself: this resets the count of deaths. A resumed run cancels
    /// again what was cancelled before.
    public var isProgress: Bool {
        hasProgress || steps.contains { $0.state.isFinal && $0.state != .cancelled || $0.isAfterRound }
    }
    /// Whether one of the commits that were merged into this one was progress.
    private var hasProgress = false

    /// The end of the run, which has no owner afterwards.
    public struct End: Sendable {
        /// A final state.
        public var state: RunState
        /// The output of a succeeded run.
        public var output: Value?
        /// The error of a failed run.
        public var error: Value?
        /// Nanoseconds since 1970.
        public var time: Int64

        package init(state: RunState, output: Value? = nil, error: Value? = nil, time: Int64) {
            self.state = state
            self.output = output
            self.error = error
            self.time = time
        }
    }

    package init(lease: Lease, steps: [StepRecord] = [], events: [Value] = [], end: End? = nil) {
        self.lease = lease
        self.steps = steps
        self.events = events
        self.end = end
    }
}

extension RunCommit {
    /// Both in one, as if this commit had been written before `next`, which has the same lease.
    package func merged(with next: RunCommit) -> RunCommit {
        var merged = next
        merged.steps = steps
        merged.updates = []
        for update in updates { merged.take(update) }
        for var step in next.steps {
            if let index = merged.steps.firstIndex(where: { $0.key == step.key }) {
                step.keep(merged.steps[index])
                merged.steps[index] = step
            } else {
                for update in merged.updates.reversed() where update.key == step.key { step.keep(update) }
                merged.updates.removeAll { $0.key == step.key }
                merged.steps.append(step)
            }
        }
        for update in next.updates { merged.take(update) }
        merged.hasProgress = isProgress || next.isProgress
        merged.events = events + next.events
        merged.usage = usage + next.usage
        merged.memories = memories + next.memories
        merged.worked = next.worked ?? worked
        merged.wakeAt = next.wakeAt ?? wakeAt
        merged.beginsFinally = beginsFinally || next.beginsFinally
        merged.end = next.end ?? end
        return merged
    }

    /// Applies the update to the record of its execution, where this commit has that.
    private mutating func take(_ update: StepUpdate) {
        guard let index = steps.firstIndex(where: { $0.key == update.key }) else { return updates.append(update) }
        steps[index].add(update)
    }
}

extension StepRecord {
    /// Takes over what an earlier record of the execution has and this one does not replace.
    mutating func keep(_ earlier: StepRecord) {
        items = items ?? earlier.items
        keep(StepUpdate(key, with: earlier.with, attributes: earlier.attributes, checkpoint: earlier.checkpoint))
    }

    /// Takes over what an update said before this record.
    fileprivate mutating func keep(_ earlier: StepUpdate) {
        with = with ?? earlier.with
        attributes = attributes ?? earlier.attributes
        checkpoint = state == .running ? checkpoint ?? earlier.checkpoint : nil
    }

    /// Takes over what an update says of the running execution.
    mutating func add(_ update: StepUpdate) {
        guard state == .running else { return }
        with = update.with ?? with
        attributes = update.attributes ?? attributes
        checkpoint = update.checkpoint ?? checkpoint
    }
}

/// What is known of an execution that is running; what is nil stays as it was. Secrets in the values are sealed.
public struct StepUpdate: Sendable, Hashable {
    package var key: ExecutionKey
    /// See ``StepRecord/with``.
    public var with: Value?
    /// See ``StepRecord/attributes``.
    public var attributes: Value?
    /// See ``StepRecord/checkpoint``.
    public var checkpoint: Value?

    package init(_ key: ExecutionKey, with: Value? = nil, attributes: Value? = nil, checkpoint: Value? = nil) {
        self.key = key
        self.with = with
        self.attributes = attributes
        self.checkpoint = checkpoint
    }
}

/// When a commit returns.
public enum Durability: Sendable, Hashable {
    /// After it is on disk; it survives a power failure.
    case durable
    /// After it is enqueued; it becomes durable later, in order, with a following commit.
    case soon
}

/// The result of accepting a run.
public enum Acceptance: Sendable, Hashable {
    case accepted
    /// The run is accepted and claimed by its owner with this epoch.
    case claimed(epoch: Int64)
    /// There is already a run with this dedupe key.
    case duplicate(runID: String)
    /// The event was folded into this waiting run; see ``Debounce``.
    case folded(into: String)
}

/// Limits on concurrent runs.
public struct RunLimits: Sendable, Hashable {
    /// The limit of the run's pipeline; nil for unlimited. Waiting runs count as well.
    public var pipeline: Int?
    /// The limit of all pipelines together; nil for unlimited.
    public var total: Int?

    package init(pipeline: Int? = nil, total: Int? = nil) {
        self.pipeline = pipeline
        self.total = total
    }
}

/// One entry of the sequence of ends: a run that reached a final state.
public struct EndRecord: Sendable, Hashable {
    /// Its number in the sequence. Later ends have higher numbers.
    public var number: Int64
    package var runID: String
    /// The name of the pipeline.
    public var pipeline: String
    /// The final state.
    public var state: RunState
    /// Whether it is the pipeline's first success after a failure.
    public var isRecovery: Bool
    /// Nanoseconds since 1970.
    public var endedAt: Int64

    /// The number of ends that retention keeps, whatever their age.
    public static let maximumKept: Int64 = 100_000

    package init(
        number: Int64, runID: String, pipeline: String, state: RunState, isRecovery: Bool = false, endedAt: Int64
    ) {
        self.number = number
        self.runID = runID
        self.pipeline = pipeline
        self.state = state
        self.isRecovery = isRecovery
        self.endedAt = endedAt
    }
}

/// The result of claiming a run.
public enum Claim: Sendable, Hashable {
    /// The run is `running` and owned by the caller.
    case claimed(RunRecord)
    /// The limit of its pipeline is reached.
    case busy
    /// The limit of all pipelines together is reached.
    case full
    /// The caller owns the run, but a value is damaged, so it cannot be executed.
    case damaged(Lease, JournalError)
    /// Another worker owns it.
    case taken(by: WorkerID)
    /// Another transaction is about to change it, probably to claim it.
    case contended
    /// It is waiting, until this time in nanoseconds since 1970.
    case waiting(until: Int64)
    case ended(RunState)
    case missing
}

/// The result of a cancellation request.
public enum CancelAnswer: Sendable, Hashable {
    /// Its owner, or the next worker that claims it, will see the request.
    case requested
    /// The same for a second request while its `finally` was running: that is cancelled as well.
    case endingFinally
    /// It had no owner and is cancelled now.
    case cancelled
    case ended(RunState)
    case missing
}

/// A cancellation request as the run's worker reads it.
public struct CancelRequest: Sendable, Hashable {
    public var runID: String
    /// Whether a second request cancels its `finally` as well.
    public var endsFinally: Bool

    package init(_ runID: String, endsFinally: Bool = false) {
        self.runID = runID
        self.endsFinally = endsFinally
    }
}

/// A search for queued runs. Those that had begun come first, then the oldest of the highest priority; see
/// ``RunPriority``.
public struct QueueSearch: Sendable, Hashable {
    /// The maximum number of runs.
    public var limit: Int
    /// Excludes runs of these pipelines.
    public var except: Set<String>
    /// Only runs claimable at this time, in nanoseconds since 1970; nil for all.
    public var now: Int64?
    /// Only runs with this number of deaths since their last progress.
    public var deaths: Range<Int>
    /// The machine of the worker that asks: runs that need the files of another one are left to that machine while it
    /// has workers, and some minutes longer. nil for all.
    public var host: String?

    /// The maximum number of runs that ``Journal/skipQueued(like:limit:at:)`` ends in one transaction.
    package static let maximumSkipped = 1000

    package init(
        limit: Int, except pipelines: Set<String> = [], now: Int64? = nil, deaths: Range<Int> = 0..<Int(Int32.max),
        host: String? = nil
    ) {
        self.host = host
        self.limit = limit
        except = pipelines
        self.now = now
        self.deaths = deaths
    }
}

/// Why a run is released.
public enum ReleaseReason: Sendable, Hashable {
    /// Regular release: it can be claimed at once.
    case stopped
    /// Release after an error: it is claimed again after a pause with exponential backoff while it makes no progress.
    ///
    /// - now: Returns nanoseconds since 1970.
    case broken(now: Int64)
}

/// The result of waking runs.
public struct Waking: Sendable, Hashable {
    /// The requeued runs.
    public var woken: [String]
    /// The due time of the next waiting run, in nanoseconds since 1970.
    public var next: Int64?

    /// Nothing, unless it is given.
    public init(woken: [String] = [], next: Int64? = nil) {
        self.woken = woken
        self.next = next
    }
}
