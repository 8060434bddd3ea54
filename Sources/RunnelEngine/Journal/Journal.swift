public import RunnelKit

/// Stores runs durably, each exactly once.
///
/// Several processes share one journal. Each joins it as a worker; a run has at most one owner, by a ``Lease``. When a
/// method marked as durable returns, its effect survives `kill -9` and power failure. ``OwnershipMachine`` decides
/// which workers are dead and what to do about it. The engine seals secrets in records before it stores them; see
/// ``SecretSeal``.
public protocol Journal: Sendable {
    // MARK: Workers

    /// Registers a worker. Durable.
    ///
    /// - Parameter former: Former ids of the same process. Runs that they still own are requeued in the same
    ///   transaction.
    func join(_ worker: WorkerRecord, replacing former: [WorkerID], at time: Int64) async throws(JournalError)
    /// Sends a heartbeat; called every ``OwnershipMachine/Timing/beat``.
    ///
    /// - Returns: The worker as it is registered; nil for one that was declared dead.
    func beat(_ worker: WorkerID) async throws(JournalError) -> WorkerRecord?
    /// Unregisters the worker. Runs that it still owns are requeued.
    func leave(_ worker: WorkerID) async throws(JournalError)
    /// All workers as seen by this process, and owners of runs that are not registered.
    func observe() async throws(JournalError) -> [WorkerSight]
    /// Requeues the runs of these workers and unregisters the workers, each exactly once however many processes call
    /// this. A silent worker with a heartbeat since it was observed is skipped.
    ///
    /// A run whose worker died more often than ``TakeoverPolicy/deaths`` fails with `killed-its-worker`.
    func takeOver(from dead: [WorkerSight], _ policy: TakeoverPolicy) async throws(JournalError) -> Takeover
    func workers() async throws(JournalError) -> [WorkerRecord]
    /// The leases that the worker owns.
    func leases(of worker: WorkerID) async throws(JournalError) -> [Lease]

    // MARK: Accepting runs

    /// Stores the definition if it is new, or notes that it is still used. Durable.
    func keep(_ definition: DefinitionRecord) async throws(JournalError)
    func definition(_ hash: String) async throws(JournalError) -> DefinitionRecord?

    /// Accepts a run together with the steps that it takes over and what its trigger wants to be remembered, in one
    /// transaction. Durable.
    ///
    /// - Parameters:
    ///   - run: Belongs to ``RunRecord/owner`` at once where that is set and the journal knows that worker; its state is
    ///     `running` then, and the answer ``Acceptance/claimed(epoch:)``. One with ``RunRecord/debounce`` is `waiting`
    ///     until ``RunRecord/wakeAt``; if a run of its pipeline with the same debounce key is waiting and has not
    ///     started, that run gets its trigger, inputs, input, definition, priority and time instead, keeps the longer
    ///     ``RunRecord/chain``, and its event is added to `trigger.folded`.
    ///   - steps: Finished steps of the run that this one repeats; they are not executed again. Not written where there
    ///     was a run with this dedupe key.
    ///   - memory: Stored whether the run is new or a duplicate.
    func accept(
        _ run: RunRecord, steps: [StepRecord], memory: MemoryChanges?
    ) async throws(JournalError) -> Acceptance

    // MARK: Working on runs

