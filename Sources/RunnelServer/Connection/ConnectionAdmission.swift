import HTTPServing
import HummingbirdCore
import LibC
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// Evicts idle connections when the limit is reached: closes the longest idle ones, so that new clients do not wait in
/// the backlog.
final class IdleEviction: Sendable {
    let limit: Int
    private let connections: OpenConnections
    private let isLookDue = Mutex(false)
    /// How many connections were accepted and are not closed. ``OpenConnections`` knows them a moment later.
    private let accepted = Mutex(0)

    /// The minimum idle time before eviction: a client that has just connected is about to send its request.
    private static let minimum = Duration.milliseconds(100)
    private static let interval = TimeAmount.milliseconds(50)

    init(connections: OpenConnections, limit: Int) {
        self.connections = connections
        self.limit = limit
    }

    var isFull: Bool { accepted.withLock { $0 >= limit } }

    func opened() { accepted.withLock { $0 += 1 } }
    func closed() { accepted.withLock { $0 -= 1 } }

    /// Closes a batch, which amortises the search for the longest idle connections.
    ///
    /// - Parameter part: The fraction of connections to close, as 1/part.
    func makeRoom(part: Int = 64) {
        connections.evict(max(1, limit / part), idleFor: Self.minimum)
        // If nothing could be closed, there is no notification when a connection becomes idle.
        guard
            isLookDue.withLock({ isDue in
                defer { isDue = true }
                return !isDue
            })
        else { return }
        MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: Self.interval) {
            self.isLookDue.withLock { $0 = false }
            if self.isFull || self.connections.count >= self.limit { self.makeRoom() }
        }
    }
}

/// Limits the number of accepted connections.
struct ConnectionAdmission: AvailableConnectionsDelegate {
    private let eviction: IdleEviction

    init(_ eviction: IdleEviction) {
        self.eviction = eviction
    }

    mutating func connectionOpened() {
        eviction.opened()
        if eviction.isFull { eviction.makeRoom() }
    }

    mutating func connectionClosed() {
        eviction.closed()
    }

    func isAcceptingNewConnections() -> Bool { !eviction.isFull }
}

/// Handles accept errors (no file descriptors or memory, client gone). Passed on to the server, such an error would end
/// its accept loop.
final class AcceptErrors: ChannelInboundHandler, RemovableChannelHandler, Sendable {
    typealias InboundIn = any Channel

    private let eviction: IdleEviction
    private let logger: Logger
    private let lastWarning = Mutex(NIODeadline.distantPast)

    /// The pause before accepting again.
    private static let pause = TimeAmount.milliseconds(100)

    init(_ eviction: IdleEviction, _ logger: Logger) {
        self.eviction = eviction
        self.logger = logger
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let code = (error as? IOError)?.errnoCode, [ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code)
        else { return context.fireErrorCaught(error) }
        guard code != ECONNABORTED else { return }
        // Evicts more connections, because pipelines need descriptors as well.
        eviction.makeRoom(part: 8)
        warn(error)
        // The connection stays in the backlog, so reading on would retry in a busy loop.
        let channel = context.channel
        channel.setOption(.autoRead, value: false).whenSuccess {
            channel.eventLoop.scheduleTask(in: Self.pause) {
                channel.setOption(.autoRead, value: true).whenFailure { _ in }
            }
        }
    }

    private func warn(_ error: any Error) {
        let now = NIODeadline.now()
        let isDue = lastWarning.withLock { last in
            guard now - last > .seconds(10) else { return false }
            last = now
            return true
        }
        if isDue { logger.warning("connections cannot be accepted and wait: \(error); raise the limit of open files") }
    }
}

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
