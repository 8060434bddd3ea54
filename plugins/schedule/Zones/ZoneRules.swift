/// When a time zone's clocks show what: a TZif file (RFC 8536), read.
///
/// Times are seconds since 1970 (UTC). A local time is written as the seconds since 1970 that a clock in UTC would need
/// to show the same.
struct ZoneRules: Hashable, Sendable {
    /// A stretch of time with one offset.
    struct Period: Hashable {
        /// The first second.
        let start: Int64
        /// The first second that is not part of it any more.
        let end: Int64
        /// What local time is ahead of UTC, in seconds.
        let offset: Int64
    }

    /// Since when there has been another offset, ascending.
    let transitions: [Int64]
    /// The offset after each transition.
    let offsets: [Int64]
    /// Before the first transition.
    let firstOffset: Int64
    /// After the last transition; nil: the last offset stays.
    let rule: PosixZone?

    static let utc = ZoneRules(transitions: [], offsets: [], firstOffset: 0, rule: nil)

    init(transitions: [Int64], offsets: [Int64], firstOffset: Int64, rule: PosixZone?) {
        self.transitions = transitions
        self.offsets = offsets
        self.firstOffset = firstOffset
        self.rule = rule
    }

    /// A zone that is a rule and nothing else, as `TZ=JST-9` says one.
    init(_ rule: PosixZone) {
        self.init(transitions: [], offsets: [], firstOffset: rule.standardOffset, rule: rule)
    }

    func offset(at time: Int64) -> Int64 { period(at: time).offset }

    /// The period that `time` is in. Two neighbours may have the same offset.
    func period(at time: Int64) -> Period {
        // The number of transitions up to and including `time`.
        var (low, high) = (0, transitions.count)
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle] <= time { low = middle + 1 } else { high = middle }
        }
        if low == transitions.count, let rule {
            let period = rule.period(at: time)
            guard low > 0 else { return period }
            return Period(start: max(period.start, transitions[low - 1]), end: period.end, offset: period.offset)
        }
        return Period(
            start: low == 0 ? .min : transitions[low - 1], end: low == transitions.count ? .max : transitions[low],
            offset: low == 0 ? firstOffset : offsets[low - 1])
    }

    /// Farther apart than any two offsets have ever been.
    private static let horizon: Int64 = 36 * 3600

    /// The first second at which the zone's clocks show `local` or, where they jump over it, a later time.
    ///
    /// So a time inside a gap is the end of the gap, and of a time that is shown twice it is the first.
    func firstTime(showing local: Int64) -> Int64 {
        var period = period(at: local - Self.horizon)
        while true {
            let time = max(local - period.offset, period.start)
            if time < period.end { return time }
            period = self.period(at: period.end)
        }
    }

    /// The latest local time that the clocks have shown up to and including `time`: later than what they show at `time`
    /// while an hour is shown for the second time.
    func latestLocalTime(upTo time: Int64) -> Int64 {
        var latest = Int64.min
        var period = period(at: time - Self.horizon)
        while period.end <= time {
            latest = max(latest, period.end - 1 + period.offset)
            period = self.period(at: period.end)
        }
        return max(latest, time + period.offset)
    }
}
