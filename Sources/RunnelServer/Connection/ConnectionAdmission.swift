import HTTPServing
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Makes room for callers where there are as many connections as the process can hold: closes those that have been idle
/// longest, so that nobody waits in the backlog behind idle connections.
final class IdleEviction: Sendable {
    let limit: Int
    private let connections: OpenConnections
    private let isLookDue = Mutex(false)

    /// How long a connection may be idle in any case: a caller who has just connected is about to send its request.
    private static let minimum = Duration.milliseconds(100)
    private static let interval = TimeAmount.milliseconds(50)

    init(connections: OpenConnections, limit: Int) {
        self.connections = connections
        self.limit = limit
    }

    /// Closes some at once, so that looking for the longest idle ones is shared by as many new connections.
    ///
    /// - Parameter part: Which part of the connections may be closed.
    func makeRoom(part: Int = 64) {
        connections.evict(max(1, limit / part), idleFor: Self.minimum)
        // While nothing could be closed nobody tells of a connection that becomes idle.
        guard
            isLookDue.withLock({ isDue in
                defer { isDue = true }
                return !isDue
            })
        else { return }
        MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: Self.interval) {
            self.isLookDue.withLock { $0 = false }
            if self.connections.count >= self.limit { self.makeRoom() }
        }
    }
}

/// Accepts connections while there are fewer than the limit.
struct ConnectionAdmission: AvailableConnectionsDelegate {
    private let eviction: IdleEviction
    private var count = 0

    init(_ eviction: IdleEviction) {
        self.eviction = eviction
    }

    mutating func connectionOpened() {
        count += 1
        if count >= eviction.limit { eviction.makeRoom() }
    }

    mutating func connectionClosed() {
        count -= 1
    }

    func isAcceptingNewConnections() -> Bool { count < eviction.limit }
}

/// Keeps the server accepting when a connection cannot be accepted, because there is no file descriptor or memory for it
/// or because the caller has gone. Seen by the server such an error would end its accept loop for good.
final class AcceptErrors: ChannelInboundHandler, RemovableChannelHandler, Sendable {
    typealias InboundIn = any Channel

    private let eviction: IdleEviction
    private let logger: Logger
    private let lastWarning = Mutex(NIODeadline.distantPast)

    /// How long the server waits for descriptors before it tries again.
    private static let pause = TimeAmount.milliseconds(100)

    init(_ eviction: IdleEviction, _ logger: Logger) {
        self.eviction = eviction
        self.logger = logger
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let code = (error as? IOError)?.errnoCode, [ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code)
        else { return context.fireErrorCaught(error) }
        guard code != ECONNABORTED else { return }
        // Pipelines need descriptors as well.
        eviction.makeRoom(part: 8)
        warn(error)
        // The connection waits in the backlog, so reading on would try it again at once, and for ever.
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
