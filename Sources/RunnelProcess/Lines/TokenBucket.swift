/// A token bucket that rate-limits the log lines of a child: a burst, then a fixed number per second.
struct TokenBucket: Sendable {
    let burst: Double
    let perSecond: Double
    private var tokens: Double
    private var last: Duration?
    private(set) var suppressed = 0

    init(burst: Int = 200, perSecond: Int = 50) {
        self.burst = Double(burst)
        self.perSecond = Double(perSecond)
        tokens = Double(burst)
    }

    enum Verdict: Hashable {
        /// Write the line, after a note that this number of lines was dropped.
        case write(leftOut: Int)
        case leaveOut
    }

    /// The verdict for a line at `time` (relative to any fixed moment).
    mutating func take(at time: Duration) -> Verdict {
        if let last, time > last {
            let (seconds, attoseconds) = (time - last).components
            tokens = min(burst, tokens + (Double(seconds) + Double(attoseconds) / 1e18) * perSecond)
        }
        last = max(last ?? time, time)
        guard tokens >= 1 else {
            suppressed += 1
            return .leaveOut
        }
        tokens -= 1
        defer { suppressed = 0 }
        return .write(leftOut: suppressed)
    }
}