    /// Queued runs without their inputs, sufficient to claim them.
    func queued(_ search: QueueSearch) async throws(JournalError) -> [RunRecord]
    /// Yields when another process may have queued runs. A hint, which may get lost: ``queued(_:)`` finds them too.
    func queueSignals() -> AsyncStream<Void>
    /// The number of queued runs.
    func queuedCount() async throws(JournalError) -> Int
    /// The number of queued runs of each pipeline that has some.
    func queuedCounts() async throws(JournalError) -> [String: Int]
    /// The queued runs of each pipeline that has some, with the bytes that the journal takes for what they were started with.
    func queuedSizes() async throws(JournalError) -> [QueuedSize]
    /// When the oldest queued run that has not started was accepted, in nanoseconds since 1970; nil where none is queued.
    func oldestQueued() async throws(JournalError) -> Int64?
    /// The number of waiting runs.
    func waitingCount() async throws(JournalError) -> Int
    /// The runs and ended retries that wait for each machine without an active worker.
    func heldRuns() async throws(JournalError) -> [HeldRuns]
    /// Claims a queued run with a new epoch, if the limits allow it. Durable.
    ///
    /// - Parameter time: When a run that had not started starts, in nanoseconds since 1970; nil: when it was accepted.
    /// - Throws: ``JournalError/workerUnknown(_:)`` if the worker has not joined, or was declared dead since.
    func claim(
        _ runID: String, by worker: WorkerID, limits: RunLimits, at time: Int64?
    ) async throws(JournalError) -> Claim
    /// Ends queued runs that have not started as `skipped`: those of this run's pipeline and definition, the oldest first,
    /// at most ``QueueSearch/maximumSkipped``. Ends none while fewer than `limit` runs hold a place of the pipeline.
    /// Durable.
    ///
    /// - Returns: The runs that it has ended.
    func skipQueued(like run: RunRecord, limit: Int, at time: Int64) async throws(JournalError) -> [String]
    /// Commits progress of a run. Commits of one run take effect in call order.
    ///
    /// - Throws: ``JournalError/leaseLost(_:)`` if another worker owns the run, or it was claimed again.
    func commit(_ commit: RunCommit, _ durability: Durability) async throws(JournalError)
    /// Releases unfinished runs to the queue. Invalid leases are skipped. Durable.
    ///
    /// - Returns: The released runs.
    func release(_ leases: [Lease], _ reason: ReleaseReason) async throws(JournalError) -> [String]
    /// Requeues waiting runs that are due, each exactly once however many processes call this. A debounced run is due, too,
    /// if the clock was set back since; see ``Debounce/clockTolerance``.
    func wake(at time: Int64) async throws(JournalError) -> Waking
    /// Requests the cancellation of a run. A run without an owner ends at once, unless it had started and has
    /// `finally`: then it is queued, and the worker that claims it runs those steps. Durable.
    ///
    /// - Parameter mayEndFinally: Whether a request after the first one cancels its `finally`, if that has begun. If
    ///   not, it has no effect.
    func requestCancel(
        _ runID: String, mayEndFinally: Bool, at time: Int64
    ) async throws(JournalError) -> CancelAnswer
    /// The cancellation requests for runs of this worker, in the order of ids.
    func cancelRequests(for worker: WorkerID) async throws(JournalError) -> [CancelRequest]

    /// Stores where the trigger has put what the run was started for. Durable.
    ///
    /// - Parameters:
    ///   - source: See ``RunRecord/source``.
    ///   - isDue: Whether the trigger must still be notified when the run ends; see ``endedRetries(after:limit:)``.
    func relocate(_ runID: String, to source: Value, isDue: Bool) async throws(JournalError)
    /// Ended runs with a greater id whose trigger must be notified, in the order of ids. Retention keeps them until
    /// ``relocate(_:to:isDue:)`` clears `isDue`, for at most ``Retention/dueRetries``.
    func endedRetries(after runID: String, limit: Int) async throws(JournalError) -> [String]

    // MARK: Ends

    /// The ends of runs after this number of the sequence of ends, in order. Each end is numbered in the transaction
    /// that ends the run, so a reader that keeps its position misses none.
    func ends(after number: Int64, limit: Int) async throws(JournalError) -> [EndRecord]
    /// The number of the latest end; 0 if there is none.
    func lastEnd() async throws(JournalError) -> Int64

    // MARK: Looking

