import Testing

@testable import RunnelKit
@testable import SchedulePlugin

/// The same numbers in every run.
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 33)
    }
}

@Suite("Random input") struct RandomInputTests {
    @Test("whatever is written is refused with a sentence, or comes at some time")
    func expressions() throws {
        var random = SeededGenerator(state: 1)
        let pieces = [
            "*", "?", "L", "W", "LW", "#", "/", "-", ",", "0", "1", "7", "15", "31", "59", "99", "MON", "FEB",
        ]
        var accepted = 0
        for _ in 0..<20_000 {
            let fields = (0..<Int.random(in: 5...6, using: &random)).map { _ in
                Bool.random(using: &random)
                    ? "*"
                    : (0..<Int.random(in: 1...4, using: &random)).map { _ in pieces.randomElement(using: &random) ?? ""
                    }.joined()
            }
            do throws(FieldError) {
                let expression = try CronExpression(fields.joined(separator: " "))
                accepted += 1
                #expect(Schedule(expression, in: .utc).next(after: 0) != nil, "\(expression.text)")
            } catch {
                #expect(!error.message.isEmpty)
            }
        }
        #expect(accepted > 500)
    }

    @Test("a time zone file with damaged bytes never ends the process")
    func zones() throws {
        var random = SeededGenerator(state: 2)
        let folder = try #require(ZoneDatabase.system.folders.first { SmallFile.isRegular($0 + "/Europe/Dublin") })
        let bytes = try #require(SmallFile.read(folder + "/Europe/Dublin"))
        let expression = try CronExpression("30 2 * * *")
        var read = 0
        for _ in 0..<3000 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                damaged[Int.random(in: 0..<damaged.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            guard let rules = try? TZifReader.rules(damaged) else { continue }
            read += 1
            let schedule = Schedule(expression, in: Zone(name: "damaged", rules: rules))
            var tick: Int64? = 0
            for _ in 0..<5 {
                let next = tick.flatMap { schedule.next(after: $0) }
                if let tick, let next { #expect(next > tick) }
                tick = next
            }
        }
        #expect(read > 100)
    }

    @Test("the ends of time are no trap", arguments: ["* * * * *", "0 2 * * *", "0 0 29 2 *"])
    func ends(cron: String) throws {
        for zone in ["UTC", "America/New_York", "Pacific/Apia"] {
            let schedule = try schedule(cron, zone)
            #expect(try #require(schedule.next(after: .min)) > .min)
            #expect(schedule.next(after: .max) == nil)
            #expect(!schedule.text(of: .min).isEmpty && !schedule.text(of: .max).isEmpty)
            #expect(try #require(schedule.latest(after: .min, through: .max)) > 0)
        }
    }
}
