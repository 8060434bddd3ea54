import MarketplaceSimulator
import RunnelHTTP
import RunnelKit

/// The clients of one test, none of which leaves this machine.
enum TestServices {
    /// The simulator behind the Marketplace client, with the answers of a test.
    static func simulator(_ agent: CannedAgent) -> SimulatorConfiguration {
        var configuration = SimulatorConfiguration()
        configuration.pace = .zero
        configuration.cannedAnswer = { agent.answer($0) }
        return configuration
    }

    static func make(
        plugins: [any Plugin], web: CannedWeb, simulator: RunningSimulator, clock: JumpingClock
    ) async -> Services {
        let services = Services()
        await HTTPClientService.register(web, in: services)
        let simulated = simulator.configuration
        let standIn = AgentStandIn(
            baseURL: simulator.baseURL, clientID: simulated.clientID, clientSecret: simulated.clientSecret,
            agentID: simulated.agentID,
            pacing: AgentStandIn.Pacing(clock: PauseClock(time: clock), timeLimit: PauseClock.limit))
        for plugin in plugins { await plugin.talking(toAny: standIn).registerServices(in: services) }
        return services
    }
}
