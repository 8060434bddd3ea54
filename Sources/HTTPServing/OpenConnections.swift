package import HummingbirdCore
package import NIOCore
import NIOPosix
import Synchronization

/// The connections of a server, from their setup until their channels are closed.
///
/// Holding a connection here keeps its writer alive until its channel is closed, also where the server's accept loop
/// never takes it over. Otherwise a connection that is accepted while the server stops would end the process:
/// "Deinited NIOAsyncWriter without calling finish()" (apple/swift-nio#3481).
package final class OpenConnections: Sendable {
    /// What a server can ask of a connection that knows about its requests. May be called on any thread.
    package struct Control: Sendable {
        /// Since when the connection has been idle.
        let idle: IdleMark
        /// Lets the connection end with the answers that are under way, or at once where there are none.
        let drain: @Sendable () -> Void
        /// Closes the connection where it is still idle.
        let evict: @Sendable () -> Void

        package init(
            idle: IdleMark, drain: @escaping @Sendable () -> Void, evict: @escaping @Sendable () -> Void
        ) {
            self.idle = idle
            self.drain = drain
            self.evict = evict
        }
    }

    private struct Connection {
        let value: HTTP1Channel.Value
        let control: Control?
    }

    private struct State {
        var connections: [ObjectIdentifier: Connection] = [:]
        var isDraining = false
        var isClosed = false
    }

    private let state = Mutex(State())

    package init() {}

    package var count: Int { state.withLock { $0.connections.count } }

    /// Enters a connection, which leaves by itself when its channel is closed.
    package func add(_ value: HTTP1Channel.Value, _ control: Control? = nil) {
        let id = ObjectIdentifier(value.channel)
        let (isDraining, isClosed) = state.withLock { state in
            state.connections[id] = Connection(value: value, control: control)
            return (state.isDraining, state.isClosed)
        }
        value.channel.closeFuture.whenComplete { _ in
            // Released outside of the lock.
            _ = self.state.withLock { $0.connections.removeValue(forKey: id) }
        }
        if isClosed {
            value.channel.close(promise: nil)
        } else if isDraining {
            control?.drain()
        }
    }

    /// Lets all connections end with what is under way, also those that are added later.
    package func drain() {
        let connections = state.withLock { state in
            state.isDraining = true
            return Array(state.connections.values)
        }
        for connection in connections { connection.control?.drain() }
    }

    /// Closes all connections, also those that are added later.
    package func closeAll() {
        let connections = state.withLock { state in
            state.isClosed = true
            return Array(state.connections.values)
        }
        for connection in connections { connection.value.channel.close(promise: nil) }
    }

    package func closeAll(after limit: Duration) {
        guard limit > .zero else { return closeAll() }
        MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: TimeAmount(limit)) { self.closeAll() }
    }

    /// Closes up to `count` connections that have been idle for `minimum`, the longest idle first.
    package func evict(_ count: Int, idleFor minimum: Duration) {
        let limit = NIODeadline.now() - TimeAmount(minimum)
        let idle = state.withLock { state in
            state.connections.values.compactMap { connection -> (since: NIODeadline, control: Control)? in
                guard let control = connection.control, let since = control.idle.since, since <= limit else {
                    return nil
                }
                return (since, control)
            }
        }
        for connection in idle.sorted(by: { $0.since < $1.since }).prefix(count) {
            // So that it is not found again while it is being closed.
            connection.control.idle.set(nil)
            connection.control.evict()
        }
    }
}

/// Since when a connection has been idle; written by its event loop, read by whoever looks for connections to close.
package final class IdleMark: Sendable {
    /// Nanoseconds of uptime; 0 while the connection is in use.
    private let nanoseconds = Atomic<UInt64>(0)

    package init() {}

    package var since: NIODeadline? {
        let nanoseconds = nanoseconds.load(ordering: .relaxed)
        return nanoseconds == 0 ? nil : .uptimeNanoseconds(nanoseconds)
    }

    package func set(_ since: NIODeadline?) {
        nanoseconds.store(since?.uptimeNanoseconds ?? 0, ordering: .relaxed)
    }
}
