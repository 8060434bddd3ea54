/// The identity of a worker.
public struct WorkerID: Sendable, Hashable, CustomStringConvertible {
    /// A random text, unique among the workers of a journal.
    public var text: String
    /// The text.
    public var description: String { text }

    /// The identity with this text.
    public init(_ text: String) {
        self.text = text
    }
}

/// The journal's record of a worker.
public struct WorkerRecord: Sendable, Hashable {
    /// Which worker it is.
    public var id: WorkerID
    /// The id of its process on its machine.
    public var processID: Int32
    /// The name of its machine.
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

    /// A worker that has not joined yet.
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
    package var runID: String
    /// The worker that claimed the run.
    public var worker: WorkerID
    /// The fencing token: each claim gets the next number of a journal-wide counter, so that late writes of an earlier
    /// claim are rejected.
    public var epoch: Int64

    package init(runID: String, worker: WorkerID, epoch: Int64) {
        self.runID = runID
        self.worker = worker
        self.epoch = epoch
    }
}

/// A worker as observed by another one.
public struct WorkerSight: Sendable, Hashable {
    /// Whether it is there.
    public enum Presence: Sendable, Hashable {
        /// Its process appears to be alive; it may hang.
        case present
        /// Its process has ended without leaving the journal.
        case died
        /// It has left the journal, or was declared dead before.
        case left
    }

    /// Which worker it is.
    public var id: WorkerID
    /// Counts its heartbeats.
    public var beat: Int64
    package var presence: Presence

    package init(_ id: WorkerID, beat: Int64, _ presence: Presence) {
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

    package init(deaths: Int, now: Int64) {
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

    package init(queued: [String] = [], failed: [String] = []) {
        self.queued = queued
        self.failed = failed
    }
}
