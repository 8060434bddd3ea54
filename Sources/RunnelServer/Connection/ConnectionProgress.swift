import NIOCore

/// The state of a connection and its deadline.
struct ConnectionProgress {
    /// The time limits of a connection.
    struct Limits {
        var header: TimeAmount
        var idle: TimeAmount
        var write: TimeAmount
        var lingeringClose: TimeAmount
        /// The time limit after ``drain(at:)`` for an incomplete header and for the first request of a new connection.
        var drain: TimeAmount = .seconds(1)
    }

    private enum Phase: Equatable {
        /// No request.
        case idle(since: NIODeadline)
        /// A header has begun to arrive.
        case header(since: NIODeadline)
        /// A request is being read or answered. Its body has a separate time limit, its response has none.
        case request
        /// Lingering close: the last response was sent, and incoming data is discarded.
        case lingering(since: NIODeadline)
    }

    private let limits: Limits
    private var phase: Phase
    /// The number of requests without a complete response; more than one with pipelining.
    private var open = 0
    /// Whether the connection has had no request.
    private var isFresh = true
    /// Whether a request is incomplete.
    private var isReading = false
    private var isLast = false
    private var drainedAt: NIODeadline?
    private var stuckSince: NIODeadline?

    init(limits: Limits, now: NIODeadline) {
        self.limits = limits
        phase = .idle(since: now)
    }

    /// The time at which the connection is closed in its current state.
    var deadline: NIODeadline? {
        let waiting: NIODeadline? =
            switch phase {
            case .idle(let since): since + limits.idle
            case .header(let since): min(since + limits.header, drainedAt.map { $0 + limits.drain } ?? .distantFuture)
            case .request: nil
            case .lingering(let since): since + limits.lingeringClose
            }
        guard let stuckSince else { return waiting }
        return min(waiting ?? .distantFuture, stuckSince + limits.write)
    }

    var isLingering: Bool {
        if case .lingering = phase { true } else { false }
    }

    /// Since when the connection is idle; nil while a request is read or answered. An incomplete header counts as idle
    /// after a while.
    var idleSince: NIODeadline? {
        switch phase {
        case .idle(let since), .lingering(let since): since
        case .header(let since): since + .seconds(1)
        case .request: nil
        }
    }

    /// Whether new requests are ignored because the connection closes after the pending responses.
    var refusesRequests: Bool { isLingering || drainedAt != nil && open > 0 }

    /// Whether the current response ends the connection. Without an open request it answers an invalid one.
    var endsWithAnswer: Bool { open == 0 || open == 1 && (isLast || isReading) }

    /// - Returns: Whether they are the first bytes of a request.
    @discardableResult mutating func bytesCame(at now: NIODeadline) -> Bool {
        guard case .idle = phase else { return false }
        phase = .header(since: now)
        return true
    }

    /// Requests closing: after the pending responses, or now if there are none. A new connection stays open for its first
    /// request, which may have been sent.
    mutating func drain(at now: NIODeadline) {
        guard drainedAt == nil else { return }
        drainedAt = now
        isLast = true
        if case .idle = phase { phase = isFresh ? .header(since: now) : .lingering(since: now) }
    }

    /// - Parameter isLast: Whether the client requested `Connection: close`.
    mutating func requestBegan(isLast: Bool) {
        guard !isLingering else { return }
        open += 1
        (isFresh, isReading) = (false, true)
        self.isLast = self.isLast || isLast
        phase = .request
    }

    mutating func requestEnded() {
        isReading = false
    }

    mutating func answerEnded(at now: NIODeadline) {
        let ends = endsWithAnswer
        open = max(0, open - 1)
        if ends {
            phase = .lingering(since: now)
        } else if open == 0 {
            phase = .idle(since: now)
        }
    }

    mutating func writabilityChanged(to isWritable: Bool, at now: NIODeadline) {
        stuckSince = isWritable ? nil : stuckSince ?? now
    }
}

extension ConnectionProgress.Limits {
    init(_ timeouts: ConnectionTimeouts) {
        self.init(
            header: TimeAmount(timeouts.header), idle: TimeAmount(timeouts.idle), write: TimeAmount(timeouts.write),
            lingeringClose: TimeAmount(timeouts.lingeringClose))
    }
}