    /// The bytes that the journal takes on disk; nil where that is unknown.
    func size() async throws(JournalError) -> Int64?
    /// A number that changes with every write of any process. Cheap enough to poll several times a second.
    func version() async throws(JournalError) -> Int64
    /// Numbers that change when something is written that people look at: runs, their events and ends, deliveries, actions
    /// of operators, usage, and which workers there are. Heartbeats, probes and the memory of triggers leave them alone.
    func fingerprint() async throws(JournalError) -> [Int64]
    func run(_ id: String) async throws(JournalError) -> RunRecord?
    /// The run without the values that it began with: `trigger`, `inputs` and `input` are empty. For those who follow a
    /// run and ask again and again, whatever the size of the event that started it.
    func progress(of id: String) async throws(JournalError) -> RunRecord?
    /// The runs whose id has this prefix, at most `limit`, for ids typed by users.
    func runs(idPrefix: String, limit: Int) async throws(JournalError) -> [RunRecord]
    /// The matching runs without large values: `input`, `inputs` and `output` are empty, and a large trigger has only
    /// `type`.
    func runs(_ filter: RunFilter) async throws(JournalError) -> [RunRecord]
    /// The steps in start order.
    func steps(of runID: String) async throws(JournalError) -> [StepRecord]
    /// Some of the steps without their values, for runs of thousands of steps.
    func steps(of runID: String, _ search: StepSearch) async throws(JournalError) -> StepWindow
    /// One step, by ``ExecutionKey/description``.
    func step(of runID: String, key: String) async throws(JournalError) -> StepRecord?
    /// The events from number `number`.
    func events(
        of runID: String, from number: Int, limit: Int
    ) async throws(JournalError) -> [(number: Int, event: Value)]
    /// The last events, in order.
    func lastEvents(of runID: String, limit: Int) async throws(JournalError) -> [(number: Int, event: Value)]

    /// What steps of one kind (`uses`) remember under a key, sealed. What has expired at `time` is not there.
    func memory(of uses: String, key: String, at time: Int64) async throws(JournalError) -> StepMemory

    /// The sums of calls of models by period, pipeline, agent and model.
    func usage(_ query: UsageQuery) async throws(JournalError) -> [UsageSum]
    /// The sums of a run's calls of models, as one period, by agent and model.
    func usage(of runID: String) async throws(JournalError) -> [UsageSum]

    // MARK: Housekeeping

    /// Removes ended runs and frees their space, in small transactions that do not block others.
    ///
    /// The next call removes what a killed process left. Cancelling the task ends it early.
    /// - Parameter limit: The approximate time limit; nil to remove everything.
    func prune(_ retention: Retention, now: Int64, within limit: Duration?) async throws(JournalError) -> PruneReport
    /// Performs a durable write, to check whether a run could be accepted now.
    func probe() async throws(JournalError)
    /// Checks the integrity of everything; returns the problems found.
    func check() async throws(JournalError) -> [JournalDamage]
    /// Commits pending writes and closes the journal.
    func close() async

    // MARK: Triggers

    func memory(of trigger: TriggerID) -> any TriggerMemory
    /// Gives what a trigger remembers another name, unless that one remembers something. Durable.
    func move(memoryOf trigger: TriggerID, to other: TriggerID) async throws(JournalError)
    /// Hands what is known of a pipeline on to its new name: the memory of its triggers, its dedupe keys, which of its
    /// triggers are disabled, and whether it is failing. Its runs keep the name. Durable.
    ///
    /// - Parameter expiry: Until when the dedupe keys are kept at the new name, in nanoseconds since 1970.
    func rename(pipeline: String, to name: String, keepingKeysUntil expiry: Int64) async throws(JournalError)

    // MARK: Operators

    /// What operators did and set, and counters for them.
    var operators: any OperatorRecords { get }

    // MARK: Deliveries

    /// Deliveries to hooks as they came.
    var deliveries: any DeliveryRecords { get }
}

/// A problem that ``Journal/check()`` finds.
public enum JournalDamage: Sendable, Hashable {
    /// The database itself is damaged.
    case database(String)
    /// A large value of the run with this id is missing or damaged. Everything else can be used.
    case value(runID: String)
}

extension Journal {
    package func join(_ worker: WorkerRecord) async throws(JournalError) {
        try await join(worker, replacing: [], at: worker.startedAt)
    }

