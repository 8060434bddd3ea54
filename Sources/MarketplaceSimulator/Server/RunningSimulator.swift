internal import RunnelSupport

/// A simulator that is listening.
public struct RunningSimulator: Sendable {
    /// Where it listens, for example `http://127.0.0.1:49152`.
    public let baseURL: String
    /// How it was set up.
    public let configuration: SimulatorConfiguration
    let simulation: Simulation

    /// The token requests so far, refused ones included. Of very many only the most recent are kept.
    public var tokenRequests: [RecordedRequest] { simulation.activity.value.token.requests }
    /// The chat requests so far, refused ones included. Of very many only the most recent are kept.
    public var chatRequests: [RecordedRequest] { simulation.activity.value.chat.requests }
    /// How many token requests there were.
    public var tokenRequestCount: Int { simulation.activity.value.token.total }
    /// How many chat requests there were.
    public var chatRequestCount: Int { simulation.activity.value.chat.total }
    /// What the chats have used that asked for it and were answered to their end, each idempotency key once.
    public var usage: SimulatedUsage { simulation.usage }
    /// How often an answer was taken up again.
    public var reconnections: Int { simulation.reconnections }
    /// The ids of the answers that were cancelled; of very many only the most recent.
    public var cancelledMessages: [String] { simulation.cancelled }
    /// How many streams are being sent now.
    public var openStreams: Int { simulation.activity.value.openStreams }

    /// Returns once exactly so many streams are being sent.
    ///
    /// - Throws: `CancellationError` when the task is cancelled first.
    public func waitForOpenStreams(_ count: Int) async throws {
        try await simulation.activity.wait { $0.openStreams == count }
    }
}
