import RunnelEngine
import RunnelKit
import RunnelSupport
import Testing

@testable import RunnelCLI

@Suite("What `runnel usage` says of unknown numbers") struct UsageReportTests {
    private static func sum(_ pipeline: String, calls: Int, unknownCached: Int, cached: Int) -> UsageSum {
        var total = UsageTotal()
        (total.calls, total.inputTokens, total.outputTokens) = (calls, 100, 20)
        (total.cachedTokens, total.unknownCachedCalls) = (cached, unknownCached)
        return UsageSum(period: 0, pipeline: pipeline, agent: "a", model: "m", total: total)
    }

    private static let report = UsageReport(
        [
            sum("all", calls: 2, unknownCached: 0, cached: 0), sum("none", calls: 2, unknownCached: 2, cached: 0),
            sum("some", calls: 2, unknownCached: 1, cached: 40),
        ], by: .pipeline, days: nil, since: 0, PriceTable())

    @Test("cached tokens that no call told are unknown, and a sum that lacks some is marked; 0 is what was told")
    func text() {
        let text = Self.report.text(style: TextStyle(hasColor: false))
        let lines = text.split(separator: "\n").prefix(5).map(String.init)
        #expect(
            lines == [
                "PIPELINE  CALLS   IN   CACHED  OUT     COST",
                "all           2  100        0   20  unknown",
                "none          2  100  unknown   20  unknown",
                "some          2  100     ≥ 40   20  unknown",
                "total         6  300     ≥ 40   60  unknown",
            ])
    }

    @Test("in JSON unknown cached tokens are null")
    func json() {
        let json = Self.report.json
        #expect(json["rows"]?[0]?["cached_tokens"] == 0)
        #expect(json["rows"]?[1]?["cached_tokens"] == .null)
        #expect(json["rows"]?[1]?["input_tokens"] == 100)
        #expect(json["rows"]?[2]?["cached_tokens"] == 40)
        #expect(json["rows"]?[2]?["unknown_cached_calls"] == 1)
        #expect(json["total"]?["unknown_cached_calls"] == 3)
    }
}
