import HummingbirdCore
import Logging
import NIOCore

/// HTTP/1.1 connections that are kept within their time limits.
struct GuardedChannel: ServerChildChannel {
    private let base: HTTP1Channel

    init(timeouts: ConnectionTimeouts, responder: @escaping HTTPChannelHandler.Responder) {
        let limits = ConnectionProgress.Limits(
            header: TimeAmount(timeouts.header), idle: TimeAmount(timeouts.idle), write: TimeAmount(timeouts.write),
            farewell: TimeAmount(timeouts.farewell))
        base = HTTP1Channel(
            responder: responder,
            configuration: .init(additionalChannelHandlers: [ConnectionGuard(limits: limits)]))
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        base.setup(channel: channel, logger: logger).flatMapThrowing { value in
            let pipeline = channel.pipeline.syncOperations
            let connection = try pipeline.handler(type: ConnectionGuard.self)
            try pipeline.addHandler(ArrivalWatch(connection), position: .first)
            return value
        }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await base.handle(value: value, logger: logger)
    }
}
