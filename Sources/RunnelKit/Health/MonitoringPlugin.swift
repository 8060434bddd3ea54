/// A plugin that knows of problems by what the journal holds. `runnel serve` asks it every few seconds, and the trigger
/// `health` tells when one begins and ends.
public protocol MonitoringPlugin: Plugin {
    /// The kinds of problems that it looks for; no other plugin looks for them.
    var monitoredKinds: [HealthBoard.Kind] { get }

    /// The problems of these kinds that exist now.
    /// - Throws: What the journal has to say; the problems that were known stay then.
    func problems(_ context: MonitoringContext) async throws -> [HealthBoard.Problem]
}

/// What a plugin may look at to find problems.
public struct MonitoringContext: Sendable {
    /// Nanoseconds since 1970 (UTC).
    public var now: Int64
    /// What chats have used since a time (nanoseconds since 1970), those of a pipeline or all.
    public var usage: @Sendable (_ since: Int64, _ pipeline: String?) async throws -> UsageTotal

    /// A context; see the properties.
    public init(now: Int64, usage: @escaping @Sendable (_ since: Int64, _ pipeline: String?) async throws -> UsageTotal)
    {
        self.now = now
        self.usage = usage
    }
}
