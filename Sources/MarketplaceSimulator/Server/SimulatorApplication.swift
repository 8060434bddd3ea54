import HTTPServing
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore

/// The server around the simulation.
enum SimulatorApplication {
    /// - Parameter onListening: Gets the port once connections are accepted.
    static func make(
        _ simulation: Simulation, connections: OpenConnections = OpenConnections(), logger: Logger,
        onListening: @escaping @Sendable (Int) -> Void
    ) -> Application<SimulatorResponder> {
        let configuration = simulation.configuration
        return Application(
            responder: SimulatorResponder(simulation: simulation),
            server: HTTPServerBuilder {
                CountedChannel(
                    responder: $0, configuration: .init(additionalChannelHandlers: [DisconnectHandler()]),
                    connections: connections)
            },
            configuration: ApplicationConfiguration(
                // A thousand clients may well connect in the same moment.
                address: .hostname(configuration.host, port: configuration.port), backlog: 2048),
            onServerRunning: { channel in onListening(channel.localAddress?.port ?? configuration.port) },
            logger: logger)
    }
}
