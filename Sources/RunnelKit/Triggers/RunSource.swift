public import Logging

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

    package init(project: ProjectDirectory, now: @escaping @Sendable () -> Int64, logger: Logger) {
        self.project = project
        self.now = now
        self.logger = logger
    }
}
