/// The identity of a worker.
public struct WorkerID: Sendable, Hashable, CustomStringConvertible {
    public var text: String
    public var description: String { text }

    public init(_ text: String) {
        self.text = text
    }
}

/// The journal's record of a worker.
public struct WorkerRecord: Sendable, Hashable {
    public var id: WorkerID
    public var processID: Int32
    public var host: String
    /// The role: `run`, `serve`.
    public var role: String
    /// The version of Runnel; empty if the worker is older than this field.
    public var version: String
    /// Nanoseconds since 1970.
    public var startedAt: Int64
    /// Whether an operator has drained it: it finishes its runs and claims no more.
    public var isDrained = false
    /// The number of its heartbeats. Set by the journal, as are the following.
    public var beat: Int64 = 0
    /// The time since its last heartbeat, by the journal's clock.
    public var silence = Duration.zero
    /// The offset of its clock from the database's at its last heartbeat, positive if it is ahead; nil for a journal without
    /// a database server.
    public var clockLead: Duration?

    public init(
        id: WorkerID, processID: Int32, host: String, role: String, version: String = "", startedAt: Int64
    ) {
        self.id = id
        self.processID = processID
        self.host = host
        self.role = role
        self.version = version
        self.startedAt = startedAt
    }
}

/// A worker's right to work on a run: from its claim until the run ends, waits, is released or is claimed again.
public struct Lease: Sendable, Hashable {
    public var runID: String
    public var worker: WorkerID
    /// The fencing token: each claim gets the next number of a journal-wide counter, so that late writes of an earlier
    /// claim are rejected.
    public var epoch: Int64

    public init(runID: String, worker: WorkerID, epoch: Int64) {
        self.runID = runID
        self.worker = worker
        self.epoch = epoch
    }
}

/// A worker as observed by another one.
public struct WorkerSight: Sendable, Hashable {
    public enum Presence: Sendable, Hashable {
        /// Its process appears to be alive; it may hang.
        case present
        /// Its process has ended without leaving the journal.
        case died
        /// It has left the journal, or was declared dead before.
        case left
    }

    public var id: WorkerID
    /// Counts its heartbeats.
    public var beat: Int64
    public var presence: Presence

    public init(_ id: WorkerID, beat: Int64, _ presence: Presence) {
        self.id = id
        self.beat = beat
        self.presence = presence
    }
}

/// The policy for taking over runs of dead workers.
public struct TakeoverPolicy: Sendable, Hashable {
    /// The maximum number of deaths without progress. After that the run is tried once more, alone in its process.
    public var deaths: Int
    /// Nanoseconds since 1970.
    public var now: Int64

    public init(deaths: Int, now: Int64) {
        self.deaths = deaths
        self.now = now
    }

    /// The pause before a run is claimed again after `count` takeovers without progress: none the first time, then 1 s,
    /// 2 s, 4 s, up to a minute.
    public static func pause(afterTakeovers count: Int) -> Duration {
        count <= 1 ? .zero : .seconds(min(60, 1 << min(count - 2, 6)))
    }

    /// The longest pause, in nanoseconds. A longer one means that the clock was set back.
    public static let longestPause: Int64 = 60_000_000_000
}

/// The result of a takeover.
public struct Takeover: Sendable, Hashable {
    /// The requeued runs.
    public var queued: [String]
    /// Failed with `killed-its-worker`.
    public var failed: [String]

    public init(queued: [String] = [], failed: [String] = []) {
        self.queued = queued
        self.failed = failed
    }
}
