internal import LibC

/// Formats times in the machine's time zone with its offset.
package enum LocalTime {
    /// - Parameter nanoseconds: Since 1970.
    /// - Returns: A text such as `2026-11-24T09:00:00+09:00`.
    package static func text(_ nanoseconds: Int64) -> String {
        var text = format(nanoseconds, "%Y-%m-%dT%H:%M:%S%z")
        // RFC 3339 requires a colon in the offset.
        if text.count > 2 { text.insert(":", at: text.index(text.endIndex, offsetBy: -2)) }
        return text
    }

    /// For a column: `09:00:00` today, `11-24 09:00` this year, `2025-11-24` before.
    package static func short(_ nanoseconds: Int64, now: Int64 = WallClock.nanoseconds()) -> String {
        if format(nanoseconds, "%Y-%m-%d") == format(now, "%Y-%m-%d") { return format(nanoseconds, "%H:%M:%S") }
        let isThisYear = format(nanoseconds, "%Y") == format(now, "%Y")
        return format(nanoseconds, isThisYear ? "%m-%d %H:%M" : "%Y-%m-%d")
    }

    /// The name and the offset of the time zone, such as `JST (+0900)`.
    package static func zone(_ nanoseconds: Int64) -> String { format(nanoseconds, "%Z (%z)") }

    /// The hour of the day, 0 to 23.
    package static func hour(_ nanoseconds: Int64) -> Int { Int(format(nanoseconds, "%H")) ?? 0 }

    private static func format(_ nanoseconds: Int64, _ format: String) -> String {
        var seconds = time_t(nanoseconds / 1_000_000_000)
        var parts = tm()
        guard localtime_r(&seconds, &parts) != nil else { return "\(seconds)" }
        var buffer = [CChar](repeating: 0, count: 64)
        let count = strftime(&buffer, buffer.count, format, &parts)
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
