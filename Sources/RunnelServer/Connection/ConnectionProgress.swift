import NIOCore

/// How far a connection is with its requests, and until when it has to be further.
struct ConnectionProgress {
    /// What a connection's time limits are, as its clock counts.
    struct Limits {
        var header: TimeAmount
        var idle: TimeAmount
        var write: TimeAmount
        var farewell: TimeAmount
        /// How long a header may still come after ``drain(at:)``.
        var drain: TimeAmount = .seconds(1)
    }

    private enum Phase: Equatable {
        /// No request.
        case idle(since: NIODeadline)
        /// A header has begun to come.
        case header(since: NIODeadline)
        /// A request is read or answered. Its body has a time limit of its own, and its answer none.
        case request
        /// The last answer is out; what comes now is thrown away.
        case farewell(since: NIODeadline)
    }

    private let limits: Limits
    private var phase: Phase
    /// Requests whose answers are not out yet; more than one where they came without waiting for an answer.
    private var open = 0
    /// Whether more of a request is to come.
    private var isReading = false
    private var isLast = false
    private var drainedAt: NIODeadline?
    private var stuckSince: NIODeadline?

    init(limits: Limits, now: NIODeadline) {
        self.limits = limits
        phase = .idle(since: now)
    }

    /// When the connection is to be closed, as things stand.
    var deadline: NIODeadline? {
        let waiting: NIODeadline? =
            switch phase {
            case .idle(let since): since + limits.idle
            case .header(let since): min(since + limits.header, drainedAt.map { $0 + limits.drain } ?? .distantFuture)
            case .request: nil
            case .farewell(let since): since + limits.farewell
            }
        return [waiting, stuckSince.map { $0 + limits.write }].compactMap { $0 }.min()
    }

    var isFarewell: Bool {
        if case .farewell = phase { true } else { false }
    }

    /// Since when nobody would miss the connection; nil while a request is read or answered. A header that does not get
    /// whole counts after a while.
    var idleSince: NIODeadline? {
        switch phase {
        case .idle(let since), .farewell(let since): since
        case .header(let since): since + .seconds(1)
        case .request: nil
        }
    }

    /// Whether a request that comes now is ignored: its connection ends with the answers that are under way.
    var refusesRequests: Bool { isFarewell || drainedAt != nil && open > 0 }

    /// Whether the answer in hand ends the connection. With no request open it is one to bytes that were none.
    var endsWithAnswer: Bool { open == 0 || open == 1 && (isLast || isReading) }

    /// - Returns: Whether they are the first of a request.
    @discardableResult mutating func bytesCame(at now: NIODeadline) -> Bool {
        guard case .idle = phase else { return false }
        phase = .header(since: now)
        return true
    }

    /// The connection has to end: with the answers that are under way, or now where there are none.
    mutating func drain(at now: NIODeadline) {
        guard drainedAt == nil else { return }
        drainedAt = now
        isLast = true
        if case .idle = phase { phase = .farewell(since: now) }
    }

    /// - Parameter isLast: The caller wants the connection closed after the answer.
    mutating func requestBegan(isLast: Bool) {
        guard !isFarewell else { return }
        open += 1
        isReading = true
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
            phase = .farewell(since: now)
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
            farewell: TimeAmount(timeouts.farewell))
    }
}
