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

    @Test("on a terminal long names are cut, and notes wrapped")
    func width() {
        let report = UsageReport(
            [Self.sum("a-pipeline-with-quite-a-long-name", calls: 2, unknownCached: 0, cached: 0)], by: .pipeline,
            days: nil, since: 0, PriceTable())
        #expect(
            report.text(style: TextStyle(hasColor: false), width: 50) == """
                PIPELINE          CALLS   IN  CACHED  OUT     COST
                a-pipeline-with…      2  100       0   20  unknown
                no price is set for 2 calls; see `prices` in
                  runnel.yaml

                """)
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

    @Test("budgets stand in a table of their own, and in JSON")
    func budgets() {
        let budgets = [
            BudgetStatus(
                pipeline: nil, used: 800, limit: 1000, isEstimated: true, period: "day", endsAt: 0, excess: .wait),
            BudgetStatus(
                pipeline: "mail", used: 1.5, limit: 1, currency: "USD", period: "week", endsAt: 0, excess: .fail),
        ]
        let report = UsageReport([], by: .pipeline, days: nil, since: 0, PriceTable(), budgets)
        let end = LocalTime.text(0)
        let title = "UNTIL".padding(to: end.count)
        #expect(
            report.budgetText(style: TextStyle(hasColor: false)) == """
                BUDGET             USED        LIMIT  SHARE   PER  \(title)  THEN
                all chats  ~ 800 tokens  1000 tokens   80 %   day  \(end)  wait
                mail           1.50 USD     1.00 USD  150 %  week  \(end)  fail
                ~ some of it is estimated: the server did not tell it

                """)
        #expect(
            report.budgetText(style: TextStyle(hasColor: false), width: 60) == """
                BUDGET             USED        LIMIT  SHARE   PER
                all chats  ~ 800 tokens  1000 tokens   80 %   day
                  until \(end), then wait
                mail           1.50 USD     1.00 USD  150 %  week
                  until \(end), then fail
                ~ some of it is estimated: the server did not tell it

                """)
        #expect(report.json["budgets"]?[0]?["limit"] == 1000)
        #expect(report.json["budgets"]?[0]?["pipeline"] == .null)
        #expect(report.json["budgets"]?[1]?["share"] == 1.5)
        #expect(Self.report.json["budgets"] == [])
    }
}

extension String {
    /// As the cell of a column that stands on the right.
    fileprivate func padding(to width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}
