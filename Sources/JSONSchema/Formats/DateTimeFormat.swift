internal import RunnelKit

/// Dates and times (RFC 3339, section 5.6).
enum DateTimeFormat {
    static func isDateTime(_ bytes: [UInt8]) -> Bool {
        guard let mark = bytes.firstIndex(where: { $0 | 0x20 == UInt8(ascii: "t") }) else { return false }
        return isDate(bytes[..<mark]) && isTime(bytes[(mark + 1)...])
    }

    static func isDate(_ bytes: ArraySlice<UInt8>) -> Bool {
        let parts = bytes.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.map(\.count) == [4, 2, 2], let year = ASCII.number(parts[0]), let month = ASCII.number(parts[1]),
            let day = ASCII.number(parts[2]), (1...12).contains(month)
        else { return false }
        return (1...CivilDate.days(inMonth: month, of: year)).contains(day)
    }

    static func isTime(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let zone = bytes.firstIndex(where: { !ASCII.isDigit($0) && $0 != 0x3A && $0 != 0x2E }),
            let offset = minutes(ofZone: bytes[zone...])
        else { return false }
        var clock = bytes[..<zone]
        if let dot = clock.firstIndex(of: UInt8(ascii: ".")) {
            let fraction = clock[(dot + 1)...]
            guard !fraction.isEmpty, fraction.allSatisfy(ASCII.isDigit) else { return false }
            clock = clock[..<dot]
        }
        let parts = clock.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.map(\.count) == [2, 2, 2], let hour = ASCII.number(parts[0]), let minute = ASCII.number(parts[1]),
            let second = ASCII.number(parts[2]), hour < 24, minute < 60, second <= 60
        else { return false }
        // A leap second is the last of a day in UTC.
        let minuteOfDay = ((hour * 60 + minute - offset) % 1440 + 1440) % 1440
        return second < 60 || minuteOfDay == 1439
    }

    private static func minutes(ofZone bytes: ArraySlice<UInt8>) -> Int? {
        guard let sign = bytes.first else { return nil }
        if bytes.count == 1 { return sign | 0x20 == UInt8(ascii: "z") ? 0 : nil }
        guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else { return nil }
        let parts = bytes.dropFirst().split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.map(\.count) == [2, 2], let hour = ASCII.number(parts[0]), let minute = ASCII.number(parts[1]),
            hour < 24, minute < 60
        else { return nil }
        return (hour * 60 + minute) * (sign == UInt8(ascii: "-") ? -1 : 1)
    }
}

/// Durations (RFC 3339, appendix A): `P1Y2M3DT4H5M6S`, units next to each other, or `P2W`.
enum DurationFormat {
    static func accepts(_ bytes: [UInt8]) -> Bool {
        guard bytes.first == UInt8(ascii: "P"), bytes.count > 1 else { return false }
        let halves = bytes.dropFirst().split(separator: UInt8(ascii: "T"), omittingEmptySubsequences: false)
        guard halves.count <= 2 else { return false }
        if halves.count == 2 {
            return (halves[0].isEmpty || units(halves[0], of: "YMD")) && units(halves[1], of: "HMS")
        }
        return units(halves[0], of: "YMD") || units(halves[0], of: "W")
    }

    /// Whether `bytes` are numbers with units, where each unit directly follows the previous one in `order`.
    private static func units(_ bytes: ArraySlice<UInt8>, of order: String) -> Bool {
        let order = Array(order.utf8)
        var rest = bytes
        var place: Int?
        while !rest.isEmpty {
            let digits = rest.prefix(while: ASCII.isDigit)
            rest = rest.dropFirst(digits.count)
            guard !digits.isEmpty, let unit = rest.popFirst(), let found = order.firstIndex(of: unit),
                place.map({ found == $0 + 1 }) ?? true
            else { return false }
            place = found
        }
        return place != nil
    }
}
