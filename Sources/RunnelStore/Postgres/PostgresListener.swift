import LibC
import PostgresClient
import RunnelEngine
import RunnelKit
import Synchronization
import SystemThread

/// Wakes other workers when runs are queued, and is woken by them, on a connection of its own: a COMMIT with a NOTIFY
/// takes a lock of the whole database cluster, so the writers send none.
///
/// The connection also holds an advisory lock for each worker of this process. Notifications are hints: whatever is
/// lost, polling finds.
final class PostgresListener: Sendable {
    private struct State {
        var workers: Set<WorkerID> = []
        /// Whether others are to be notified.
        var isDue = false
        var isStarted = false
        var isClosed = false
        var subscribers: [Int: AsyncStream<Void>.Continuation] = [:]
        var nextID = 0
    }

    /// The minimum time between two notifications.
    private static let interval = Duration.milliseconds(10)
    /// How long the connection is not looked at without a reason.
    private static let patience = Duration.seconds(5)
    /// The key of a worker's advisory lock; its id is the first parameter.
    static let lockKey = "hashtextextended(current_schema() || ' worker ' || $1, 0)"

    private let state = Mutex(State())
    private let options: PostgresOptions
    private let channel: String
    /// Interrupts the wait: the ends for reading and writing.
    private let wakeup: (read: CInt, write: CInt)

    /// - Returns: nil where the process has no file descriptors left.
    init?(options: PostgresOptions, schema: String) {
        self.options = options
        // The server cuts longer names.
        channel = String("runnel_\(schema)".prefix(60))
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        wakeup = (ends[0], ends[1])
    }

    deinit {
        LibC.close(wakeup.read)
        LibC.close(wakeup.write)
    }

    /// Changes the workers whose locks are held.
    func setWorkers(_ change: (inout Set<WorkerID>) -> Void) {
        state.withLock { change(&$0.workers) }
        start()
    }

    /// Notifies other processes that runs were queued.
    func notify() {
        let isNew = state.withLock { state in
            defer { state.isDue = true }
            return !state.isDue
        }
        if isNew { start() }
    }

    /// Yields when another process has queued runs.
    func signals() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = state.withLock { state in
            state.nextID += 1
            state.subscribers[state.nextID] = continuation
            return state.nextID
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { $0.subscribers[id] = nil }
        }
        start()
        return stream
    }

    func close() {
        let subscribers = state.withLock { state in
            state.isClosed = true
            return state.subscribers.values.map(\.self)
        }
        for subscriber in subscribers { subscriber.finish() }
        interrupt()
    }

    private func start() {
        let isFirst = state.withLock { state in
            defer { state.isStarted = true }
            return !state.isStarted && !state.isClosed
        }
        guard isFirst else { return interrupt() }
        // Without a thread, polling is all there is.
        _ = SystemThread.start { self.run() }
    }

    private func interrupt() {
        var byte: UInt8 = 1
        _ = write(wakeup.write, &byte, 1)
    }

    private func drain() {
        var bytes = [UInt8](repeating: 0, count: 64)
        while read(wakeup.read, &bytes, bytes.count) > 0 {}
    }

    private func run() {
        let backoff = Backoff(initial: .milliseconds(100), maximum: .seconds(2))
        var failures = 0
        while !state.withLock(\.isClosed) {
            do {
                let connection = try PostgresConnection(options)
                failures = 0
                try serve(connection)
            } catch {
                failures += 1
                pauseThread(backoff.delay(afterAttempt: failures))
            }
        }
    }

    private func serve(_ connection: PostgresConnection) throws {
        try connection.execute(PostgresStatement("LISTEN \(PostgresSchema.quoted(channel))"))
        // Something may have been missed.
        tellSubscribers()
        var held: Set<WorkerID> = []
        var lastNotification = ContinuousClock().now - Self.interval
        while true {
            let (workers, isDue, isClosed) = state.withLock { ($0.workers, $0.isDue, $0.isClosed) }
            if isClosed { return }
            for worker in workers.subtracting(held) {
                // After a reconnect, the server may still hold the lock for the previous session.
                let isHeld = try connection.execute(
                    "SELECT pg_try_advisory_lock(\(Self.lockKey))", .text(worker.text)
                ).first?.bool(0)
                if isHeld ?? false { held.insert(worker) }
            }
            for worker in held.subtracting(workers) {
                try connection.execute("SELECT pg_advisory_unlock(\(Self.lockKey))", .text(worker.text))
                held.remove(worker)
            }
            var wait = Self.patience
            if isDue {
                let rest = lastNotification + Self.interval - ContinuousClock().now
                if rest > .zero {
                    wait = rest
                } else {
                    state.withLock { $0.isDue = false }
                    try connection.execute("SELECT pg_notify($1, '')", .text(channel))
                    lastNotification = ContinuousClock().now
                }
            }
            let channels = try connection.waitForNotifications(orInput: wakeup.read, for: wait)
            drain()
            if !channels.isEmpty { tellSubscribers() }
        }
    }

    private func tellSubscribers() {
        for subscriber in state.withLock({ $0.subscribers.values.map(\.self) }) { subscriber.yield() }
    }
}
