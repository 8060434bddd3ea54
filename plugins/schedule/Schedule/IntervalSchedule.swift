/// Points in time at equal distances, in nanoseconds since 1970. Counted from a fixed one, so nothing drifts.
struct IntervalSchedule: Hashable {
    /// Above zero.
    let length: Int64
    let anchor: Int64

    func next(after time: Int64) -> Int64? {
        let (distance, isFar) = time.subtractingReportingOverflow(anchor)
        guard !isFar else { return nil }
        let (sum, overflows) = (distance.flooredQuotient(length) + 1).multipliedReportingOverflow(by: length)
        let (next, overflowsAtEnd) = anchor.addingReportingOverflow(sum)
        return overflows || overflowsAtEnd ? nil : next
    }
}
