package import Hummingbird
package import HummingbirdCore
package import Logging
package import NIOCore
import ServiceLifecycle

extension ApplicationProtocol {
    /// Serves until `stop` opens or the task is cancelled, and then until the last connection has ended.
    ///
    /// The server's own task is never cancelled, since that drops connections that were accepted and not yet taken
    /// over, which ends the process.
    ///
    /// - Parameters:
    ///   - connections: Those of this application, which its ``server`` enters.
    ///   - limit: When connections that are open after the stop are closed; nil: they end by themselves.
    package func serve(
        _ connections: OpenConnections, until stop: Latch, closingAfter limit: Duration? = nil
    ) async throws {
        guard !stop.isOpen, !Task.isCancelled else { return }
        let group = ServiceGroup(configuration: ServiceGroupConfiguration(services: [self], logger: logger))
        // Awaited below, whatever happens.
        let serving = Task {
            defer { stop.open() }
            try await group.run()
        }
        // Returns when the task is cancelled as well.
        await stop.wait()
        connections.drain()
        if let limit { connections.closeAll(after: limit) }
        await group.triggerGracefulShutdown()
        let result = await serving.result
        connections.closeAll()
        try result.get()
    }
}

/// HTTP/1.1 connections that are known to ``OpenConnections``.
package struct CountedChannel: ServerChildChannel {
    private let base: HTTP1Channel
    private let connections: OpenConnections

    package init(
        responder: @escaping HTTPChannelHandler.Responder, configuration: HTTP1Channel.Configuration = .init(),
        connections: OpenConnections
    ) {
        base = HTTP1Channel(responder: responder, configuration: configuration)
        self.connections = connections
    }

    package func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        base.setup(channel: channel, logger: logger).map { value in
            connections.add(value)
            return value
        }
    }

    package func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await base.handle(value: value, logger: logger)
    }
}
