import HTTPServing
import HummingbirdCore
import Logging
import NIOCore

/// HTTP/1.1 connections with time limits.
struct GuardedChannel: ServerChildChannel {
    private let base: HTTP1Channel
    private let connections: OpenConnections

    init(
        limits: ConnectionProgress.Limits, connections: OpenConnections,
        responder: @escaping HTTPChannelHandler.Responder
    ) {
        self.connections = connections
        base = HTTP1Channel(
            responder: responder,
            configuration: .init(additionalChannelHandlers: [ConnectionGuard(limits: limits)]))
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        base.setup(channel: channel, logger: logger).flatMapThrowing { [connections] value in
            let pipeline = channel.pipeline.syncOperations
            let connection = try pipeline.handler(type: ConnectionGuard.self)
            try pipeline.addHandler(FirstByteHandler(connection), position: .first)
            connections.add(value, connection.control(on: channel.eventLoop))
            return value
        }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await base.handle(value: value, logger: logger)
    }
}

extension ConnectionGuard {
    fileprivate func control(on eventLoop: any EventLoop) -> OpenConnections.Control {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        return OpenConnections.Control(
            idle: idle, drain: { eventLoop.execute { bound.value.drain() } },
            evict: { eventLoop.execute { bound.value.closeIfIdle() } })
    }
}
