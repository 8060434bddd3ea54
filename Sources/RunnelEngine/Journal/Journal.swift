public import RunnelKit

/// Where runs are kept, so that none is lost and none happens twice.
///
/// Several processes share one journal. Each joins it as an agent; a run belongs to one agent at a time, and to nobody
/// once that agent has died. What comes back from a method that says so is on disk: neither `kill -9` nor losing power
/// takes it back. Values in records are sealed by the engine before they come here; see ``SecretSeal``.
public protocol Journal: Sendable {
    // MARK: Agents

    /// Begins to work with the journal.
    func join(_ agent: AgentRecord) async throws(JournalError)
    /// Says that the agent lives; to be called every ``beatInterval``.
    func beat(_ agent: AgentID) async throws(JournalError)
    /// Ends working with the journal. Runs that still belong to the agent go back to the queue.
    func leave(_ agent: AgentID) async throws(JournalError)
    /// Sends the runs of agents that have died back to the queue, each exactly once however many processes call this.
    ///
    /// An agent has died when its process has, as far as that can be told, or when it has not said that it lives
    /// during three intervals of the caller's own steady clock; the time of day plays no part.
    ///
    /// - Returns: The runs that were sent back.
    func reap() async throws(JournalError) -> [String]
    func agents() async throws(JournalError) -> [AgentRecord]
    var beatInterval: Duration { get }

    // MARK: Accepting runs

    /// Keeps the definition unless it is known. Durable with the first run that names it.
    func keep(_ definition: DefinitionRecord) async throws(JournalError)
    func definition(_ hash: String) async throws(JournalError) -> DefinitionRecord?

    /// Takes in a run, and remembers what its trigger wants to be remembered together with it. Durable.
    ///
    /// - Parameters:
    ///   - run: Belongs to ``RunRecord/owner`` at once where that is set; its state is `running` then.
    ///   - memory: Remembered whether the run is new or not.
    func accept(_ run: RunRecord, memory: MemoryChanges?) async throws(JournalError) -> Acceptance

    // MARK: Working on runs

    /// Runs that belong to nobody and are not finished, the oldest first.
    func queued(limit: Int) async throws(JournalError) -> [RunRecord]
    /// The same without the runs of some pipelines, and without what the runs were given: enough to claim them.
    func queued(limit: Int, except pipelines: Set<String>) async throws(JournalError) -> [RunRecord]
    /// How many runs are queued.
    func queuedCount() async throws(JournalError) -> Int
    /// Takes a queued run if the limits allow it. Durable.
    func claim(_ runID: String, by agent: AgentID, limits: RunLimits) async throws(JournalError) -> Claim
    /// Writes down what happened. Commits of one run take effect in the order of the calls.
    ///
    /// - Throws: ``JournalError/leaseLost(_:)`` when the run belongs to somebody else by now.
    func commit(_ commit: RunCommit, _ durability: Durability) async throws(JournalError)
    /// Gives runs back to the queue unfinished, as a process does that is told to stop. Durable.
    func release(_ runIDs: [String], by agent: AgentID) async throws(JournalError)
    /// Asks for the run to be cancelled, whoever works on it. Durable.
    func requestCancel(_ runID: String, at time: Int64) async throws(JournalError) -> CancelAnswer
    /// The runs of this agent that somebody wants cancelled.
    func cancelRequests(for agent: AgentID) async throws(JournalError) -> [String]

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
