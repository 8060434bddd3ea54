/// Names one process that works on runs.
public struct WorkerID: Sendable, Hashable, CustomStringConvertible {
    public var text: String
    public var description: String { text }

    public init(_ text: String) {
        self.text = text
    }
}

/// A process that works on runs, as the journal knows it.
public struct WorkerRecord: Sendable, Hashable {
    public var id: WorkerID
    public var processID: Int32
    public var host: String
    /// What it does: `run`, `serve`.
    public var role: String
    /// Nanoseconds since 1970.
    public var startedAt: Int64

    public init(id: WorkerID, processID: Int32, host: String, role: String, startedAt: Int64) {
        self.id = id
        self.processID = processID
        self.host = host
        self.role = role
        self.startedAt = startedAt
    }
}

/// A worker's right to work on one run: from its claim until the run has ended, waits, is released, or is claimed anew.
public struct Lease: Sendable, Hashable {
    public var runID: String
    public var worker: WorkerID
    /// The fencing token. Every claim gets the next number of one counter of the journal, so that what a worker still
    /// has to say from an earlier claim is told apart from what it says now.
    public var epoch: Int64

    public init(runID: String, worker: WorkerID, epoch: Int64) {
        self.runID = runID
        self.worker = worker
        self.epoch = epoch
    }
}

/// A worker as another one sees it.
public struct WorkerSight: Sendable, Hashable {
    public enum Presence: Sendable, Hashable {
        /// Its process is there, as far as that can be told; it may hang.
        case present
        /// Its process has ended without leaving the journal.
        case died
        /// It has left the journal, or was taken for dead before.
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

/// How runs are taken over from workers that do not work on them any more.
public struct TakeoverPolicy: Sendable, Hashable {
    /// How often the worker of a run may die without a step of it ending in between. After that the run is tried once
    /// more, alone in its process.
    public var deaths: Int
    /// Nanoseconds since 1970.
    public var now: Int64

    public init(deaths: Int, now: Int64) {
        self.deaths = deaths
        self.now = now
    }

    /// How long a run stays in the queue after it was taken over `count` times without a step of it ending in between:
    /// not at all the first time, then 1 s, 2 s, 4 s, up to a minute.
    public static func pause(afterTakeovers count: Int) -> Duration {
        count <= 1 ? .zero : .seconds(min(60, 1 << min(count - 2, 6)))
    }

    /// The longest pause, in nanoseconds. A run that would stay in the queue for longer is one from before the clock
    /// was set back.
    public static let longestPause: Int64 = 60_000_000_000
}

/// The runs of workers that do not work on them any more.
public struct Takeover: Sendable, Hashable {
    /// In the queue again.
    public var queued: [String]
    /// Failed with `killed-its-worker`.
    public var failed: [String]

    public init(queued: [String] = [], failed: [String] = []) {
        self.queued = queued
        self.failed = failed
    }
}