    /// Unknown.
    public func size() async throws(JournalError) -> Int64? { nil }

    /// None: in a journal of one machine, no run waits for another machine.
    public func heldRuns() async throws(JournalError) -> [HeldRuns] { [] }

    /// No signals: whoever waits for runs polls.
    public func queueSignals() -> AsyncStream<Void> { AsyncStream { $0.finish() } }

    /// Accepts a run that takes no steps over from another.
    public func accept(_ run: RunRecord, memory: MemoryChanges?) async throws(JournalError) -> Acceptance {
        try await accept(run, steps: [], memory: memory)
    }

    /// Claims a run; one that had not started counts as started when it was accepted.
    public func claim(_ runID: String, by worker: WorkerID, limits: RunLimits) async throws(JournalError) -> Claim {
        try await claim(runID, by: worker, limits: limits, at: nil)
    }

    /// The next queued runs.
    public func queued(limit: Int) async throws(JournalError) -> [RunRecord] {
        try await queued(QueueSearch(limit: limit))
    }

    /// The number of queued runs that this machine leaves to each other one, because they may need its files.
    package func queuedElsewhere(than host: String, limit: Int) async throws(JournalError) -> [String: Int] {
        let mine = Set(try await queued(QueueSearch(limit: limit, host: host)).map(\.id))
        var counts: [String: Int] = [:]
        for run in try await queued(limit: limit) where !mine.contains(run.id) {
            if let other = run.host, other != host { counts[other, default: 0] += 1 }
        }
        return counts
    }

    /// Takes over from workers whose process is known to have ended. Silent workers are judged only by a worker that
    /// has observed them long enough.
    public func takeOverFromGone(_ policy: TakeoverPolicy) async throws(JournalError) -> Takeover {
        let gone = try await observe().filter { $0.presence != .present }
        return gone.isEmpty ? Takeover() : try await takeOver(from: gone, policy)
    }

    /// Removes all ended runs that `retention` does not keep.
    public func prune(_ retention: Retention, now: Int64) async throws(JournalError) -> PruneReport {
        try await prune(retention, now: now, within: nil)
    }
}

/// One entry under `on:` of one pipeline.
public struct TriggerID: Sendable, Hashable {
    /// The name of the pipeline.
    public var pipeline: String
    /// `watch`, or `schedule[1]`.
    public var key: String

    package init(pipeline: String, key: String) {
        self.pipeline = pipeline
        self.key = key
    }
}

extension TriggerID {
    /// No trigger: what the dashboard stores of its signed-out cookies.
    package static let signOuts = TriggerID(pipeline: "", key: "sign-outs")
}

/// Changes to the stored state of a trigger.
public struct MemoryChanges: Sendable, Hashable {
    /// The trigger that remembers them.
    public var trigger: TriggerID
    /// The values by key; nil removes the key.
    public var values: [String: Value?]

    package init(trigger: TriggerID, values: [String: Value?]) {
        self.trigger = trigger
        self.values = values
    }
}

extension Journal {
    /// Requests the cancellation of a run. A request after the first one has no effect.
    package func requestCancel(_ runID: String, at time: Int64) async throws(JournalError) -> CancelAnswer {
        try await requestCancel(runID, mayEndFinally: false, at: time)
    }

    /// Passes on the events of a run that were written since the last look, a page at a time.
    ///
    /// - Parameters:
    ///   - next: The number of the next event; it is counted on before the page is passed on.
    ///   - page: The largest number of events in memory.
    /// - Returns: ``progress(of:)`` before the events were read: if the run had ended, all of its events were passed on.
    package func newEvents(
        of runID: String, from next: inout Int, page: Int,
        _ body: (_ events: [(number: Int, event: Value)]) async throws -> Void
    ) async throws -> RunRecord? {
        let run = try await progress(of: runID)
        while case let events = try await events(of: runID, from: next, limit: page), let last = events.last {
            next = last.number + 1
            try await body(events)
        }
        return run
    }
}
