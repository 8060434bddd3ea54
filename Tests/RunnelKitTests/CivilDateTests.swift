import RunnelKit
import Testing

@Suite("Civil dates") struct CivilDateTests {
    @Test(
        "a day and its number since 1970 belong together, in every era",
        arguments: [
            (0, "1970-01-01", 4), (-1, "1969-12-31", 3), (11_016, "2000-02-29", 2), (19_782, "2024-02-29", 4),
            (47_540, "2100-02-28", 0), (47_541, "2100-03-01", 1), (-719_468, "0000-03-01", 3),
        ])
    func days(number: Int, text: String, weekday: Int) {
        let date = CivilDate(daysSinceEpoch: number)
        #expect(date.description == text)
        #expect(date.daysSinceEpoch == number)
        #expect(date.weekday == weekday)
    }

    @Test("years of centuries are leap years when 400 divides them")
    func leapYears() {
        #expect([1900, 2000, 2023, 2024, 2100, 2400].filter(CivilDate.isLeap) == [2000, 2024, 2400])
        #expect((1...12).map { CivilDate.days(inMonth: $0, of: 2023) }.reduce(0, +) == 365)
        #expect(CivilDate.days(inMonth: 2, of: 2024) == 29)
    }
}
