import RunnelHTTP
import RunnelSupport
import Testing

@Suite("Retry-After") struct RetryAfterTests {
    /// 2026-01-01T00:00:00Z
    private let now: Int64 = 1_767_225_600

    @Test(
        "all three forms of HTTP dates are read",
        arguments: [
            "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
        ])
    func dates(text: String) {
        #expect(HTTPDate.seconds(text, now: now) == 784_111_777)
    }

    @Test("a leap day and the turn of a century are counted right")
    func calendar() {
        #expect(HTTPDate.seconds("Thu, 29 Feb 2024 00:00:00 GMT", now: now) == 1_709_164_800)
        #expect(HTTPDate.seconds("Thu, 01 Jan 1970 00:00:00 GMT", now: now) == 0)
        #expect(HTTPDate.seconds("Mon, 01 Mar 2100 00:00:00 GMT", now: now) == 4_107_542_400)
        #expect(HTTPDate.seconds("Thursday, 01-Jan-76 00:00:00 GMT", now: now) == 3_345_062_400)
        #expect(HTTPDate.seconds("Saturday, 01-Jan-77 00:00:00 GMT", now: now) == 220_924_800)
    }

    @Test(
        "what is no date is none",
        arguments: [
            "", "soon", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 6 Now 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 25:00:00 GMT",
            "Sun, 06 Nov 1994 08:49 GMT", "Sun, 99 Nov 1994 08:49:37 GMT",
        ])
    func noDates(text: String) {
        #expect(HTTPDate.seconds(text, now: now) == nil)
    }

    @Test("seconds and dates become delays; a date counts from the server's own clock when it tells it")
    func delays() {
        #expect(RetryAfter.delay("120", date: nil, now: now) == .seconds(120))
        #expect(RetryAfter.delay("Thu, 01 Jan 2026 00:00:30 GMT", date: nil, now: now) == .seconds(30))
        #expect(
            RetryAfter.delay(
                "Fri, 01 Jan 2027 00:00:30 GMT", date: "Fri, 01 Jan 2027 00:00:10 GMT", now: now) == .seconds(20))
        #expect(RetryAfter.delay("Wed, 31 Dec 2025 00:00:00 GMT", date: nil, now: now) == .zero)
    }

    @Test("fractions count, and `retry-after-ms` takes precedence")
    func fractions() {
        #expect(RetryAfter.delay("1.5", date: nil, now: now) == .milliseconds(1500))
        #expect(RetryAfter.delay(" 0.0001 ", date: nil, now: now) == .milliseconds(1))
        #expect(RetryAfter.delay("3", milliseconds: "250", date: nil, now: now) == .milliseconds(250))
        #expect(RetryAfter.delay(nil, milliseconds: "3000", date: nil, now: now) == .seconds(3))
        #expect(RetryAfter.delay("3", milliseconds: "soon", date: nil, now: now) == .seconds(3))
    }

    @Test("nonsense is no delay, and an absurd one has an end")
    func limits() {
        for text in ["", "-5", "1,5", "1.5.0", ".", "1e3", "later", "5 minutes"] {
            #expect(RetryAfter.delay(text, date: nil, now: now) == nil)
        }
        #expect(RetryAfter.delay("99999999999999999999999999", date: nil, now: now) == RetryAfter.longest)
        #expect(RetryAfter.delay("Fri, 31 Dec 9999 00:00:00 GMT", date: nil, now: now) == RetryAfter.longest)
    }
}
