/// Names one process that works on runs.
public struct AgentID: Sendable, Hashable, CustomStringConvertible {
    public var text: String
    public var description: String { text }

    public init(_ text: String) {
        self.text = text
    }
}

/// A process that works on runs, as the journal knows it.
public struct AgentRecord: Sendable, Hashable {
    public var id: AgentID
    public var processID: Int32
    public var host: String
    /// What it does: `run`, `serve`.
    public var role: String
    /// Nanoseconds since 1970.
    public var startedAt: Int64

    public init(id: AgentID, processID: Int32, host: String, role: String, startedAt: Int64) {
        self.id = id
        self.processID = processID
        self.host = host
        self.role = role
        self.startedAt = startedAt
    }
}
