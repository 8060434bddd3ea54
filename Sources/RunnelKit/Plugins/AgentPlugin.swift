/// A plugin whose steps talk to an agent.
///
/// With `--simulate`, and in `runnel test`, they talk to a stand-in that listens on this machine instead. The stand-in
/// speaks like the Marketplace API.
public protocol AgentPlugin: Plugin {
    /// The plugin, talking to the stand-in.
    func talking(to standIn: AgentStandIn) -> Self
}

/// What stands in for the agent, as a client sees it.
public struct AgentStandIn: Sendable {
    /// How a test goes about time.
    public struct Pacing: Sendable {
        /// For all waiting of the client.
        public var clock: any Clock<Duration>
        /// In the place of each time limit of the client. Its other limits are the defaults.
        public var timeLimit: Duration

        /// A pace that is kept by a clock.
        public init(clock: any Clock<Duration>, timeLimit: Duration) {
            self.clock = clock
            self.timeLimit = timeLimit
        }
    }

    /// Where it listens, such as `http://127.0.0.1:4711`.
    public var baseURL: String
    /// The client ID that it takes.
    public var clientID: String
    /// The client secret that it takes.
    public var clientSecret: String
    /// The agent that it knows.
    public var agentID: String
    /// nil: the plugin's settings say how long it waits, and how much it asks for.
    public var pacing: Pacing?

    /// A stand-in at an address.
    public init(baseURL: String, clientID: String, clientSecret: String, agentID: String, pacing: Pacing? = nil) {
        self.baseURL = baseURL
        self.clientID = clientID
        self.clientSecret = clientSecret
        self.agentID = agentID
        self.pacing = pacing
    }
}

extension Plugin {
    /// The plugin, talking to the stand-in where there is one and it talks to an agent.
    package func talking(toAny standIn: AgentStandIn?) -> any Plugin {
        guard let standIn, let plugin = self as? any AgentPlugin else { return self }
        return plugin.talking(to: standIn)
    }
}
