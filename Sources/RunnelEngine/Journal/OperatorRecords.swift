public import RunnelKit

/// What operators did and set, and counters of runs: kept in the journal beside the runs, for people who look at it.
public protocol OperatorRecords: Sendable {
    /// The ended runs by the hour of their end, oldest first; counted when a run ends, also where it is not kept any
    /// more.
    ///
    /// - Parameter time: In nanoseconds since 1970; the hour that contains it is included.
    func hours(since time: Int64) async throws(JournalError) -> [HourCount]

    /// Adds an entry to the audit log. Durable.
    func append(_ entry: AuditEntry) async throws(JournalError)
    /// The newest entries first.
    ///
    /// - Parameter number: Only entries before this one, for the next page.
    func audit(before number: Int64?, limit: Int) async throws(JournalError) -> [AuditEntry]

    /// Until when the caller has seen what failed; nil if it never said so. In nanoseconds since 1970.
    func seen(by caller: String) async throws(JournalError) -> Int64?
    /// Stores until when the caller has seen what failed. An earlier time than the stored one changes nothing.
    func setSeen(by caller: String, until time: Int64) async throws(JournalError)

    /// The triggers that operators have disabled.
    func disabledTriggers() async throws(JournalError) -> Set<TriggerID>
    /// Disables or enables a trigger for all servers of the journal. Durable.
    func setTrigger(_ trigger: TriggerID, isEnabled: Bool) async throws(JournalError)

    /// Drains a worker, so that it claims no more runs, or lets it claim again. It learns of it with its next heartbeat.
    /// Durable.
    ///
    /// - Returns: Whether the worker is registered.
    func setWorker(_ worker: WorkerID, isDrained: Bool) async throws(JournalError) -> Bool
}

/// The number of runs of one pipeline that ended in one hour in one state.
public struct HourCount: Sendable, Hashable {
    /// The begin of the hour, in nanoseconds since 1970.
    public var hour: Int64
    /// The name of the pipeline.
    public var pipeline: String
    /// The final state.
    public var state: RunState
    /// The number of runs.
    public var runs: Int

    package init(hour: Int64, pipeline: String, state: RunState, runs: Int) {
        self.hour = hour
        self.pipeline = pipeline
        self.state = state
        self.runs = runs
    }

    /// In nanoseconds.
    public static let length: Int64 = 3_600_000_000_000

    /// The begin of the hour that contains the time.
    public static func hour(of time: Int64) -> Int64 { time - time % length }
}

/// One action of an operator. The audit log is append-only.
public struct AuditEntry: Sendable, Hashable {
    /// Ascending; 0 until it is stored.
    public var number: Int64 = 0
    /// Nanoseconds since 1970.
    public var time: Int64
    /// The name of the access token, or `local` without one.
    public var caller: String
    /// From where: an address, or `command line`.
    public var origin: String
    /// In kebab case, such as `cancel-run`.
    public var action: String
    /// What it was done to: the id of a run, the name of a pipeline.
    public var subject: String
    /// What came of it, such as the id of the new run; empty for nothing.
    public var outcome: String

    package init(time: Int64, caller: String, origin: String, action: String, subject: String, outcome: String = "") {
        self.time = time
        self.caller = caller
        self.origin = origin
        self.action = action
        self.subject = subject
        self.outcome = outcome
    }
}

extension AuditEntry {
    /// The entry as the API and `runnel audit` show it.
    public var json: Value {
        [
            "number": .int(number), "time": .string(Timestamp.text(nanoseconds: time)), "caller": .string(caller),
            "origin": .string(origin), "action": .string(action), "subject": .string(subject),
            "outcome": .string(outcome),
        ]
    }
}

/// The records of operators beside a journal in memory.
struct MemoryOperatorRecords: OperatorRecords {
    /// What is stored.
    actor Log {
        fileprivate var entries: [AuditEntry] = []
        fileprivate var seenByCaller: [String: Int64] = [:]
        fileprivate var disabled: Set<TriggerID> = []

        fileprivate func append(_ entry: AuditEntry) {
            var entry = entry
            entry.number = Int64(entries.count) + 1
            entries.append(entry)
        }

        func rename(pipeline: String, to name: String) {
            disabled = Set(
                disabled.map { $0.pipeline == pipeline ? TriggerID(pipeline: name, key: $0.key) : $0 })
        }

        fileprivate func setTrigger(_ trigger: TriggerID, isEnabled: Bool) {
            if isEnabled { disabled.remove(trigger) } else { disabled.insert(trigger) }
        }

        fileprivate func setSeen(by caller: String, until time: Int64) {
            seenByCaller[caller] = max(time, seenByCaller[caller] ?? time)
        }
    }

    let journal: MemoryJournal
    let log: Log

    func hours(since time: Int64) async -> [HourCount] {
        var counts: [HourCount: Int] = [:]
        let first = max(HourCount.hour(of: time), await journal.countedSince)
        for run in await journal.runs(RunFilter(limit: .max)) {
            guard let end = run.endedAt, HourCount.hour(of: end) >= first else { continue }
            counts[
                HourCount(hour: HourCount.hour(of: end), pipeline: run.pipeline, state: run.state, runs: 0), default: 0] +=
                1
        }
        return counts.map { key, runs in
            var count = key
            count.runs = runs
            return count
        }.sorted { ($0.hour, $0.pipeline, $0.state.rawValue) < ($1.hour, $1.pipeline, $1.state.rawValue) }
    }

    func append(_ entry: AuditEntry) async { await log.append(entry) }

    func audit(before number: Int64?, limit: Int) async -> [AuditEntry] {
        Array(await log.entries.reversed().drop { $0.number >= number ?? .max }.prefix(limit))
    }

    func seen(by caller: String) async -> Int64? { await log.seenByCaller[caller] }
    func setSeen(by caller: String, until time: Int64) async { await log.setSeen(by: caller, until: time) }
    func disabledTriggers() async -> Set<TriggerID> { await log.disabled }

    func setTrigger(_ trigger: TriggerID, isEnabled: Bool) async {
        await log.setTrigger(trigger, isEnabled: isEnabled)
    }

    func setWorker(_ worker: WorkerID, isDrained: Bool) async -> Bool {
        await journal.setWorker(worker, isDrained: isDrained)
    }
}
