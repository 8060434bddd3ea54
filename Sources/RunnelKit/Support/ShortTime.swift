internal import RunnelSupport

extension Timestamp {
    /// A time for a column, in the machine's time zone: `09:00:00` today, `11-24 09:00` this year, `2025-11-24` otherwise.
    /// - Parameter nanoseconds: Since 1970.
    public static func shortText(nanoseconds: Int64) -> String { LocalTime.short(nanoseconds) }
}
