import RunnelKit
import TestSupport
import Testing

@Suite("Durations") struct DurationTextTests {
    @Test(
        "a duration is read as its parts added up",
        arguments: [
            ("500ms", .milliseconds(500)), ("2s", .seconds(2)), ("1.5m", .seconds(90)), ("1h30m", .seconds(5400)),
            ("7d", .seconds(604_800)), ("0s", .zero), ("3us", .microseconds(3)), ("9ns", .nanoseconds(9)),
            ("1m1m", .seconds(120)), ("0.1s", .milliseconds(100)), ("36500d", .seconds(3_153_600_000)),
        ] as [(String, Duration)])
    func reads(text: String, duration: Duration) {
        #expect(DurationText.parse(text) == duration)
    }

    @Test(
        "what is no duration, or is longer than a hundred years, is refused",
        arguments: [
            "", "5", "s", "-5s", "+5s", "5 s", " 5s", "1.2.3s", ".5s", "5.s", "1e3s", "5S", "5 parsecs", "５s", "36501d",
            "36500d1ns", "99999999999999999999s", "9223372036854775807d", "5s ", "nans",
        ])
    func refuses(text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test(
        "a duration is written in its shortest exact form and read back the same",
        arguments: [
            (.zero, "0s"), (.milliseconds(500), "500ms"), (.microseconds(1500), "1500us"), (.nanoseconds(1), "1ns"),
            (.seconds(90), "1m30s"), (.seconds(3600), "1h"), (.seconds(90_061), "1d1h1m1s"),
            (.milliseconds(90_500), "90.5s"),
            (.seconds(3_153_599_999) + .nanoseconds(999_999_999), "3153599999.999999999s"),
            (.seconds(123_456_789) + .nanoseconds(123_456_789), "123456789.123456789s"),
        ] as [(Duration, String)])
    func writes(duration: Duration, text: String) {
        #expect(DurationText.format(duration) == text)
        #expect(DurationText.parse(text) == duration)
    }

    @Test("any duration down to a nanosecond is read as it was written")
    func roundTrip() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            let limit = Int64(1) << Int64.random(in: 1...61, using: &generator)
            let duration = Duration.nanoseconds(Int64.random(in: 0..<limit, using: &generator))
            #expect(DurationText.parse(DurationText.format(duration)) == duration, "seed \(seed)")
        }
    }

    @Test("a negative duration is shown with its sign")
    func negative() {
        #expect(DurationText.format(.seconds(-90)) == "-1m30s")
    }

    @Test("a field that is no duration says what is expected")
    func field() {
        let error = #expect(throws: FieldError.self) { try Duration(field: "5 parsecs") }
        #expect(error?.message == #"expected a duration such as "500ms", "2s" or "1h30m", found "5 parsecs""#)
        let number = #expect(throws: FieldError.self) { try Duration(field: 5) }
        #expect(number?.message == #"expected a duration such as "500ms", "2s" or "1h30m", found the number 5"#)
    }

    @Test("a value too long for the line is not cut, so that no half of a secret is left unmasked")
    func long() {
        let error = #expect(throws: FieldError.self) {
            try Duration(field: .string(String(repeating: "x", count: 100)))
        }
        #expect(
            error?.message == #"expected a duration such as "500ms", "2s" or "1h30m", found a string of 100 characters"#
        )
    }

    @Test(
        "are rounded for people where they were measured",
        arguments: [
            (.zero, "0 ms"), (.microseconds(12_400), "12 ms"), (.milliseconds(999), "999 ms"), (.seconds(1), "1.0 s"),
            (.milliseconds(2449), "2.4 s"), (.milliseconds(59_949), "59.9 s"), (.milliseconds(59_950), "1 min 0 s"),
            (.seconds(125), "2 min 5 s"), (.seconds(3599), "59 min 59 s"), (.seconds(7449), "2 h 4 min"),
            (.seconds(86_399), "23 h 59 min"), (.seconds(3 * 86_400 + 7300), "3 d 2 h"),
        ] as [(Duration, String)])
    func measured(duration: Duration, text: String) {
        #expect(DurationText.measured(duration) == text)
    }

    @Test("count whole units upwards, so that nobody wakes too early, and do not overflow")
    func wholeUnits() {
        #expect(Duration.nanoseconds(1).wholeMilliseconds == 1)
        #expect(Duration.milliseconds(7).wholeMilliseconds == 7)
        #expect(Duration.microseconds(7001).wholeMilliseconds == 8)
        #expect(Duration.milliseconds(-3).wholeMilliseconds == 0)
        #expect(Duration.milliseconds(1001).wholeSeconds == 2)
        #expect(Duration.zero.wholeSeconds == 0)
        #expect(Duration.seconds(-1).nanoseconds == -1_000_000_000)
        #expect(Duration.seconds(Int64.max).nanoseconds == .max)
        #expect(Duration.seconds(Int64.min).nanoseconds == .min)
        #expect(Duration.seconds(Int64.max).wholeSeconds == 9_223_372_037)
    }
}
