public import RunnelKit

/// Where runs are kept, so that none is lost and none happens twice.
///
/// Several processes share one journal. Each joins it as a worker; a run belongs to one worker at a time, by a ``Lease``,
/// and to nobody once that worker has died. What comes back from a method that says so is on disk: neither `kill -9` nor
/// losing power takes it back. Who is dead, and what is to be done about it, is decided by ``OwnershipMachine``. Values in
/// records are sealed by the engine before they come here; see ``SecretSeal``.
public protocol Journal: Sendable {
    // MARK: Workers

    /// Begins to work with the journal. Durable.
    ///
    /// - Parameter former: What the same process was called before. Runs that still belong to one of those go back to the
    ///   queue, in the same transaction.
    func join(_ worker: WorkerRecord, replacing former: [WorkerID], at time: Int64) async throws(JournalError)
    /// A heartbeat; to be called every ``OwnershipMachine/Timing/beat``.
    ///
    /// - Returns: Whether the journal knows the worker. One that was taken for dead is not known any more.
    func beat(_ worker: WorkerID) async throws(JournalError) -> Bool
    /// Ends working with the journal. Runs that still belong to the worker go back to the queue.
    func leave(_ worker: WorkerID) async throws(JournalError)
    /// All workers as they are seen from here, and the owners of runs that are not known as workers.
    func observe() async throws(JournalError) -> [WorkerSight]
    /// Sends the runs of these workers back to the queue and forgets the workers, each exactly once however many
    /// processes call this. One that was silent and has beaten since it was seen is left alone.
    ///
    /// A run whose worker died once more than ``TakeoverPolicy/deaths`` fails with `killed-its-worker`.
    func takeOver(from dead: [WorkerSight], _ policy: TakeoverPolicy) async throws(JournalError) -> Takeover
    func workers() async throws(JournalError) -> [WorkerRecord]
    /// The runs that belong to the worker.
    func leases(of worker: WorkerID) async throws(JournalError) -> [Lease]

    // MARK: Accepting runs

    /// Keeps the definition unless it is known. Durable with the first run that names it.
    func keep(_ definition: DefinitionRecord) async throws(JournalError)
    func definition(_ hash: String) async throws(JournalError) -> DefinitionRecord?

    /// Takes in a run, and remembers what its trigger wants to be remembered together with it. Durable.
    ///
    /// - Parameters:
    ///   - run: Belongs to ``RunRecord/owner`` at once where that is set and the journal knows that worker; its state is
    ///     `running` then, and the answer ``Acceptance/claimed(epoch:)``.
    ///   - memory: Remembered whether the run is new or not.
    func accept(_ run: RunRecord, memory: MemoryChanges?) async throws(JournalError) -> Acceptance

    // MARK: Working on runs

    /// Queued runs, without what the runs were given: enough to claim them.
    func queued(_ search: QueueSearch) async throws(JournalError) -> [RunRecord]
    /// How many runs are queued.
    func queuedCount() async throws(JournalError) -> Int
    /// How many runs are waiting.
    func waitingCount() async throws(JournalError) -> Int
    /// Takes a queued run if the limits allow it, under a new epoch. Durable.
    ///
    /// - Throws: ``JournalError/workerUnknown(_:)`` where the worker has not joined, or counted as dead since.
    func claim(_ runID: String, by worker: WorkerID, limits: RunLimits) async throws(JournalError) -> Claim
    /// Writes down what happened. Commits of one run take effect in the order of the calls.
    ///
    /// - Throws: ``JournalError/leaseLost(_:)`` when the run belongs to somebody else by now, or was claimed anew.
    func commit(_ commit: RunCommit, _ durability: Durability) async throws(JournalError)
    /// Gives runs back to the queue unfinished. Leases that hold no more are passed by. Durable.
    ///
    /// - Returns: The runs that were given back.
    func release(_ leases: [Lease], _ reason: ReleaseReason) async throws(JournalError) -> [String]
    /// Sends the waiting runs whose time has come back to the queue, each exactly once however many processes call this.
    func wake(at time: Int64) async throws(JournalError) -> Waking
    /// Asks for the run to be cancelled, whoever works on it. A run that nobody works on ends at once, unless it had
    /// begun and has steps under `finally`: then it goes to the queue, and the worker that claims it runs those. Durable.
    func requestCancel(_ runID: String, at time: Int64) async throws(JournalError) -> CancelAnswer
    /// The runs of this worker that somebody wants cancelled.
    func cancelRequests(for worker: WorkerID) async throws(JournalError) -> [String]

    // MARK: Looking

    /// Differs from an earlier answer when something was written in between, by whichever process. Cheap enough to be
    /// asked several times a second.
    func version() async throws(JournalError) -> Int64
    func run(_ id: String) async throws(JournalError) -> RunRecord?
    /// The runs whose id begins with this text, at most `limit`, for ids that a person typed.
    func runs(idPrefix: String, limit: Int) async throws(JournalError) -> [RunRecord]
    /// Without inputs and outputs, which can be large: `input`, `inputs` and `output` are empty. Of a large trigger only
    /// `type` is there.
    func runs(_ filter: RunFilter) async throws(JournalError) -> [RunRecord]
    /// In the order in which they began.
    func steps(of runID: String) async throws(JournalError) -> [StepRecord]
    /// The events with numbers from `number` on.
    func events(
        of runID: String, from number: Int, limit: Int
    ) async throws(JournalError) -> [(number: Int, event: Value)]

    // MARK: Housekeeping

    /// Removes ended runs and gives their space back, in small transactions that keep nobody waiting.
    ///
    /// What a killed process has not removed the next call removes. Cancelling the task ends it early.
    /// - Parameter limit: About how long it may take; nil: until all is removed.
    func prune(_ retention: Retention, now: Int64, within limit: Duration?) async throws(JournalError) -> PruneReport
    /// Writes something and waits until it is on disk: whether a run could be accepted now.
    func probe() async throws(JournalError)
    /// Reads everything and says what is damaged; empty: all is well.
    func check() async throws(JournalError) -> [String]
    /// Writes what is still to be written and ends.
    func close() async

    // MARK: Triggers

    func memory(of trigger: TriggerID) -> any TriggerMemory
}

extension Journal {
    public func join(_ worker: WorkerRecord) async throws(JournalError) {
        try await join(worker, replacing: [], at: worker.startedAt)
    }

    /// The queued runs that come next.
    public func queued(limit: Int) async throws(JournalError) -> [RunRecord] {
        try await queued(QueueSearch(limit: limit))
    }

    /// Takes over from the workers whose process is known to be gone. A silent one is only judged by a worker that has
    /// watched it for long enough.
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
    public var pipeline: String
    /// `watch`, or `schedule[1]`.
    public var key: String

    public init(pipeline: String, key: String) {
        self.pipeline = pipeline
        self.key = key
    }
}

/// What a trigger wants to be remembered.
public struct MemoryChanges: Sendable, Hashable {
    public var trigger: TriggerID
    /// A nil forgets the key.
    public var values: [String: Value?]

    public init(trigger: TriggerID, values: [String: Value?]) {
        self.trigger = trigger
        self.values = values
    }
}
