import HTTPServing
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL

/// HTTP/1.1 connections with time limits, over TLS if there is a certificate.
struct GuardedChannel: ServerChildChannel {
    private let base: HTTP1Channel
    private let connections: OpenConnections
    private let tls: ServerCertificate?

    init(
        limits: ConnectionProgress.Limits, connections: OpenConnections, tls: ServerCertificate?,
        responder: @escaping HTTPChannelHandler.Responder
    ) {
        self.connections = connections
        self.tls = tls
        base = HTTP1Channel(
            responder: responder,
            configuration: .init(additionalChannelHandlers: [ConnectionGuard(limits: limits)]))
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        base.setup(channel: channel, logger: logger).flatMapThrowing { [connections, tls] value in
            let pipeline = channel.pipeline.syncOperations
            let connection = try pipeline.handler(type: ConnectionGuard.self)
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            try pipeline.addHandler(MessageRules(), position: .after(decoder))
            try pipeline.addHandler(FirstByteHandler(connection), position: .first)
            if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls.context), position: .first) }
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
