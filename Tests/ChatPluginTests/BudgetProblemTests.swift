import RunnelKit
import Testing

@testable import ChatPlugin

@Suite("Budgets as problems") struct BudgetProblemTests {
    private static let day: Int64 = 86_400_000_000_000

    private func problems(_ settings: Value, tokens: [String: Int], day: Int64 = 0) async throws
        -> [String]
    {
        let plugin = ChatPlugin().configured(try MarketplaceSettings(field: settings))
        let context = MonitoringContext(now: day * Self.day + 5) { since, pipeline in
            // What was used belongs to the first day.
            var total = UsageTotal()
            if since == 0 { total.inputTokens = tokens[pipeline ?? "all"] ?? 0 }
            return total
        }
        return try await plugin.problems(context).map { "\($0.subject): \($0.message)" }
    }

    @Test(
        "a budget is a problem from 80 % on, another one when it is used up, and none in the next period"
    )
    func levels() async throws {
        let settings: Value = ["budget": ["tokens": 1000]]
        #expect(try await problems(settings, tokens: ["all": 799]) == [])
        let near =
            "the budget of all chats: 80 % of the budget of all chats: 800 of 1k tokens are used in this day"
        #expect(try await problems(settings, tokens: ["all": 800]) == [near])
        #expect(
            try await problems(settings, tokens: ["all": 1000]) == [
                "the budget of all chats: 100 % of the budget of all chats: 1k of 1k tokens are used in this day",
                """
                the budget of all chats, used up: the budget of all chats is used up, and chats wait for the next day: \
                1k of 1k tokens are used in this day
                """,
            ])
        #expect(try await problems(settings, tokens: ["all": 1000], day: 1) == [])
    }

    @Test("a pipeline's own budget is a problem of its own")
    func ofPipelines() async throws {
        let settings: Value = [
            "budget": ["tokens": "1M"], "pipeline_budgets": ["mail": ["tokens": 10, "then": "fail"]],
        ]
        let found = try await problems(settings, tokens: ["all": 10, "mail": 10])
        #expect(
            found == [
                "the budget of mail: 100 % of the budget of mail: 10 of 10 tokens are used in this day",
                """
                the budget of mail, used up: the budget of mail is used up, and chats fail: 10 of 10 tokens are used in \
                this day
                """,
            ])
    }

    @Test("each limit of each budget says what is used of it, until when, and what happens beyond")
    func statuses() async throws {
        let settings: Value = [
            "budget": ["tokens": 1000, "cost": "2 USD"], "pipeline_budgets": ["mail": ["tokens": 10, "then": "fail"]],
        ]
        let plugin = ChatPlugin().configured(try MarketplaceSettings(field: settings))
        let found = try await plugin.budgets(
            MonitoringContext(now: 5) { _, pipeline in
                var total = UsageTotal()
                total.inputTokens = pipeline == nil ? 500 : 7
                total.estimatedOutput = pipeline == nil ? 100 : 0
                total.unknownCalls = pipeline == nil ? 1 : 0
                total.cost = Money(1, "USD")
                return total
            })
        #expect(
            found == [
                BudgetStatus(
                    pipeline: nil, used: 600, limit: 1000, isEstimated: true, period: "day", endsAt: Self.day,
                    excess: .wait),
                BudgetStatus(
                    pipeline: nil, used: 1, limit: 2, currency: "USD", period: "day", endsAt: Self.day, excess: .wait),
                BudgetStatus(
                    pipeline: "mail", used: 7, limit: 10, period: "day", endsAt: Self.day, excess: .fail),
            ])
        let without = try await ChatPlugin().budgets(MonitoringContext(now: 5) { _, _ in UsageTotal() })
        #expect(without == [])
    }
}
