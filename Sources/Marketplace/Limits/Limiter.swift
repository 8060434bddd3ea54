internal import RunnelSupport
internal import Synchronization

/// Makes callers wait for their turn, as ``LimiterState`` decides it.
final class Limiter: Sendable {
    private struct State {
        var rules: LimiterState
        var lastTicket = 0
        /// Who waits to be told to ask again. The tasks are the callers' own, so their number is not ours to bound.
        var parked: [Int: Promise<Void>] = [:]

        mutating func wakeNext() -> Promise<Void>? {
            rules.next.flatMap { parked.removeValue(forKey: $0) }
        }
    }

    private let state: Mutex<State>
    private let time: TimeSource

    init(_ limits: MarketplaceConfiguration.Limits, time: TimeSource) {
        state = Mutex(State(rules: LimiterState(limits)))
        self.time = time
    }

    /// A place among the open streams, given back once.
    final class Permit: Sendable {
        private let limiter: Limiter
        private let isHeld = Atomic(true)

        fileprivate init(_ limiter: Limiter) {
            self.limiter = limiter
        }

        func release() {
            if isHeld.exchange(false, ordering: .relaxed) { limiter.release() }
        }

        deinit { release() }
    }

    /// Waits for a place.
    /// - Throws: `CancellationError` when the calling task is cancelled before it has one.
    func acquire() async throws -> Permit {
        let ticket = state.withLock { state in
            state.lastTicket += 1
            return state.lastTicket
        }
        do {
            while true {
                try Task.checkCancellation()
                switch state.withLock({ $0.rules.ask(ticket: ticket, now: time.now()) }) {
                case .granted:
                    state.withLock { $0.wakeNext() }?.fulfil()
                    return Permit(self)
                case .wait: await park(ticket)
                case .sleep(let duration): try await time.sleep(duration)
                }
            }
        } catch {
            state.withLock { state in
                state.rules.leave(ticket: ticket)
                return state.wakeNext()
            }?.fulfil()
            throw error
        }
    }

    /// Returns when the turn has come, or when the task is cancelled.
    private func park(_ ticket: Int) async {
        let turn = Promise<Void>()
        let isTurn = state.withLock { state in
            // The turn may have come since it was asked.
            guard state.rules.next != ticket else { return true }
            state.parked[ticket] = turn
            return false
        }
        if isTurn { return }
        try? await turn.value()
        state.withLock { $0.parked[ticket] = nil }
    }

    private func release() {
        state.withLock { state in
            state.rules.release()
            return state.wakeNext()
        }?.fulfil()
    }
}

/// Decides who may begin a request: first come, first served, never more at one time and in a minute than allowed.
struct LimiterState: Sendable {
    static let window: Duration = .seconds(60)

    private let concurrent: Int
    private let perMinute: Int?
    private var open = 0
    private var queue: [Int] = []
    /// When requests of the last minute began; never more than `perMinute` entries.
    private var starts: [Duration] = []

    init(_ limits: MarketplaceConfiguration.Limits) {
        concurrent = limits.concurrentStreams
        perMinute = limits.requestsPerMinute
    }

    enum Answer: Equatable {
        case granted
        /// Ask again when told to.
        case wait
        /// Ask again after this time: only the passing of time helps.
        case sleep(Duration)
    }

    /// Asks for a place; a waiter asks with the same ticket until it is granted or it leaves.
    mutating func ask(ticket: Int, now: Duration) -> Answer {
        if !queue.contains(ticket) { queue.append(ticket) }
        guard queue.first == ticket, open < concurrent else { return .wait }
        if let perMinute {
            starts.removeAll { $0 + Self.window <= now }
            if starts.count >= perMinute, let first = starts.first { return .sleep(first + Self.window - now) }
            starts.append(now)
        }
        queue.removeFirst()
        open += 1
        return .granted
    }

    /// A waiter goes away.
    mutating func leave(ticket: Int) {
        queue.removeAll { $0 == ticket }
    }

    /// A request is over.
    mutating func release() {
        open -= 1
    }

    /// Who should ask again after any change.
    var next: Int? { open < concurrent ? queue.first : nil }
}
