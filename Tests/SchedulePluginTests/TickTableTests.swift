import Foundation
import RunnelKit
import Testing

@testable import SchedulePlugin

/// Resources/ticks.json, which the script beside it makes with croniter and cronsim.
private struct TickTable: Decodable {
    struct Ruled: Decodable {
        let `case`: [String]
        let rule: [String]
    }

    let agreed: [[String]]
    let oneAlone: [[String]]
    let byRule: [Ruled]

    static func load() throws -> TickTable {
        let url = try #require(Bundle.module.url(forResource: "Resources/ticks", withExtension: "json"))
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(TickTable.self, from: Data(contentsOf: url))
    }
}

@Suite("Ticks computed by others") struct TickTableTests {
    @Test("where croniter and cronsim agree, so do we")
    func agreed() throws {
        let rows = try TickTable.load().agreed
        #expect(rows.count > 1000)
        #expect(Set(rows.map { $0[0] }).count > 30, "zones")
        for row in rows { try check(row, row.dropFirst(3)) }
    }

    @Test("workdays are those of the one that knows them")
    func workdays() throws {
        let rows = try TickTable.load().oneAlone
        #expect(rows.count == 24)
        for row in rows { try check(row, row.dropFirst(3)) }
    }

    @Test("where they differ about clocks that are changed, our rule holds, as trying every minute shows")
    func byRule() throws {
        let rows = try TickTable.load().byRule
        #expect(rows.count > 100)
        for row in rows { try check(row.case, row.rule[...]) }
    }

    private func check(_ row: [String], _ expected: ArraySlice<String>) throws {
        let schedule = try schedule(row[1], row[0])
        var tick = try time(row[2])
        var ticks: [String] = []
        for _ in expected {
            tick = try #require(schedule.next(after: tick))
            ticks.append(Timestamp.text(nanoseconds: tick).replacing(".000Z", with: "Z"))
        }
        #expect(ticks == Array(expected), "\(row[1]) in \(row[0]) after \(row[2])")
    }
}
