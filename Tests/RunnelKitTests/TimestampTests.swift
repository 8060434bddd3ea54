import RunnelKit
import TestSupport
import Testing

@Suite("Timestamps") struct TimestampTests {
    @Test(
        "a point in time is read",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2026-11-23T09:00:00Z", 1_795_424_400_000_000_000),
            ("2026-11-23t09:00:00z", 1_795_424_400_000_000_000), ("2026-11-23 09:00:00Z", 1_795_424_400_000_000_000),
            ("2026-11-23T18:00:00+09:00", 1_795_424_400_000_000_000),
            ("2026-11-23T03:30:00-05:30", 1_795_424_400_000_000_000), ("1970-01-01T00:00:00.000000001Z", 1),
            ("1970-01-01T00:00:00.5Z", 500_000_000), ("1970-01-01T00:00:00.1234567899Z", 123_456_789),
            ("1969-12-31T23:59:59.999Z", -1_000_000), ("2024-02-29T00:00:00Z", 1_709_164_800_000_000_000),
            ("2262-04-11T23:47:16.854775807Z", Int64.max),
        ])
    func reads(text: String, nanoseconds: Int64) {
        #expect(Timestamp.parse(text) == nanoseconds)
    }

    @Test(
        "what is no point in time, or one that 64 bits cannot hold, is refused",
        arguments: [
            "", "now", "2026-11-23", "2026-11-23T09:00Z", "2026-11-23T09:00:00", "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+0900",
            "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00ZZ", "+026-01-01T00:00:00Z", "2026-01-01T00:00:00+-1:00",
            "2262-04-11T23:47:16.854775808Z", "2262-04-11T23:47:16.999999999Z", "9999-12-31T23:59:59Z",
            "0001-01-01T00:00:00Z", "２026-01-01T00:00:00Z",
        ])
    func refuses(text: String) {
        #expect(Timestamp.parse(text) == nil)
    }

    @Test(
        "a point in time is written in UTC with milliseconds, the rest cut off",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"), (1_999_999, "1970-01-01T00:00:00.001Z"),
            (1_795_424_400_125_000_000, "2026-11-23T09:00:00.125Z"), (Int64.max, "2262-04-11T23:47:16.854Z"),
            (Int64.min, "1677-09-21T00:12:43.145Z"), (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z"),
        ])
    func writes(nanoseconds: Int64, text: String) {
        #expect(Timestamp.text(nanoseconds: nanoseconds) == text)
    }

    @Test("any point in time is read as it was written, to the millisecond")
    func roundTrip() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            let time = Int64.random(in: -9_223_372_036_000...9_223_372_036_000, using: &generator) * 1_000_000
            #expect(Timestamp.parse(Timestamp.text(nanoseconds: time)) == time, "seed \(seed)")
        }
    }
}
