/// Decides which lines of a talkative child go to the log: a burst, and then so many a second.
struct LineAllowance: Sendable {
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
        /// To the log, after a word on so many lines that were left out before it.
        case write(leftOut: Int)
        case leaveOut
    }

    /// Whether a line that comes at `time` (since any fixed moment) is written.
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
