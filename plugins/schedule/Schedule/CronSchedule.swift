/// The times of a cron expression in a time zone, in seconds since 1970.
///
/// When clocks are changed, an expression that names times of the day is kept to once a day: a time that the clocks
/// jump over comes at the end of the jump, several of them as one; a time that they show twice comes the first time. An
/// expression with `*` as its minute or hour follows real time: it comes whenever the clocks show a time that fits.
struct CronSchedule: Hashable {
    let expression: CronExpression
    let rules: ZoneRules

    func next(after time: Int64) -> Int64? {
        expression.followsRealTime ? nextShown(after: time) : nextNamed(after: time)
    }

    private func nextNamed(after time: Int64) -> Int64? {
        expression.firstMatch(from: rules.latestLocalTime(upTo: time) + 1).map(rules.firstTime)
    }

    private func nextShown(after time: Int64) -> Int64? {
        var start = time + 1
        while true {
            let period = rules.period(at: start)
            guard let local = expression.firstMatch(from: start + period.offset) else { return nil }
            if local - period.offset < period.end { return local - period.offset }
            start = period.end
        }
    }
}
