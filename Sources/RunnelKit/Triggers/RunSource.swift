public import Logging
internal import Synchronization

/// Where a trigger has put what a run was started for.
public struct RunSource: Sendable, Hashable {
    /// What changes in `trigger` of a run that repeats it: `["path": "failed/a.txt"]`.
    public var payload: ValueObject
    /// The first step's `input` in a run that repeats it.
    public var input: Value
    /// What the trigger needs to know when such a run has ended. Nil if there is nothing to do.
    public var state: Value?

    /// A source; see the properties.
    public init(payload: ValueObject, input: Value, state: Value? = nil) {
        self.payload = payload
        self.input = input
        self.state = state
    }
}

/// A run that repeats another and has ended.
public struct RetriedRun: Sendable {
    /// The run's id.
    public let runID: String
    /// When it began, in nanoseconds since 1970.
    public let startedAt: Int64
    /// How it ended.
    public let end: RunEnd
    /// Where the trigger had put what the run was started for.
    public let source: RunSource

    package init(runID: String, startedAt: Int64, end: RunEnd, source: RunSource) {
        self.runID = runID
        self.startedAt = startedAt
        self.end = end
        self.source = source
    }
}

/// What a trigger may use when a run that repeats one of its runs has ended.
public struct RetryContext: Sendable {
    /// Where the project is.
    public let project: ProjectDirectory
    /// The time of day: nanoseconds since 1970 (UTC).
    public let now: @Sendable () -> Int64
    /// Writes to Runnel's log.
    public let logger: Logger
    private let pipeline: String
    private let origins: RunOrigins

    package init(
        project: ProjectDirectory, now: @escaping @Sendable () -> Int64, logger: Logger, pipeline: String,
        origins: RunOrigins
    ) {
        self.project = project
        self.now = now
        self.logger = logger
        self.pipeline = pipeline
        self.origins = origins
    }

    /// Notes that the trigger puts a file there; see ``TriggerContext/placing(_:modified:for:)``.
    public func placing(_ path: String, modified: Int64, for runID: String) {
        origins.place(path, by: RunOrigin(pipeline: pipeline, runID: runID, isMoved: true), modified: modified)
    }
}

/// The run that made something which a trigger now sees.
public struct RunOrigin: Sendable, Hashable {
    /// The run's pipeline.
    public var pipeline: String
    /// The run's id.
    public var runID: String
    /// Whether the trigger of the run put the file there when the run had ended; false for what its steps wrote.
    public var isMoved: Bool

    /// An origin; see the properties.
    public init(pipeline: String, runID: String, isMoved: Bool = false) {
        self.pipeline = pipeline
        self.runID = runID
        self.isMoved = isMoved
    }
}

/// Which run of this process wrote which file of the project lately. An entry for a folder stands for all files below it.
/// Bounded: the oldest files are forgotten.
package final class RunOrigins: Sendable {
    private struct Entry {
        var origin: RunOrigin
        /// When writing began and ended, in nanoseconds since 1970; nil while it goes on.
        var began: Int64
        var ended: Int64?

        /// The modification times that the file may have, since 1970; they may need more than 64 bits of nanoseconds.
        var earliest: Duration { .nanoseconds(began) - tolerance }
        var latest: Duration? { ended.map { .nanoseconds($0) + tolerance } }
    }

    private struct State {
        var entries: [String: Entry] = [:]
        var order: [String] = []
    }

    private static let limit = 4096
    /// Modification times of files are coarse on some file systems.
    private static let tolerance = Duration.seconds(2)

    private let state = Mutex(State())

    package init() {}

    package func begin(_ path: String, by origin: RunOrigin, at now: Int64) {
        state.withLock { state in
            if state.entries.updateValue(Entry(origin: origin, began: now), forKey: path) == nil {
                state.order.append(path)
            }
            guard state.order.count > Self.limit else { return }
            for path in state.order.prefix(Self.limit / 4) { state.entries[path] = nil }
            state.order.removeFirst(Self.limit / 4)
        }
    }

    package func end(_ path: String, by origin: RunOrigin, at now: Int64) {
        state.withLock { state in
            if state.entries[path]?.origin == origin { state.entries[path]?.ended = now }
        }
    }

    /// Notes a file that gets its name with this modification time.
    package func place(_ path: String, by origin: RunOrigin, modified: Int64) {
        begin(path, by: origin, at: modified)
        end(path, by: origin, at: modified)
    }

    package func origin(of path: String, modified: Int64) -> RunOrigin? {
        state.withLock { state in
            var place = Substring(path)
            while true {
                if let entry = state.entries[String(place)], .nanoseconds(modified) >= entry.earliest,
                    entry.latest.map({ .nanoseconds(modified) <= $0 }) ?? true
                {
                    return entry.origin
                }
                if place.isEmpty { return nil }
                place = place.lastIndex(of: "/").map { place[..<$0] } ?? ""
            }
        }
    }
}
