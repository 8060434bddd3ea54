import HummingbirdCore
import LibC
import Logging
import NIOCore
import NIOPosix
import RunnelSupport
import ServiceLifecycle

/// Accepts connections on a socket that is already listening, as systemd passes it: Hummingbird's server can only bind one
/// of its own.
///
/// It runs in the place of that server, as the process before its start, and never returns, so that nothing is bound.
struct InheritedListener: Sendable {
    /// Thrown after a graceful shutdown.
    struct Ended: Error {}

    let socket: CInt
    let admission: ConnectionAdmission
    let logger: Logger
    /// Handles the connections. Hummingbird makes it before it calls ``run(onListening:)``.
    let connection = Promise<GuardedChannel>()

    /// Accepts connections until the graceful shutdown, and throws ``Ended`` when the last one has ended.
    func run(onListening: @escaping @Sendable (any Channel) async -> Void) async throws {
        let connection = try await connection.value()
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelInitializer { [admission] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        AvailableConnectionsChannelHandler(delegate: admission))
                }
            }
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .bind(socket) { [logger] channel in connection.setup(channel: channel, logger: logger) }
        // SwiftNIO has reduced the queue of the socket, in which calls wait while no process accepts.
        listen(socket, SOMAXCONN)
        let channel = server.channel
        var end: any Error = Ended()
        await withGracefulShutdownHandler {
            await onListening(channel)
            await withDiscardingTaskGroup { group in
                do {
                    try await server.executeThenClose { accepted in
                        for try await value in accepted {
                            group.addTask { [logger] in await connection.handle(value: value, logger: logger) }
                        }
                    }
                } catch {
                    // Also thrown for a connection that was accepted while the socket was being closed.
                    if !Task.isShuttingDownGracefully { end = error }
                }
            }
        } onGracefulShutdown: {
            channel.close(promise: nil)
        }
        throw end
    }
}
