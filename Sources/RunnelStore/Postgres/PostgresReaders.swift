import Dispatch
import LibC
import PostgresClient
import RunnelEngine
import Synchronization

/// Connections for reading, opened as they are needed. Each has a queue of its own.
final class PostgresReaders: Sendable {
    private final class Reader: Sendable {
        final class Session {
            var connection: PostgresConnection?
        }

        let queue: DispatchQueue
        let session = Confined(Session())

        init(_ number: Int) {
            queue = DispatchQueue(label: "runnel.journal.reader\(number)", qos: .userInitiated)
        }
    }

    /// Cancels the statements of one read.
    private final class Cancellation: Sendable {
        private let canceller = Mutex<PostgresCanceller?>(nil)

        /// Waits for a cancellation in progress, so that it does not hit the next read on the connection.
        func set(_ new: PostgresCanceller?) { canceller.withLock { $0 = new } }

        func cancel() { canceller.withLock { $0?.cancel() } }
    }

    private typealias Waiter = CheckedContinuation<Int?, Never>

    private struct State {
        var free: [Int]
        var waiters: [(id: Int, continuation: Waiter)] = []
        var nextID = 0
        var isClosed = false
    }

    /// The maximum number of readers that wait for a connection.
    private static let backlog = 1000

    private let readers: [Reader]
    private let state: Mutex<State>
    private let options: PostgresOptions
    private let place: String
    private let patience: Duration
    /// Whether the last attempt to reach the database failed: then the next one is made once.
    private let isDown = Mutex(false)

    /// - Parameter patience: See ``PostgresJournalConfiguration/patience``.
    init(count: Int, options: PostgresOptions, place: String, patience: Duration) {
        readers = (0..<count).map { Reader($0) }
        state = Mutex(State(free: Array((0..<count).reversed())))
        self.options = options
        self.place = place
        self.patience = patience
    }

    /// Reads, in one statement or in a transaction that `body` makes. It may be called again where the connection was
    /// lost.
    ///
    /// - Parameters:
    ///   - settings: Of the session, for this read alone.
    ///   - isCancellable: Whether cancelling the task cancels the statement.
    func read<Value: Sendable>(
        _ settings: KeyValuePairs<String, String> = [:], isCancellable: Bool = false,
        _ body: @escaping @Sendable (PostgresConnection) throws -> Value
    ) async throws(JournalError) -> Value {
        let settings = settings.map { PostgresStatement("SET LOCAL \($0.key) TO \($0.value)") }
        let number = try await take(isCancellable)
        defer { giveBack(number) }
        let reader = readers[number]
        let cancellation = isCancellable ? Cancellation() : nil
        let outcome: Result<Value, JournalError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                reader.queue.async {
                    continuation.resume(returning: self.outcome(reader, cancellation, settings, body))
                }
            }
        } onCancel: {
            guard let cancellation else { return }
            // It needs a connection of its own, off the threads that tasks share.
            DispatchQueue.global().async { cancellation.cancel() }
        }
        return try outcome.get()
    }

    private func outcome<Value>(
        _ reader: Reader, _ cancellation: Cancellation?, _ settings: [PostgresStatement],
        _ body: (PostgresConnection) throws -> Value
    ) -> Result<Value, JournalError> {
        let session = reader.session.value
        var patience = PostgresPatience(isDown.withLock(\.self) ? nil : patience)
        while true {
            do {
                let connection = try connect(session)
                cancellation?.set(connection.canceller)
                defer { cancellation?.set(nil) }
                let value = try perform(body, settings, connection)
                isDown.withLock { $0 = false }
                return .success(value)
            } catch {
                if session.connection?.isBroken ?? true { session.connection = nil }
                let failure = error as? PostgresError
                let mayPass = failure.map { $0.isConnectionLost || $0.state == "53300" } ?? false
                guard mayPass, failure?.kind != .timeout, patience.allowsAnotherAttempt() else {
                    if mayPass { isDown.withLock { $0 = true } }
                    return .failure(JournalError(error, at: place))
                }
                pauseThread(.milliseconds(50))
            }
        }
    }

    private func connect(_ session: Reader.Session) throws -> PostgresConnection {
        if let connection = session.connection, !connection.isBroken { return connection }
        let connection = try PostgresConnection(options)
        session.connection = connection
        return connection
    }

    /// Behind a proxy that gives each transaction another session, settings count for the transaction alone.
    private func perform<Value>(
        _ body: (PostgresConnection) throws -> Value, _ settings: [PostgresStatement], _ connection: PostgresConnection
    ) throws -> Value {
        guard !options.prepares || !settings.isEmpty else { return try body(connection) }
        try connection.pipeline(
            [PostgresStatement("BEGIN READ ONLY")] + options.transactionPreamble + settings)
        do {
            let value = try body(connection)
            try connection.execute("COMMIT")
            return value
        } catch {
            // The ROLLBACK may be cancelled as well.
            if (try? connection.execute("ROLLBACK")) == nil { connection.discard() }
            throw error
        }
    }

    // MARK: - Taking turns

    private func take(_ isCancellable: Bool) async throws(JournalError) -> Int {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        enum Turn { case reader(Int), wait, refused }
        let number: Result<Int, JournalError> = await withTaskCancellationHandler {
            let found = await withCheckedContinuation { (continuation: Waiter) in
                let turn = state.withLock { state -> Turn in
                    if state.isClosed { return .refused }
                    if let free = state.free.popLast() { return .reader(free) }
                    if state.waiters.count >= Self.backlog { return .refused }
                    state.waiters.append((id, continuation))
                    return .wait
                }
                switch turn {
                case .reader(let number): continuation.resume(returning: number)
                case .refused: continuation.resume(returning: nil)
                case .wait: break
                }
            }
            return found.map { .success($0) } ?? .failure(refusal)
        } onCancel: {
            guard isCancellable else { return }
            let waiter = state.withLock { state -> Waiter? in
                guard let index = state.waiters.firstIndex(where: { $0.id == id }) else {
                    return nil
                }
                return state.waiters.remove(at: index).continuation
            }
            waiter?.resume(returning: nil)
        }
        return try number.get()
    }

    private var refusal: JournalError {
        state.withLock(\.isClosed)
            ? JournalError(.closed, "the journal is closed")
            : JournalError(.busy, "a read of the journal \(place) was given up before it began")
    }

    private func giveBack(_ number: Int) {
        let waiter = state.withLock { state -> Waiter? in
            guard state.waiters.isEmpty else { return state.waiters.removeFirst().continuation }
            state.free.append(number)
            return nil
        }
        waiter?.resume(returning: number)
    }

    func close() async {
        let waiters = state.withLock { state in
            state.isClosed = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.continuation.resume(returning: nil) }
        for reader in readers {
            await withCheckedContinuation { continuation in
                reader.queue.async {
                    reader.session.value.connection = nil
                    continuation.resume()
                }
            }
        }
    }
}

/// Pauses a thread of the journal's own. Not for tasks.
func pauseThread(_ pause: Duration) { usleep(UInt32(pause / .microseconds(1))) }
