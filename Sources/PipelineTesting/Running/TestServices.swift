import AsyncHTTPClient
import ChatPlugin
import Marketplace
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
        await MarketplaceService.register(in: services) {
            let simulated = simulator.configuration
            let limit = PauseClock.limit
            let configuration = try MarketplaceConfiguration(
                baseURL: simulator.baseURL,
                authentication: .clientCredentials(
                    clientID: simulated.clientID, clientSecret: simulated.clientSecret),
                agentID: simulated.agentID,
                timeouts: .init(connect: limit, idle: limit, total: limit, token: limit))
            let httpClient = HTTPClient(
                eventLoopGroupProvider: .singleton, configuration: configuration.httpClientConfiguration)
            return MarketplaceService.Service(
                client: MarketplaceClient(
                    configuration: configuration, httpClient: httpClient, clock: PauseClock(time: clock)),
                httpClient: httpClient)
        }
        for plugin in plugins { await plugin.registerServices(in: services) }
        return services
    }
}
