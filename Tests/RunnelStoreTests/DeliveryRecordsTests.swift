import RunnelEngine
import RunnelKit
import Testing

@Suite("Deliveries in every journal") struct DeliveryRecordsTests {
    private static let second: Int64 = 1_000_000_000

    private static func delivery(
        _ time: Int64, _ outcome: DeliveryRecord.Outcome = .accepted, pipeline: String = "p", body: [UInt8] = []
    ) -> DeliveryRecord {
        DeliveryRecord(
            time: time, pipeline: pipeline, trigger: "webhook", method: "POST", path: "/hooks/h", outcome: outcome,
            reason: outcome == .refused ? "no" : "", status: 202, runID: outcome == .accepted ? "r" : nil,
            size: body.count, isWhole: true, request: ["headers": [["a", "b\0c"]]], body: body)
    }

    @Test("are given back as they were, whatever their bodies hold", arguments: JournalKind.allCases)
    func whole(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let bodies: [[UInt8]] = [[], Array("tä".utf8), Array("b".utf8), [0, 1, 255], [65, 0]]
            // More than one statement inserts.
            let deliveries = (0..<40).map { Self.delivery(Int64($0), body: bodies[$0 % bodies.count]) }
            try await journal.deliveries.append(deliveries)
            let listed = try await other.deliveries.deliveries(DeliveryFilter())
            #expect(listed.count == deliveries.count)
            for (listed, delivery) in zip(listed.reversed(), deliveries) {
                var expected = delivery
                expected.number = listed.number
                #expect(try await other.deliveries.delivery(listed.number) == expected)
                (expected.request, expected.body) = (.null, [])
                #expect(listed == expected)
            }
            #expect(try await other.deliveries.delivery(99) == nil)
        }
    }

    @Test("are listed by outcome and pipeline, a page at a time", arguments: JournalKind.allCases)
    func filters(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let outcomes: [DeliveryRecord.Outcome] = [.accepted, .refused, .duplicate, .refused, .ignored]
            try await journal.deliveries.append(
                outcomes.enumerated().map {
                    Self.delivery(Int64($0.offset), $0.element, pipeline: $0.offset < 3 ? "p" : "q")
                })
            func times(_ filter: DeliveryFilter) async throws -> [Int64] {
                try await other.deliveries.deliveries(filter).map(\.time)
            }
            #expect(try await times(DeliveryFilter()) == [4, 3, 2, 1, 0])
            #expect(try await times(DeliveryFilter(outcome: .refused)) == [3, 1])
            #expect(try await times(DeliveryFilter(outcome: .accepted, pipeline: "p")) == [0])
            #expect(try await times(DeliveryFilter(pipeline: "q")) == [4, 3])
            #expect(try await times(DeliveryFilter(runID: "r")) == [0])
            #expect(try await times(DeliveryFilter(runID: "s")).isEmpty)
            let last = try #require(try await other.deliveries.deliveries(DeliveryFilter(limit: 2)).last)
            #expect(try await times(DeliveryFilter(before: last.number, limit: 2)) == [2, 1])
        }
    }

    @Test("go when they are too old, and their numbers are not used again", arguments: JournalKind.allCases)
    func age(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            try await journal.deliveries.append((1...120).map { Self.delivery($0 * Self.second) })
            _ = try await journal.prune(Retention(deliveryAge: .seconds(20)), now: 120 * Self.second)
            let kept = try await other.deliveries.deliveries(DeliveryFilter(limit: 999))
            #expect(kept.map { $0.time / Self.second } == Array((100...120).reversed()))
            _ = try await journal.prune(Retention(deliveryAge: .zero), now: 121 * Self.second)
            #expect(try await other.deliveries.deliveries(DeliveryFilter()).isEmpty)
            try await journal.deliveries.append([Self.delivery(0)])
            let next = try #require(try await other.deliveries.deliveries(DeliveryFilter()).first)
            #expect(next.number > (kept.first?.number ?? .max))
        }
    }

    @Test(
        "go when they are too old, also after one with the time of a clock that was ahead",
        arguments: JournalKind.allCases)
    func clockAhead(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let ahead = (1...60).map { Self.delivery((1000 + $0) * Self.second) }
            try await journal.deliveries.append(ahead + (1...60).map { Self.delivery($0 * Self.second) })
            _ = try await journal.prune(Retention(deliveryAge: .seconds(20)), now: 60 * Self.second)
            let kept = try await other.deliveries.deliveries(DeliveryFilter(limit: 999))
            #expect(kept.map { $0.time / Self.second } == Array((40...60).reversed()))
        }
    }

    @Test(
        "take no more bytes than they may, and refused ones a quarter of them, so that they do not push out others",
        arguments: JournalKind.allCases)
    func bytes(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let body = [UInt8](repeating: 65, count: 100_000)
            try await journal.deliveries.append((1...10).map { Self.delivery($0 * Self.second, body: body) })
            try await journal.deliveries.append(
                (11...70).map { Self.delivery($0 * Self.second, .refused, body: body) })
            let retention = Retention(deliveryBytes: 2_000_000)
            _ = try await journal.prune(retention, now: 70 * Self.second)
            let kept = try await other.deliveries.deliveries(DeliveryFilter(limit: 999))
            #expect(kept.count { $0.outcome == .accepted } == 10)
            #expect((1...5).contains(kept.count { $0.outcome == .refused }))
            #expect(kept.first?.time == 70 * Self.second)
            _ = try await journal.prune(Retention(deliveryBytes: 0), now: 70 * Self.second)
            #expect(try await other.deliveries.deliveries(DeliveryFilter()).isEmpty)
        }
    }
}
